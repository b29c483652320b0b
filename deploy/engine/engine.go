// Package engine runs a real Temporal server as a child process, for one machine and for tests: the temporal
// program's development server with a durable SQLite file. The child never outlives the process that started it.
package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// Options say how the engine is started.
type Options struct {
	CLI              string   // the temporal program; empty = TEMPORAL_CLI or what Find finds
	Dir              string   // holds temporal.db
	GRPCPort         int      // 127.0.0.1 only: the server has no login; 0 = a free one
	UIPort           int      // 0 = a free one
	LogFile          string   // the server's own log; empty = <Dir>/temporal.log
	Namespace        string   // empty = default
	SearchAttributes []string // Name=Type
}

// Engine is a running server.
type Engine struct {
	options Options
	cmd     *exec.Cmd
	done    chan struct{}
	err     error // what the child ended with; read after done
}

// ErrMissing is returned when no temporal program is found.
var ErrMissing = errors.New("the temporal program was not found")

// Find gives the temporal program: the named one, else the one on PATH, else the one that make builds into
// .tools/bin of the working directory or of one above it.
func Find(named string) (string, error) {
	if named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("%w: %s", ErrMissing, named)
		}
		return filepath.Abs(path)
	}
	if path, err := exec.LookPath("temporal"); err == nil {
		return filepath.Abs(path)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working directory: %w", err)
	}
	for {
		if path, err := exec.LookPath(filepath.Join(dir, ".tools", "bin", "temporal")); err == nil {
			return path, nil
		}
		if dir == filepath.Dir(dir) {
			return "", ErrMissing
		}
		dir = filepath.Dir(dir)
	}
}

// The ports that FreePort gives: below those that systems lend to outgoing connections (32768 and up), any of which could
// be taken by a connection between the asking and the listening.
const firstPort, ports = 15000, 15000

// FreePort gives a TCP port of 127.0.0.1 on which nobody listens now.
func FreePort() (int, error) {
	var err error
	for range 100 {
		port := firstPort + rand.IntN(ports) //nolint:gosec // not a secret
		var l net.Listener
		l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // an address of this machine: nothing is looked up
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("looking for a free port: %w", err)
}

// Start starts the server and returns when it answers. Options.Dir is made when missing; a server that was killed
// before goes on where it was.
func Start(ctx context.Context, o Options) (*Engine, error) {
	if o.CLI == "" {
		path, err := Find(os.Getenv("TEMPORAL_CLI"))
		if err != nil {
			return nil, err
		}
		o.CLI = path
	}
	for _, port := range []*int{&o.GRPCPort, &o.UIPort} {
		if *port != 0 {
			continue
		}
		free, err := FreePort()
		if err != nil {
			return nil, err
		}
		*port = free
	}
	if o.Namespace == "" {
		o.Namespace = "default"
	}
	if o.LogFile == "" {
		o.LogFile = filepath.Join(o.Dir, "temporal.log")
	}
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("making the engine's directory: %w", err)
	}
	e := &Engine{options: o, done: make(chan struct{})}
	if err := e.launch(); err != nil {
		return nil, err
	}
	if err := e.await(ctx); err != nil {
		e.Kill()
		return nil, err
	}
	return e, nil
}

func (e *Engine) arguments() []string {
	o := e.options
	args := []string{
		"server", "start-dev",
		"--ip", "127.0.0.1", "--port", strconv.Itoa(o.GRPCPort), "--ui-port", strconv.Itoa(o.UIPort),
		"--namespace", o.Namespace,
		"--db-filename", filepath.Join(o.Dir, "temporal.db"),
		// without the write-ahead log the engine is 2.5 times slower
		"--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1",
		"--log-level", "error",
	}
	for _, a := range o.SearchAttributes {
		args = append(args, "--search-attribute", a)
	}
	return args
}

// launch starts the child from a thread that lives as long as the child: the kernel ends the child when the
// thread that started it is gone, so a thread of the scheduler's would end it at some later moment.
func (e *Engine) launch() error {
	log, err := os.OpenFile(e.options.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the engine's log: %w", err)
	}
	e.cmd = exec.Command(e.options.CLI, e.arguments()...) //nolint:noctx,gosec // outlives the caller's context; the program is the one the operator names
	e.cmd.Stdout, e.cmd.Stderr = log, log
	e.cmd.SysProcAttr = childAttributes()
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close() //nolint:errcheck // the child's log: nothing to do about it
		err := e.cmd.Start()
		started <- err
		if err == nil {
			e.err = e.cmd.Wait()
			close(e.done)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting %s: %w", e.options.CLI, err)
	}
	return nil
}

// await returns when the namespace answers.
func (e *Engine) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := client.DialContext(ctx, client.Options{HostPort: e.Address(), Namespace: e.options.Namespace, Logger: silent{}})
		if err == nil {
			_, err = c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: e.options.Namespace})
			c.Close()
			if err == nil {
				return nil
			}
		}
		select {
		case <-e.done:
			return fmt.Errorf("the engine ended at once: %s", e.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("waiting for the engine: %w", errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

// lastWords is the last line of the engine's log.
func (e *Engine) lastWords() string {
	b, _ := os.ReadFile(e.options.LogFile)
	lines := strings.Split(string(bytes.TrimSpace(b)), "\n")
	return lines[len(lines)-1]
}

// Address is where the engine answers gRPC, host:port.
func (e *Engine) Address() string { return "127.0.0.1:" + strconv.Itoa(e.options.GRPCPort) }

// UI is the address of Temporal's web pages.
func (e *Engine) UI() string { return "http://127.0.0.1:" + strconv.Itoa(e.options.UIPort) }

// PID is the child's process id.
func (e *Engine) PID() int { return e.cmd.Process.Pid }

// Done is closed when the child has ended, for whatever reason.
func (e *Engine) Done() <-chan struct{} { return e.done }

// Stop ends the engine in order; it is killed if it takes longer than ten seconds.
func (e *Engine) Stop() {
	_ = e.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-e.done:
	case <-time.After(10 * time.Second):
		e.Kill()
	}
}

// Kill ends the engine as a power failure would.
func (e *Engine) Kill() {
	_ = e.cmd.Process.Kill()
	<-e.done
}

// silent keeps the client quiet while the engine is not there yet.
type silent struct{}

var _ log.Logger = silent{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
