package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"bangfu/models"
)

func TestADownloadThatBrokeOffDoesNotLookWhole(t *testing.T) {
	s := newTestServer(open(t))
	for path, before := range map[string]string{"/early": "", "/late": strings.Repeat("x", 100_000)} {
		register(s, public, download(path[1:], path, "测试", nil, kindCSV), func(ctx context.Context, _ models.User, _ *struct{}) (*huma.StreamResponse, error) {
			return s.file(ctx, kindCSV, "a.csv", func(w io.Writer) error {
				if before != "" {
					_, _ = io.WriteString(w, before)
				}
				return errors.New("the database went away")
			}), nil
		})
	}
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	get := func(path string) (int, error) {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		w, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer func() { _ = w.Body.Close() }()
		_, err = io.Copy(io.Discard, w.Body)
		return w.StatusCode, err
	}
	code, err := get("/early")
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, code, "nothing was sent yet: the answer says so")
	_, err = get("/late")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}
