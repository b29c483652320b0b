package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
)

// openAPI describes the whole, before any operation.
func openAPI(program string) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "帮扶：个体工商户分型分类精准帮扶", Version: program,
				Description: "除公开查询外，请求须带 `Authorization: Bearer 令牌`。出错时答复 RFC 9457 问题文档，`type` 长期不变，`detail` 为中文说明。" +
					"日期如 2026-07-01，时刻为 RFC 3339（+08:00），金额为以元计的十进制文字。列表用 after、limit 翻页，答复中的 next 是下一页的 after。"},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", Description: "用户的令牌，或登录（POST /api/v1/sessions）所得的会话令牌"},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
}

// schemaName names a type in the documentation; types of other packages carry their package's name, so that
// models.Row and api.Row can both be there.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	pkg := t.PkgPath()
	if t.Name() == "" || strings.HasSuffix(pkg, "/api") || !strings.HasPrefix(pkg, "bangfu/") {
		return name
	}
	pkg = pkg[strings.LastIndex(pkg, "/")+1:]
	return strings.ToUpper(pkg[:1]) + pkg[1:] + name
}

// registerDocs serves the documentation and a page to try it; the page loads nothing from elsewhere.
func (s *Server) registerDocs() {
	document := sync.OnceValues(func() ([]byte, error) { return json.Marshal(s.api.OpenAPI()) })
	s.handle(public, http.MethodGet, "/openapi.json", func(c *gin.Context) {
		b, err := document()
		if err != nil {
			s.refuse(c, err)
			return
		}
		c.Data(http.StatusOK, "application/openapi+json", b)
	})
	page := v5emb.NewHandlerWithConfig(swgui.Config{Title: "帮扶接口", SwaggerJSON: "/openapi.json", BasePath: "/docs", HideCurl: true,
		SettingsUI: map[string]string{"persistAuthorization": "false", "docExpansion": `"none"`, "tagsSorter": `"alpha"`}})
	show := func(c *gin.Context) {
		c.Header("Content-Security-Policy", "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'")
		page.ServeHTTP(c.Writer, c.Request)
	}
	s.handle(public, http.MethodGet, "/docs", show)
	s.handle(public, http.MethodGet, "/docs/*asset", show)
}
