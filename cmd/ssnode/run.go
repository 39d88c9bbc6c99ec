package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/google/renameio/v2/maybe"
	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/internal/heapfloor"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/store"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

// shutdownMax bounds how long requests under way hold up the end of a node.
const shutdownMax = 10 * time.Second

// lastWordsMax is how long a process that has stalled is left to say so and to
// end like any other.
const lastWordsMax = 5 * time.Second

func runCommand() *cli.Command {
	return &cli.Command{
		Name: "run", Category: groupNode, Usage: "run a node until it is interrupted",
		Description: "Starts with --data-dir alone: on loopback, by the name of the host. Prints where it listens\n" +
			"and how another node joins it. SIGINT and SIGTERM stop it in order, a second one at once; so\n" +
			"does ssnode leave, which also tells the others not to wait for it.\n\n" +
			"Example: ssnode run --data-dir ./n1 --node n1 --claim 'default:[a,m)=10'",
		Flags:  settingFlags(),
		Action: func(c *cli.Context) error { return runNode(c, newLogger) },
	}
}

// runNode runs a node. Once its settings are known all that it says on standard
// error goes through a scribe, its last word included.
func runNode(c *cli.Context, newLogger func(w io.Writer, format, level string) (*slog.Logger, error)) error {
	if err := noArguments(c); err != nil {
		return err
	}
	s, err := settingsOf(c)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGPIPE) // which would end a node whose log nobody reads any more
	stderr := newScribe(c.App.ErrWriter, lostLines(s.LogFormat))
	defer stderr.close()
	log, err := newLogger(stderr, s.LogFormat, s.LogLevel)
	if err != nil {
		return err
	}
	o, err := s.nodeOptions(log)
	if err != nil {
		return err
	}
	defer heapfloor.Begin(heapfloor.OfNode)()
	ctx, stop := interrupted(c.Context, log, stderr)
	defer stop()
	o.OnStall = func(stall *node.Stall) { lastWords(stderr, stall) }
	m := &member{settings: s, log: log, stdout: c.App.Writer}
	if isTerminal(c.App.ErrWriter) {
		m.watched = c.App.ErrWriter
	}
	if err := m.run(ctx, o); err != nil {
		return exit(report(lastWord{stderr}, err))
	}
	return nil
}

// lastWords says where a node stands that has stalled. It then ends like any
// that has stopped by itself, or without that after a while.
func lastWords(stderr *scribe, stall *node.Stall) {
	time.AfterFunc(lastWordsMax, func() { os.Exit(wire.ExitFailure) })
	stderr.insist(fmt.Appendf(nil, "ssnode: %v\n%s\n", stall, stall.Stacks))
}

// interrupted returns a context that the first signal ends; the second ends
// the process.
func interrupted(parent context.Context, log *slog.Logger, stderr *scribe) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			log.Info("stopping; a second signal stops at once", "signal", s.String())
			cancel()
		case <-ctx.Done():
			return
		}
		<-signals
		log.Warn("stopped at once; what was acknowledged is on disk")
		stderr.close()
		os.Exit(wire.ExitFailure)
	}()
	return ctx, cancel
}

// member is a node together with its HTTP interface.
type member struct {
	settings settings
	log      *slog.Logger
	stdout   io.Writer
	// watched is where a bar is drawn, nil if nobody watches.
	watched io.Writer

	node   *node.Node
	server *api.Server
}

// run runs the member until ctx ends or it stops by itself. The interface
// listens first: what is wrong with its address is known before anything is
// written; it serves when the node is open.
func (m *member) run(ctx context.Context, o node.Options) error {
	listener, err := api.Listen(ctx, m.settings.API, m.settings.Insecure)
	if errors.Is(err, api.ErrExposed) || errors.Is(err, api.ErrAddress) {
		return usageErrorf("%w", err)
	}
	if err != nil {
		return preferInUse(o.DataDir, err)
	}
	if err := m.removeAddrFile(); err != nil {
		return errors.Join(err, listener.Close())
	}
	if m.node, err = node.Open(ctx, o); err != nil {
		return errors.Join(explainOpen(err), listener.Close())
	}
	m.server = api.New(m.node, api.Options{Version: versionText(), Logger: m.log})
	served := make(chan error, 1)
	go func() { served <- m.server.Serve(listener) }()
	err = m.serve(ctx, listener, served)
	return errors.Join(err, m.stop())
}

// preferInUse returns the error of a directory that is in use in place of one
// about an address: the node that has the directory has the address too, and
// another address would not help.
func preferInUse(dir string, err error) error {
	var address *net.OpError
	if !errors.As(err, &address) {
		return err
	}
	s, inUse := store.Open(dir, store.Options{ReadOnly: true})
	switch {
	case inUse == nil:
		return errors.Join(err, s.Close())
	case errors.Is(inUse, store.ErrInUse):
		return explainOpen(inUse)
	}
	return err
}

// serve says where the member is and waits for its end.
func (m *member) serve(ctx context.Context, l net.Listener, served <-chan error) error {
	local := urlOn(l.Addr(), "127.0.0.1:0")
	url := m.settings.AdvertiseAPI
	if url == "" {
		url = urlOn(l.Addr(), m.node.GossipAddr())
	}
	if err := m.node.SetAPI(ctx, url); err != nil && ctx.Err() == nil {
		return err
	}
	if err := m.writeAddrFile(local); err != nil {
		return err
	}
	if err := m.announce(local); err != nil {
		return err
	}
	defer (&fetching{completeness: m.node.Completeness, log: m.log, watched: m.watched}).begin(ctx)()
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		m.log.Warn("tell the service manager", "error", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-served:
		return fmt.Errorf("serve http: %w", err)
	case <-m.node.Departed():
		return nil
	case <-m.node.Done():
		return fmt.Errorf("the node has stopped by itself: %w", m.node.Err())
	}
}

// stop ends the interface, then the node: requests under way still find it.
func (m *member) stop() error {
	_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
	ctx, cancel := context.WithTimeout(context.Background(), shutdownMax)
	defer cancel()
	var errs []error
	if err := m.server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		errs = append(errs, err)
	}
	return errors.Join(append(errs, m.removeAddrFile(), m.node.Close())...)
}

// writeAddrFile makes the file appear whole: who waits for it reads all of it.
func (m *member) writeAddrFile(url string) error {
	if m.settings.AddrFile == "" {
		return nil
	}
	if err := maybe.WriteFile(m.settings.AddrFile, []byte(url+"\n"), 0o644); err != nil {
		return fmt.Errorf("write --addr-file: %w", err)
	}
	return nil
}

func (m *member) removeAddrFile() error {
	if m.settings.AddrFile == "" {
		return nil
	}
	if err := os.Remove(m.settings.AddrFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove an old --addr-file: %w", err)
	}
	return nil
}
