package mailcatcher

import (
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed page.html
var pageFile embed.FS

var pages = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"local": func(t time.Time) string {
		return t.In(time.FixedZone("Asia/Shanghai", 8*60*60)).Format("2006-01-02 15:04:05")
	},
	"join": func(s []string) string { return strings.Join(s, "、") },
}).ParseFS(pageFile, "page.html"))

// Policies of content: nothing from outside, no script anywhere; a mail's HTML besides stands in a sandbox of its own.
const (
	pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	mailPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

const perPage = 100

func (b *mailbox) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.showList)
	mux.HandleFunc("GET /messages/{id}", b.showMessage)
	mux.HandleFunc("GET /messages/{id}/html", b.showHTML)
	mux.HandleFunc("GET /messages/{id}/raw.eml", b.raw)
	mux.HandleFunc("GET /api/messages", b.listJSON)
	mux.HandleFunc("GET /api/messages/{id}", b.messageJSON)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !local(r.Host) { // a page elsewhere whose name was made to point here (DNS rebinding)
			http.Error(w, "请用 127.0.0.1 或 localhost 访问", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

func local(host string) bool {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	return host == "localhost" || host == "127.0.0.1" || host == "[::1]"
}

type view struct {
	To      string
	List    []Summary
	Next    string
	Message *Message
}

func (b *mailbox) showList(w http.ResponseWriter, r *http.Request) {
	to := r.FormValue("to")
	list, err := b.list(to, r.FormValue("before"), perPage)
	if err != nil {
		fail(w, err)
		return
	}
	v := view{To: to, List: list}
	if len(list) == perPage {
		v.Next = list[perPage-1].ID
	}
	render(w, v)
}

func (b *mailbox) showMessage(w http.ResponseWriter, r *http.Request) {
	m, err := b.read(r.PathValue("id"), true)
	if err != nil {
		fail(w, err)
		return
	}
	render(w, view{Message: &m})
}

func render(w http.ResponseWriter, v view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pages.Execute(w, v) // the reader is gone
}

// showHTML gives a mail's HTML for the frame: no script, nothing from outside, an origin of its own.
func (b *mailbox) showHTML(w http.ResponseWriter, r *http.Request) {
	m, err := b.read(r.PathValue("id"), true)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Security-Policy", mailPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, m.HTML)
}

func (b *mailbox) raw(w http.ResponseWriter, r *http.Request) {
	f, err := b.open(r.PathValue("id"))
	if err != nil {
		fail(w, err)
		return
	}
	defer func() { _ = f.Close() }()
	w.Header().Set("Content-Type", "message/rfc822")
	w.Header().Set("Content-Disposition", `attachment; filename="`+r.PathValue("id")+`.eml"`)
	_, _ = io.Copy(w, f)
}

func (b *mailbox) listJSON(w http.ResponseWriter, r *http.Request) {
	limit := perPage
	if s := r.FormValue("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 1000 {
			http.Error(w, "limit 应为 1 至 1000", http.StatusUnprocessableEntity)
			return
		}
		limit = n
	}
	list, err := b.list(r.FormValue("to"), r.FormValue("before"), limit)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, map[string]any{"items": list})
}

func (b *mailbox) messageJSON(w http.ResponseWriter, r *http.Request) {
	m, err := b.read(r.PathValue("id"), true)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, m)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, err error) {
	if errors.Is(err, errNoMail) {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	http.Error(w, "邮件读取失败", http.StatusInternalServerError)
}
