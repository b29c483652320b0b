package rehearsal

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
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
	Source  *store.Store // the real record: it is copied from, and keeps what became of the rehearsal
	Program string       // program version
	Logger  *slog.Logger
}

// keepWorkflows is how long the engine shows what has ended; longer than any rehearsal takes.
const keepWorkflows = 72 * time.Hour

// installation is a bangfu of its own: a database, a namespace of the engine, a worker, an API without a port, and mail that goes nowhere.
type installation struct {
	Options
	id       string
	rules    rules
	record   models.Rehearsal
	dir      string
	store    *store.Store
	temporal client.Client
	server   *api.Server
	mailer   *activities.Mailer
}

func directory(o Options, id string) string { return filepath.Join(o.Dir, id) }

// preparedFile is in a rehearsal's directory once the copy is complete.
const preparedFile = "prepared"

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

// open opens a rehearsal's installation, which it makes and fills the first time.
func open(ctx context.Context, o Options, record models.Rehearsal) (*installation, error) {
	i := &installation{Options: o, id: record.ID, rules: rules{record.Rules}, record: record, dir: directory(o, record.ID)}
	if err := os.MkdirAll(filepath.Join(i.dir, "mail"), 0o700); err != nil {
		return nil, fmt.Errorf("making the rehearsal's directory: %w", err)
	}
	var err error
	if i.store, err = store.Open(ctx, "sqlite://"+filepath.Join(i.dir, "bangfu.db")); err != nil {
		return nil, err
	}
	if err := i.begin(ctx); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

func (i *installation) begin(ctx context.Context) error {
	prepared := filepath.Join(i.dir, preparedFile)
	if _, err := os.Stat(prepared); err != nil {
		if err := i.copy(ctx); err != nil {
			return err
		}
		if err := writeFile(prepared, nil); err != nil {
			return err
		}
	}
	var err error
	if i.mailer, err = activities.NewHeldMailer(filepath.Join(i.dir, "mail"), "帮扶系统演练 <rehearsal@bangfu.invalid>"); err != nil {
		return err
	}
	i.temporal, err = client.NewLazyClient(client.Options{HostPort: i.Engine, Namespace: i.record.Namespace(), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return fmt.Errorf("preparing the engine's client: %w", err)
	}
	if err := i.namespace(ctx); err != nil {
		return err
	}
	i.server = api.New(i.store, i.temporal, api.Options{Program: i.Program, PublicURL: "http://rehearsal.invalid", Namespace: i.record.Namespace(), AllowRehearsal: true,
		MaxUpload: 4 << 30, Unlimited: true, Registry: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	return nil
}

// namespace makes the rehearsal's part of the engine.
func (i *installation) namespace(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	err := engine.MakeNamespace(ctx, i.temporal, i.record.Namespace(), "帮扶系统演练 "+i.id, keepWorkflows, workflows.SearchAttributes())
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

// Remove removes a rehearsal that nobody runs any more: its part of the engine, its directory, and what the record keeps of it.
func Remove(ctx context.Context, o Options, actor models.Actor, id string) error {
	if _, _, _, err := models.ParseRehearsalID(id); err != nil {
		return err
	}
	c, err := client.NewLazyClient(client.Options{HostPort: o.Engine, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return fmt.Errorf("preparing the engine's client: %w", err)
	}
	defer c.Close()
	unlock, err := lock(o, id)
	if err != nil {
		return err
	}
	defer unlock()
	record, err := o.Source.Rehearsal(ctx, id)
	if err != nil {
		return err
	}
	if err := engine.DropNamespace(ctx, c, record.Namespace()); err != nil {
		return &models.Error{Code: models.CodeUnavailable, Message: "Temporal 引擎没有应答，演练的命名空间没有删除；请启动引擎后再试", Cause: err}
	}
	if err := os.RemoveAll(directory(o, id)); err != nil {
		return fmt.Errorf("removing rehearsal %s: %w", id, err)
	}
	return o.Source.RemoveRehearsal(ctx, actor, id)
}

// lock keeps a second process off a rehearsal; the system gives it back when the process ends, however it ends.
func lock(o Options, id string) (unlock func(), err error) {
	if err := os.MkdirAll(directory(o, id), 0o700); err != nil {
		return nil, fmt.Errorf("making the rehearsal's directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(directory(o, id), "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking rehearsal %s: %w", id, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, models.Conflict("演练 %s 正在由另一个进程运行", id)
	}
	return func() { _ = f.Close() }, nil
}
