package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"bangfu/activities"
	"bangfu/api"
	"bangfu/deploy/engine"
	"bangfu/models"
	"bangfu/models/store"
	"bangfu/worker"
	"bangfu/workflows"
)

// Options say where a rehearsal runs and of whose data it is a copy.
type Options struct {
	Dir     string       // holds the rehearsals, each in a directory of its own
	Engine  string       // address of the engine, host:port
	Source  *store.Store // the real record, which is only read; nil = the district that comes with the program
	Program string       // program version
	Logger  *slog.Logger
}

// ID names a rehearsal: 110107-2026-1.
var idForm = regexp.MustCompile(`^[0-9]{6}-[0-9]{4}-[0-9a-z]{1,20}$`)

// CheckID refuses what is no rehearsal's id.
func CheckID(id string) error {
	if !idForm.MatchString(id) {
		return models.Invalid("id", "“%s”不是演练编号，应如 110107-2026-1", id)
	}
	return nil
}

// Namespace is the part of the engine in which a rehearsal lives.
func Namespace(id string) string { return "rehearsal-" + id }

// keepWorkflows is how long the engine shows what has ended; longer than any rehearsal takes.
const keepWorkflows = 72 * time.Hour

// installation is a bangfu of its own: a database, a namespace of the engine, a worker, an API without a port, and mail that goes nowhere.
type installation struct {
	Options
	id       string
	rules    Rules
	dir      string
	store    *store.Store
	temporal client.Client
	server   *api.Server
	mailer   *activities.Mailer
}

// kept is what a rehearsal's directory says of it, so that it can go on after whatever ended it.
type kept struct {
	Rules    Rules     `json:"rules"`
	Began    time.Time `json:"began"`
	Prepared bool      `json:"prepared"` // the copy is complete
}

func directory(o Options, id string) string { return filepath.Join(o.Dir, id) }

// Stored gives the rules of a rehearsal that is there; CodeNotFound if there is none.
func Stored(o Options, id string) (Rules, error) {
	k, err := readKept(directory(o, id))
	return k.Rules, err
}

func readKept(dir string) (k kept, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "rehearsal.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return k, models.NotFound("没有这次演练：%s", filepath.Base(dir))
	}
	if err == nil {
		err = json.Unmarshal(b, &k)
	}
	if err != nil {
		return k, fmt.Errorf("reading a rehearsal: %w", err)
	}
	return k, nil
}

// writeFile writes a file whole or not at all.
func writeFile(name string, content []byte) error {
	if err := os.WriteFile(name+".new", content, 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

func writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return writeFile(name, b)
}

// open opens a rehearsal's installation, which it makes and fills the first time.
func open(ctx context.Context, o Options, id string, rules Rules) (*installation, error) {
	i := &installation{Options: o, id: id, rules: rules, dir: directory(o, id)}
	if err := os.MkdirAll(filepath.Join(i.dir, "mail"), 0o700); err != nil {
		return nil, fmt.Errorf("making the rehearsal's directory: %w", err)
	}
	k, err := readKept(i.dir)
	switch {
	case models.CodeOf(err) == models.CodeNotFound:
		k = kept{Rules: rules, Began: time.Now()}
		err = writeJSON(filepath.Join(i.dir, "rehearsal.json"), k)
	case err == nil:
		i.rules = k.Rules
	}
	if err != nil {
		return nil, err
	}
	if i.store, err = store.Open(ctx, "sqlite://"+filepath.Join(i.dir, "bangfu.db")); err != nil {
		return nil, err
	}
	if err := i.begin(ctx, &k); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

func (i *installation) begin(ctx context.Context, k *kept) error {
	if !k.Prepared {
		if err := i.copy(ctx); err != nil {
			return err
		}
		k.Prepared = true
		if err := writeJSON(filepath.Join(i.dir, "rehearsal.json"), *k); err != nil {
			return err
		}
	}
	var err error
	if i.mailer, err = activities.NewHeldMailer(filepath.Join(i.dir, "mail"), "帮扶系统演练 <rehearsal@bangfu.invalid>"); err != nil {
		return err
	}
	i.temporal, err = client.NewLazyClient(client.Options{HostPort: i.Engine, Namespace: Namespace(i.id), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return fmt.Errorf("preparing the engine's client: %w", err)
	}
	if err := i.namespace(ctx); err != nil {
		return err
	}
	i.server = api.New(i.store, i.temporal, api.Options{Program: i.Program, PublicURL: "http://rehearsal.invalid", Namespace: Namespace(i.id), AllowRehearsal: true,
		MaxUpload: 4 << 30, PublicPerMinute: -1, Registry: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	return nil
}

// namespace makes the rehearsal's part of the engine.
func (i *installation) namespace(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	err := engine.MakeNamespace(ctx, i.temporal, Namespace(i.id), "帮扶系统演练 "+i.id, keepWorkflows, workflows.SearchAttributes())
	if err != nil {
		return &models.Error{Code: models.CodeUnavailable, Message: "Temporal 引擎（" + i.Engine + "）没有应答，或不能登记演练用的命名空间；请先启动 bangfu dev", Cause: err}
	}
	return nil
}

// work runs the installation's worker until ctx is done, again when the engine was away.
func (i *installation) work(ctx context.Context) error {
	for {
		err := worker.Run(ctx, worker.Options{Client: i.temporal, Store: i.store, Mailer: i.mailer, Program: i.Program, PublicURL: "http://rehearsal.invalid", MaxFile: 4 << 30})
		if ctx.Err() != nil {
			return nil //nolint:nilerr // told to stop
		}
		i.Logger.WarnContext(ctx, "the rehearsal's worker begins again", "rehearsal", i.id, "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func (i *installation) close() {
	if i.server != nil {
		i.server.Wait()
	}
	if i.temporal != nil {
		i.temporal.Close()
	}
	if i.store != nil {
		_ = i.store.Close()
	}
}

// Remove removes a rehearsal: its part of the engine and everything that it kept.
func Remove(ctx context.Context, o Options, id string) error {
	if err := CheckID(id); err != nil {
		return err
	}
	if _, err := os.Stat(directory(o, id)); err != nil {
		return models.NotFound("没有这次演练：%s", id)
	}
	c, err := client.NewLazyClient(client.Options{HostPort: o.Engine, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return fmt.Errorf("preparing the engine's client: %w", err)
	}
	defer c.Close()
	if err := engine.DropNamespace(ctx, c, Namespace(id)); err != nil {
		return &models.Error{Code: models.CodeUnavailable, Message: "Temporal 引擎没有应答，演练的命名空间没有删除；请启动引擎后再试", Cause: err}
	}
	if err := os.RemoveAll(directory(o, id)); err != nil {
		return fmt.Errorf("removing rehearsal %s: %w", id, err)
	}
	return nil
}
