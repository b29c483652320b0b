package activities_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"bangfu/activities"
	"bangfu/models"
	"bangfu/models/calendar"
	"bangfu/models/store"
	"bangfu/models/store/storetest"
)

// office is a district with one department whose tax source is connected.
type office struct {
	t     *testing.T
	dsn   string
	store *store.Store
	a     *activities.Connections
	today calendar.Date
}

func newOffice(t *testing.T, c models.Connection, folders ...string) *office {
	t.Helper()
	ctx := context.Background()
	dsn := storetest.SQLite(t)
	s, err := store.Open(ctx, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	require.NoError(t, s.SetDistrict(ctx, "system", models.District{Code: "110107", Name: "石景山区", City: "北京市"}))
	require.NoError(t, s.OpenCycle(ctx, models.NewCycle{CycleID: "110107-2026", District: "110107", Year: 2026, Plan: calendar.DefaultPlan(2026),
		WorkflowID: "cycle/110107-2026", Attempt: 1, Actor: "user:1", Today: calendar.MustDate("2026-06-01")}))
	c.District, c.Source = "110107", models.SourceTax
	if c.Poll == 0 {
		c.Poll = 60
	}
	if c.ReportAfter == 0 {
		c.ReportAfter = 1440
	}
	require.NoError(t, c.Validate(folders))
	require.NoError(t, s.SetConnection(ctx, "user:1", c))
	return &office{t: t, dsn: dsn, store: s, today: calendar.MustDate("2026-06-10"), a: &activities.Connections{
		Store: s, Letters: &activities.Letters{Store: s}, Folders: folders, MaxFile: 1 << 20, Settle: time.Millisecond, Idle: 200 * time.Millisecond}}
}

func (o *office) input() activities.LookInput {
	return activities.LookInput{CycleID: "110107-2026", District: "110107", Year: 2026, Source: models.SourceTax, Today: o.today}
}

func (o *office) look() (activities.LookResult, error) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(o.a)
	var r activities.LookResult
	value, err := env.ExecuteActivity(o.a.LookAtSource, o.input())
	if err == nil {
		require.NoError(o.t, value.Get(&r))
	}
	return r, err
}

// fetch looks, imports and settles as the workflow does.
func (o *office) fetch() (activities.LookResult, activities.ImportResult) {
	o.t.Helper()
	found, err := o.look()
	require.NoError(o.t, err)
	if found.DeliveryID == "" {
		return found, activities.ImportResult{}
	}
	r := imported(o.t, o.store, found.DeliveryID)
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(o.a)
	_, err = env.ExecuteActivity(o.a.SettleSource, activities.SettledInput{LookInput: o.input(), DeliveryID: found.DeliveryID, ETag: found.ETag})
	require.NoError(o.t, err)
	return found, r
}

func (o *office) connection() models.Connection {
	o.t.Helper()
	c, err := o.store.Connection(context.Background(), "110107", models.SourceTax)
	require.NoError(o.t, err)
	return c
}

func TestAnAddressIsAskedWithTheTokenAndNotReadAgainUntilItChanges(t *testing.T) {
	t.Setenv("BANGFU_SOURCE_TAX", "sesame")
	content, tag, served := taxFile(3, "100"), `"one"`, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sesame" || r.URL.Query().Get("district") != "110107" || r.URL.Query().Get("year") != "2026" || r.URL.Query().Get("kind") != "all" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		served++
		w.Header().Set("Content-Type", "text/csv")
		w.Header().Set("Content-Disposition", `attachment; filename="../../税务.csv"`)
		_, _ = io.WriteString(w, content)
	}))
	defer server.Close()
	o := newOffice(t, models.Connection{Kind: models.ChannelHTTP, Address: server.URL + "/data?kind=all", SecretEnv: "BANGFU_SOURCE_TAX"})

	found, err := o.look()
	require.NoError(t, err)
	require.Equal(t, "110107-2026-tax-1", found.DeliveryID)
	again, err := o.look()
	require.NoError(t, err)
	require.Equal(t, found, again, "what was not imported is not remembered as known")

	found, r := o.fetch()
	require.Equal(t, models.Rows{Read: 3, Accepted: 3, Unmatched: 3}, r.Rows)
	require.Equal(t, calendar.MustDate("2026-08-15"), found.Until)
	require.Equal(t, time.Hour, found.Poll)
	d, err := o.store.Delivery(context.Background(), found.DeliveryID)
	require.NoError(t, err)
	require.Equal(t, "税务.csv", d.FileName)
	require.Equal(t, models.ChannelHTTP, d.Channel)
	require.Equal(t, "connection:tax", d.By)

	read := served
	found, _ = o.fetch()
	require.Empty(t, found.DeliveryID)
	require.Equal(t, read, served, "not modified, not read")

	content, tag = taxFile(3, "200"), `"two"`
	found, _ = o.fetch()
	require.Equal(t, "110107-2026-tax-2", found.DeliveryID)
	require.False(t, o.connection().LastOKAt.IsZero())
}

func TestAnAddressWithoutETagsDeliversTheSameFileOnce(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, taxFile(3, "100")) }))
	defer server.Close()
	o := newOffice(t, models.Connection{Kind: models.ChannelHTTP, Address: server.URL})
	found, _ := o.fetch()
	require.NotEmpty(t, found.DeliveryID)
	found, _ = o.fetch()
	require.Empty(t, found.DeliveryID)
}

func TestWhatGoesWrongAtAnAddressIsNamedInWordsOfOurOwn(t *testing.T) {
	t.Setenv("BANGFU_SOURCE_TAX", "sesame")
	t.Setenv("BANGFU_SOURCE_EMPTY", "")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // must not be used
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was called with %q", r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	hold := make(chan struct{})
	defer close(hold)
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		secret string
		reason string
		after  time.Duration
	}{
		"401":          {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "sesame?", 401) }, "", "对方拒绝访问（401），请核对令牌或证书", 0},
		"503":          {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "120"); w.WriteHeader(503) }, "", "对方系统出错（503）", 2 * time.Minute},
		"another host": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, 302) }, "", "对方要求转到另一个地址，已拒绝", 0},
		"a loop":       {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", 302) }, "", "对方转址次数过多", 0},
		"a page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, "<html>")
		}, "", "对方返回的是网页而不是数据文件，请核对地址", 0},
		"too large": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) }, "", "对方的文件超过1 MB的上限", 0},
		"announced huge": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99999999999")
			_, _ = w.Write([]byte("x"))
		}, "", "对方的文件超过1 MB的上限", 0},
		"no answer": {func(http.ResponseWriter, *http.Request) { <-hold }, "", "对方没有在规定时间内应答", 0},
		"silence": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, taxHeader)
			w.(http.Flusher).Flush()
			<-hold
		}, "", "对方传输中断，200ms没有新数据", 0},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, taxHeader)
		}, "", "对方传输中断，文件没有收全", 0},
		"no token": {func(http.ResponseWriter, *http.Request) { t.Error("called without a token") }, "BANGFU_SOURCE_EMPTY", "执行程序的环境中没有 BANGFU_SOURCE_EMPTY 这个令牌", 0},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(c.answer))
			defer server.CloseClientConnections()
			secret := c.secret
			if secret == "" {
				secret = "BANGFU_SOURCE_TAX"
			}
			o := newOffice(t, models.Connection{Kind: models.ChannelHTTP, Address: server.URL, SecretEnv: secret})
			_, err := o.look()
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, "税务取数失败："+c.reason, app.Message())
			require.False(t, app.NonRetryable(), "the engine tries again")
			require.Equal(t, c.after, app.NextRetryDelay())
			require.NotContains(t, err.Error(), "sesame")
			require.Equal(t, c.reason, o.connection().LastError)
			require.False(t, o.connection().FailingSince.IsZero())
			list, err := o.store.Deliveries(context.Background(), store.DeliveryFilter{}, "", 10)
			require.NoError(t, err)
			require.Empty(t, list)
		})
	}
}

func TestAFailureThatLastsIsToldOnceUntilTheAddressWorksAgain(t *testing.T) {
	broken := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if broken {
			w.WriteHeader(500)
		} else {
			_, _ = io.WriteString(w, taxFile(1, "1"))
		}
	}))
	defer server.Close()
	o := newOffice(t, models.Connection{Kind: models.ChannelHTTP, Address: server.URL, ReportAfter: 60})
	ctx := context.Background()
	require.NoError(t, o.store.SetDepartment(ctx, "system", models.Department{District: "110107", Code: models.BureauCode, Name: "区市场监管局", Email: "bureau@example.cn"}))
	mails := func() int {
		list, err := o.store.Mails(ctx, store.MailFilter{District: "110107"}, 0, 100)
		require.NoError(t, err)
		return len(list)
	}
	fail := func() {
		_, err := o.look()
		require.Error(t, err)
	}
	fail()
	require.Zero(t, mails(), "not at once")
	db, err := sql.Open("sqlite", strings.TrimPrefix(o.dsn, "sqlite://"))
	require.NoError(t, err)
	_, err = db.Exec("UPDATE connections SET failing_since = ?", time.Now().UTC().Add(-2*time.Hour))
	require.NoError(t, err)
	require.NoError(t, db.Close())
	fail()
	told := mails()
	require.Positive(t, told)
	o.today = o.today.AddDays(1)
	fail()
	require.Equal(t, told, mails(), "once")
	broken = false
	o.fetch()
	require.True(t, o.connection().FailingSince.IsZero())
	require.Empty(t, o.connection().LastError)
}

func TestAFileThatIsRefusedCountsAsAFailureOfTheAddress(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"bad"`)
		_, _ = io.WriteString(w, "一,二,三\n1,2,3\n")
	}))
	defer server.Close()
	o := newOffice(t, models.Connection{Kind: models.ChannelHTTP, Address: server.URL})
	_, r := o.fetch()
	require.Equal(t, models.DeliveryRefused, r.State)
	require.Contains(t, o.connection().LastError, "整体退回")
	require.Empty(t, o.connection().ETag)
	found, _ := o.fetch()
	require.Empty(t, found.DeliveryID, "the same bad file does not become a second delivery")
}

func TestADepartmentsServerAndOurWorkerProveToEachOtherWhoTheyAre(t *testing.T) {
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)

	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, taxFile(1, "1")) }))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()

	c := models.Connection{Kind: models.ChannelHTTP, Address: server.URL}
	_, err = newOffice(t, c).look()
	require.ErrorContains(t, err, "对方的证书不可信")
	c.CAFile = write("ca.pem", "CERTIFICATE", server.Certificate().Raw)
	_, err = newOffice(t, c).look()
	require.ErrorContains(t, err, "双向认证的证书")
	c.ClientCert, c.ClientKey = write("cert.pem", "CERTIFICATE", cert), write("key.pem", "PRIVATE KEY", private)
	found, err := newOffice(t, c).look()
	require.NoError(t, err)
	require.NotEmpty(t, found.DeliveryID)
}

func TestOnlyWhatStandsOnTheListIsEverCalled(t *testing.T) {
	o := newOffice(t, models.Connection{Kind: models.ChannelHTTP, Address: "https://data.example.invalid/tax"})
	require.NoError(t, o.store.DeleteConnection(context.Background(), "user:1", "110107", models.SourceTax))
	found, err := o.look()
	require.NoError(t, err)
	require.True(t, found.Over)
}

func TestAWatchedFolderIsReadOldestFirstAndEachFileMovedWithItsReceipt(t *testing.T) {
	share := t.TempDir()
	folder := filepath.Join(share, "tax")
	require.NoError(t, os.Mkdir(folder, 0o750))
	put := func(name, content string, age time.Duration) {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		at := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(path, at, at))
	}
	put("新.csv", taxFile(3, "300"), time.Hour)
	put("旧.csv", taxFile(3, "100")+"坏,2025,是,否,,\n", 2*time.Hour)
	put("坏.csv", "一,二\n1,2\n", 3*time.Hour)
	for _, name := range []string{".hidden.csv", "~$旧.xlsx", "copy.csv.part", "x.tmp", "Thumbs.db"} {
		put(name, taxFile(1, "1"), 4*time.Hour)
	}
	outside := filepath.Join(t.TempDir(), "secret.csv")
	require.NoError(t, os.WriteFile(outside, []byte(taxFile(9, "9")), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(folder, "link.csv")))

	o := newOffice(t, models.Connection{Kind: models.ChannelFolder, Address: folder}, share)
	for n := range 3 {
		found, _ := o.fetch()
		require.Equal(t, fmt.Sprintf("110107-2026-tax-%d", n+1), found.DeliveryID)
	}
	found, _ := o.fetch()
	require.Empty(t, found.DeliveryID)

	refused, err := os.ReadFile(filepath.Join(folder, "refused", "110107-2026-tax-1_坏.csv.回执.txt"))
	require.NoError(t, err)
	require.Contains(t, string(refused), "整体退回")
	require.FileExists(t, filepath.Join(folder, "refused", "110107-2026-tax-1_坏.csv"))
	receipt, err := os.ReadFile(filepath.Join(folder, "done", "110107-2026-tax-2_旧.csv.回执.txt"))
	require.NoError(t, err)
	require.Contains(t, string(receipt), "读取 4 行，采用 3 行，重复 0 行，拒绝 1 行")
	rejects, err := os.ReadFile(filepath.Join(folder, "done", "110107-2026-tax-2_旧.csv.拒绝行.csv"))
	require.NoError(t, err)
	require.Contains(t, string(rejects), "坏")
	require.FileExists(t, filepath.Join(folder, "done", "110107-2026-tax-3_新.csv"))
	for _, name := range []string{".hidden.csv", "~$旧.xlsx", "copy.csv.part", "link.csv"} {
		_, err := os.Lstat(filepath.Join(folder, name))
		require.NoError(t, err, "%s stays", name)
	}
	require.FileExists(t, outside)
}

func TestAWorkerKilledBetweenImportAndMoveLeavesAFileThatTheNextPutsAway(t *testing.T) {
	share := t.TempDir()
	folder := filepath.Join(share, "tax")
	require.NoError(t, os.Mkdir(folder, 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "tax.csv"), []byte(taxFile(3, "1")), 0o600))
	o := newOffice(t, models.Connection{Kind: models.ChannelFolder, Address: folder}, share)
	found, err := o.look()
	require.NoError(t, err)
	imported(t, o.store, found.DeliveryID) // and here the worker dies
	again, err := o.look()
	require.NoError(t, err)
	require.Empty(t, again.DeliveryID, "no second delivery")
	require.FileExists(t, filepath.Join(folder, "done", found.DeliveryID+"_tax.csv"))
}

func TestAFileOverTheLimitIsPutAwayRefused(t *testing.T) {
	share := t.TempDir()
	folder := filepath.Join(share, "tax")
	require.NoError(t, os.Mkdir(folder, 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "huge.csv"), make([]byte, 2<<20), 0o600))
	o := newOffice(t, models.Connection{Kind: models.ChannelFolder, Address: folder}, share)
	found, err := o.look()
	require.NoError(t, err)
	require.Empty(t, found.DeliveryID)
	require.FileExists(t, filepath.Join(folder, "refused", "huge.csv"))
	receipt, err := os.ReadFile(filepath.Join(folder, "refused", "huge.csv.回执.txt"))
	require.NoError(t, err)
	require.Contains(t, string(receipt), "超过1 MB的上限")
}

func TestAFolderThatLeadsOutOfTheAllowedOnesIsNotWatched(t *testing.T) {
	share, outside := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "tax.csv"), []byte(taxFile(3, "1")), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(share, "tax")))
	o := newOffice(t, models.Connection{Kind: models.ChannelFolder, Address: filepath.Join(share, "tax")}, share)
	_, err := o.look()
	var app *temporal.ApplicationError
	require.True(t, errors.As(err, &app))
	require.Contains(t, app.Message(), "BANGFU_FOLDERS")
	require.FileExists(t, filepath.Join(outside, "tax.csv"))
}

func TestAConnectionThatMustNotBeUsedIsRefused(t *testing.T) {
	good := models.Connection{Kind: models.ChannelHTTP, Address: "https://data.example.cn/tax", SecretEnv: "BANGFU_SOURCE_TAX", Poll: 60, ReportAfter: 60}
	require.NoError(t, good.Validate(nil))
	for field, spoil := range map[string]func(c *models.Connection){
		"address":     func(c *models.Connection) { c.Address = "http://data.example.cn/tax" },
		"secret_env":  func(c *models.Connection) { c.SecretEnv = "BANGFU_DB" },
		"client_cert": func(c *models.Connection) { c.ClientCert = "/etc/cert.pem" },
		"ca_file":     func(c *models.Connection) { c.CAFile = "ca.pem" },
		"kind":        func(c *models.Connection) { c.Kind = models.ChannelUpload },
	} {
		c := good
		spoil(&c)
		var e *models.Error
		require.ErrorAs(t, c.Validate(nil), &e, field)
		require.Equal(t, field, e.Field)
	}
	for _, address := range []string{"ftp://data.example.cn", "https://user:pw@data.example.cn", "file:///etc/passwd", "https://", "https://a/#x", strings.Repeat("x", 501)} {
		c := good
		c.Address = address
		require.Error(t, c.Validate(nil), address)
	}
	folder := models.Connection{Kind: models.ChannelFolder, Address: "/srv/share/tax", Poll: 60, ReportAfter: 60}
	require.NoError(t, folder.Validate([]string{"/srv/share"}))
	for _, address := range []string{"/srv/share", "/srv/shared/tax", "/srv/share/../etc", "share/tax", "/etc"} {
		folder.Address = address
		require.Error(t, folder.Validate([]string{"/srv/share"}), address)
	}
}
