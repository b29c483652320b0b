package rehearsal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"

	"bangfu/models"
)

// object is a request's body.
type object = map[string]any

// caller is somebody who uses the program's API, without a network between.
type caller struct {
	handler http.Handler
	token   string
	address string // whence they come: who signs in is counted by it
	id      int64  // of the user; 0 for operators and the public
}

// answer is what the handler wrote.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// refusal is an answer that says no: what was asked may not be, or not any more. Everything else that fails is tried again.
type refusal struct {
	status int
	words  string
}

func (r *refusal) Error() string { return r.words }

// refused says whether the program said no.
func refused(err error) bool {
	var r *refusal
	return errors.As(err, &r)
}

// call sends a request and decodes the answer into out, if one is given. The error is a refusal, or CodeUnavailable when the program
// could not answer.
func (c caller) call(ctx context.Context, method, path string, body, out any) error {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return fmt.Errorf("writing a request: %w", err)
		}
	}
	b, err := c.send(ctx, method, path, "application/json", bytes.NewReader(content))
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	return nil
}

func (c caller) get(ctx context.Context, path string, out any) error {
	return c.call(ctx, http.MethodGet, path, nil, out)
}

func (c caller) post(ctx context.Context, path string, body, out any) error {
	if body == nil {
		body = object{}
	}
	return c.call(ctx, http.MethodPost, path, body, out)
}

func (c caller) send(ctx context.Context, method, path, contentType string, body io.Reader) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, path, body)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", path, err)
	}
	r.RemoteAddr, r.RequestURI = c.address+":1", path
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Idempotency-Key", rand.Text())
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	a := answer{header: http.Header{}}
	c.handler.ServeHTTP(&a, r)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case a.status < 300:
		return a.body.Bytes(), nil
	case a.status >= 500 || a.status == http.StatusTooManyRequests || a.status == http.StatusUnauthorized:
		return nil, models.Errorf(models.CodeUnavailable, "%s %s：%s", method, path, detail(a.body.Bytes()))
	}
	return nil, &refusal{a.status, detail(a.body.Bytes())}
}

func detail(body []byte) string {
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(body, &problem) != nil || problem.Detail == "" {
		return string(body[:min(len(body), 300)])
	}
	return problem.Detail
}

// deliver hands a department's file over.
func (c caller) deliver(ctx context.Context, source models.Source, district string, year int, name string, file io.Reader) error {
	out, in := io.Pipe()
	form := multipart.NewWriter(in)
	go func() {
		_ = in.CloseWithError(func() error {
			for k, v := range map[string]string{"source": source.String(), "district": district, "year": fmt.Sprint(year)} {
				if err := form.WriteField(k, v); err != nil {
					return err
				}
			}
			part, err := form.CreateFormFile("file", name)
			if err != nil {
				return err
			}
			if _, err := io.Copy(part, file); err != nil {
				return err
			}
			return form.Close()
		}())
	}()
	_, err := c.send(ctx, http.MethodPost, "/api/v1/deliveries", form.FormDataContentType(), out)
	_ = out.Close()
	return err
}

// all reads every page of a list.
func all[T any](ctx context.Context, c caller, path string, query url.Values) ([]T, error) {
	var list []T
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", "1000")
	for {
		var page struct {
			Items []T
			Next  string
		}
		if err := c.get(ctx, path+"?"+query.Encode(), &page); err != nil {
			return nil, err
		}
		list = append(list, page.Items...)
		if page.Next == "" {
			return list, nil
		}
		query.Set("after", page.Next)
	}
}
