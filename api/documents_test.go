package api

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"bangfu/activities/sampletest"
	"bangfu/models"
	"bangfu/models/document"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// documented is the i-th household's draft, with a token of its operator.
func (d *reviewDistrict) documented(i int) (a models.Application, operator string) {
	d.t.Helper()
	a, err := d.store.DraftApplication(context.Background(), models.Application{CycleID: sampletest.Cycle, USCC: d.fit[i], Origin: models.OriginOwn, EnteredBy: models.HouseholdActor(d.fit[i])},
		models.ApplicationContent{Wished: []models.Category{models.Quality}, Grounds: []models.ApplicationGround{{Category: models.Quality, Letter: "B"}}})
	require.NoError(d.t, err)
	return a, operatorToken(d.t, d.store, "110107", d.fit[i])
}

// uploaded sends a file as a form.
func uploaded(t *testing.T, s *Server, token, path, name string, content []byte, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		require.NoError(t, form.WriteField(fields[i], fields[i+1]))
	}
	w, err := form.CreateFormFile("file", name)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, form.Close())
	return posted(t, s, token, path, form.FormDataContentType(), int64(b.Len()), &b)
}

func posted(t *testing.T, s *Server, token, path, contentType string, length int64, body io.Reader) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, path, body)
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Length", fmt.Sprint(length))
	r.ContentLength = length
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 60, 40)), nil))
	return b.Bytes()
}

func archive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("bomb.txt")
	require.NoError(t, err)
	_, err = w.Write(make([]byte, 64<<20))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

const onePage = "%%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R%s>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>\nendobj\ntrailer\n<</Root 1 0 R/Size 4>>\n%%%%EOF\n"

func TestAnOperatorHandsInEvidenceAndOnlyThoseConcernedReadIt(t *testing.T) { // 附三(二)2
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		d := newReviewDistrict(t, s)
		a, operator := d.documented(0)
		_, stranger := d.documented(1)
		path := fmt.Sprintf("/api/v1/applications/%d/documents", a.ID)
		polyglot := append(picture(t), archive(t)...)
		w := uploaded(t, d.server, operator, path, `..\..\门店 "正面".JPG`, polyglot, "purpose", "evidence")
		v := answer[DocumentView](t, w, http.StatusCreated)
		require.Equal(t, v.URL, w.Header().Get("Location"))
		require.Equal(t, `门店 "正面".JPG`, v.Name)
		require.Equal(t, document.JPEG, v.MediaType)
		require.Equal(t, v, answer[DocumentView](t, uploaded(t, d.server, operator, path, "again.jpg", polyglot), http.StatusCreated), "the same file is kept once")

		got := call(t, d.server, operator, "GET", v.URL, nil)
		require.Equal(t, http.StatusOK, got.Code)
		require.Equal(t, document.JPEG, got.Header().Get("Content-Type"))
		require.Equal(t, "nosniff", got.Header().Get("X-Content-Type-Options"))
		require.Contains(t, got.Header().Get("Content-Security-Policy"), "sandbox")
		require.Regexp(t, `^attachment; filename="[A-Z2-7]{26}\.JPG"; filename\*=UTF-8''%E9%97%A8%E5%BA%97%20%22`, got.Header().Get("Content-Disposition"))
		require.NotContains(t, got.Body.String(), "PK\x03\x04")
		require.Equal(t, v.Size, int64(got.Body.Len()))

		pdf := fmt.Appendf([]byte("<html><script>alert(1)</script>"), onePage, "")
		w2 := answer[DocumentView](t, uploaded(t, d.server, operator, path, "证书", pdf), http.StatusCreated)
		require.Equal(t, "证书.pdf", w2.Name)
		require.NotContains(t, call(t, d.server, operator, "GET", w2.URL, nil).Body.String(), "script")
		require.Len(t, answer[Page[DocumentView]](t, call(t, d.server, operator, "GET", path, nil), 200).Items, 2)

		for who, status := range map[string]int{"one": 200, "admin": 200, "auditor": 200, "city": 200, "tax": 404, "neighbour": 404} {
			require.Equal(t, status, call(t, d.server, d.tokens[who], "GET", v.URL, nil).Code, who)
			require.Equal(t, status, call(t, d.server, d.tokens[who], "GET", path, nil).Code, who)
		}
		require.Equal(t, http.StatusNotFound, call(t, d.server, stranger, "GET", v.URL, nil).Code)
		problemOf(t, uploaded(t, d.server, stranger, path, "a.jpg", picture(t)), http.StatusNotFound, "not-found")
		problemOf(t, uploaded(t, d.server, d.tokens["one"], path, "a.jpg", picture(t)), http.StatusForbidden, "forbidden")
		problemOf(t, uploaded(t, d.server, d.tokens["auditor"], path, "a.jpg", picture(t)), http.StatusForbidden, "forbidden")
		log, err := s.AuditPage(context.Background(), models.ApplicationObject(a.ID), 0, 100)
		require.NoError(t, err)
		read := 0
		for _, e := range log {
			if e.Action == "document.read" {
				read++
			}
		}
		require.Equal(t, 4, read, "who else read it is on record")

		require.Equal(t, http.StatusForbidden, call(t, d.server, d.tokens["one"], "DELETE", v.URL, nil).Code)
		require.Equal(t, http.StatusNoContent, call(t, d.server, operator, "DELETE", v.URL, nil).Code)
		require.Equal(t, http.StatusNotFound, call(t, d.server, operator, "GET", v.URL, nil).Code)
	})
}

// endless is a body that is longer than anybody reads; it counts what was read of it.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	clear(p)
	e.read += int64(len(p))
	return len(p), nil
}

func TestHostileUploadsAreRefusedAndLeaveNothingBehind(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	s := open(t)
	d := newReviewDistrict(t, s)
	a, operator := d.documented(0)
	path := fmt.Sprintf("/api/v1/applications/%d/documents", a.ID)

	var bomb bytes.Buffer
	require.NoError(t, png.Encode(&bomb, image.NewGray(image.Rect(0, 0, 1, 1))))
	huge := bomb.Bytes()
	binary.BigEndian.PutUint32(huge[16:], 100000)
	binary.BigEndian.PutUint32(huge[20:], 100000)
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	for name, c := range map[string]struct {
		file    string
		content []byte
	}{
		"a program":            {"setup.exe", []byte("MZ\x90\x00\x03")},
		"a picture as program": {"门店.jpg.exe", picture(t)},
		"a program as picture": {"门店.jpg", []byte("MZ\x90\x00\x03")},
		"a page":               {"a.pdf", []byte("<html><script>alert(1)</script></html>")},
		"a vector picture":     {"a.svg", []byte("<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>")},
		"an archive bomb":      {"a.zip", archive(t)},
		"an archive as PDF":    {"a.pdf", archive(t)},
		"an image bomb":        {"a.png", huge},
		"a PDF with a script":  {"a.pdf", fmt.Appendf(nil, onePage, "/OpenAction<</S/JavaScript/JS(app.alert)>>")},
		"nothing":              {"a.pdf", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := problemOf(t, uploaded(t, d.server, operator, path, c.file, c.content), http.StatusUnprocessableEntity, "invalid")
			require.Equal(t, "file", p.Errors[0].Field)
		})
	}

	body := &endless{}
	problemOf(t, posted(t, d.server, operator, path, "multipart/form-data; boundary=x", 10<<30, body), http.StatusRequestEntityTooLarge, "too-large")
	require.Zero(t, body.read, "refused by what it declares, before anything is read")
	begin := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n"
	body = &endless{}
	problemOf(t, posted(t, d.server, operator, path, "multipart/form-data; boundary=x", -1, io.MultiReader(bytes.NewBufferString(begin), body)), http.StatusRequestEntityTooLarge, "too-large")
	require.Less(t, body.read, int64(documentBody+1<<20), "or by how much comes")
	problemOf(t, uploaded(t, d.server, operator, path, "a.jpg", append(picture(t), make([]byte, document.MaxSize)...)), http.StatusRequestEntityTooLarge, "too-large")
	problemOf(t, posted(t, d.server, operator, path, "application/json", 2, bytes.NewBufferString("{}")), http.StatusUnprocessableEntity, "invalid")
	problemOf(t, posted(t, d.server, operator, path, "multipart/form-data; boundary=x", 20, bytes.NewBufferString("--x\r\nbroken")), http.StatusUnprocessableEntity, "invalid")
	problemOf(t, uploaded(t, d.server, operator, path, "a.jpg", picture(t), "purpose", "photo"), http.StatusUnprocessableEntity, "invalid")

	list, err := s.Documents(context.Background(), models.ApplicationObject(a.ID))
	require.NoError(t, err)
	require.Empty(t, list)
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	for _, f := range left {
		require.NotContains(t, f.Name(), "multipart")
		require.NotContains(t, f.Name(), "bangfu")
	}
}

func TestACaseFileIsForTheHouseholdTheBureauTheCityAndAuditors(t *testing.T) { // R24
	storetest.Run(t, func(t *testing.T, s *store.Store) {
		d := newReviewDistrict(t, s)
		a := d.submitted(0)
		operator := operatorToken(t, s, "110107", d.fit[0])
		stranger := operatorToken(t, s, "110107", d.fit[1])
		path := fmt.Sprintf("/api/v1/applications/%d/case", a.ID)
		for who, status := range map[string]int{"one": 200, "admin": 200, "auditor": 200, "city": 200, "tax": 404, "neighbour": 404} {
			for _, p := range []string{path, path + ".pdf"} {
				require.Equal(t, status, call(t, d.server, d.tokens[who], "GET", p, nil).Code, who)
			}
		}
		require.Equal(t, http.StatusNotFound, call(t, d.server, stranger, "GET", path, nil).Code)
		require.Equal(t, http.StatusNotFound, call(t, d.server, stranger, "GET", path+".pdf", nil).Code)
		f := answer[map[string]any](t, call(t, d.server, operator, "GET", path, nil), 200)
		require.Equal(t, a.Number(), f["number"])
		require.Equal(t, true, f["for_operator"])
		require.NotEmpty(t, f["facts"])
		require.Len(t, f["events"], 1)
		w := call(t, d.server, operator, "GET", path+".pdf", nil)
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, document.PDF, w.Header().Get("Content-Type"))
		require.True(t, bytes.HasPrefix(w.Body.Bytes(), []byte("%PDF-")))
		require.Equal(t, w.Body.Bytes(), call(t, d.server, operator, "GET", path+".pdf", nil).Body.Bytes(), "reading it changes nothing")
		log, err := s.AuditPage(context.Background(), models.ApplicationObject(a.ID), 0, 100)
		require.NoError(t, err)
		require.Equal(t, "application.case", log[len(log)-1].Action, "that officials read it is on record")
	})
}
