package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey).(string)
	return id
}

// identify gives the request its id: the caller's X-Request-Id if that is a plain word, else a new one.
func (s *Server) identify(c *gin.Context) {
	id := c.GetHeader("X-Request-Id")
	if len(id) == 0 || len(id) > 64 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		var b [12]byte
		_, _ = rand.Read(b[:]) // never fails
		id = hex.EncodeToString(b[:])
	}
	c.Header("X-Request-Id", id)
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), requestKey, id))
	c.Next()
}

// record counts the request for /metrics and writes it into the access log: the route, not the path, so that no
// household stands in a log.
func (s *Server) record(c *gin.Context) {
	start := time.Now()
	s.metrics.flight.Inc()
	defer func() {
		s.metrics.flight.Dec()
		route := c.FullPath()
		if route == "" {
			route = "none"
		}
		status, took := c.Writer.Status(), time.Since(start)
		s.metrics.seen(c.Request.Method, route, status, took)
		ctx := c.Request.Context()
		attributes := []any{"request", requestID(ctx), "method", c.Request.Method, "route", route, "status", status, "bytes", max(0, c.Writer.Size()), "took", took.Round(10 * time.Microsecond), "address", c.ClientIP()}
		if u := caller(ctx); u.Role != "" {
			attributes = append(attributes, "by", string(u.Actor()))
		}
		if q := harmless(c.Request.URL.Query()); q != "" {
			attributes = append(attributes, "query", q)
		}
		s.Options.Logger.InfoContext(ctx, "request", attributes...)
	}()
	c.Next()
}

// plain are the query parameters whose values may stand in a log.
var plain = []string{"after", "limit", "district", "year", "tier", "source", "state", "kind", "department", "stage"}

// harmless is a query without the values that may name a person.
func harmless(q url.Values) string {
	for k, v := range q {
		if !slices.Contains(plain, k) {
			for i := range v {
				v[i] = "***"
			}
		}
	}
	s, err := url.QueryUnescape(q.Encode())
	if err != nil || len(s) > 300 {
		return "…"
	}
	return s
}

// recover turns a panic into a problem document and a line in the log, with where it happened.
func (s *Server) recover(c *gin.Context) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) && c.Writer.Written() {
				panic(p) // a download that broke off must not look whole
			}
			s.Options.Logger.ErrorContext(c.Request.Context(), "panic", "request", requestID(c.Request.Context()), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			s.refuse(c, newProblem(500, ""))
		}
	}()
	c.Next()
}

// harden sets the headers that keep browsers from doing with an answer what it is not meant for. Pages may set
// their own Content-Security-Policy.
func (s *Server) harden(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if c.GetHeader("Authorization") != "" {
		h.Set("Cache-Control", "no-store")
	}
	c.Next()
}
