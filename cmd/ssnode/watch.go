package main

import (
	"context"
	"errors"
	"maps"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

func watchCommand() *cli.Command {
	return &cli.Command{
		Name: "watch", Category: groupRead, Usage: "claims as they are, then every change as it happens",
		Description: "Goes on until it is interrupted; a lost connection is taken up again where it broke.\n" +
			"With a token of an earlier watch, or of a write, it begins there, on whatever node.\n" +
			"With -q, a claim that was released has a - before it.\n\n" +
			"Example: ssnode watch --prefix user: -o ndjson",
		Flags: flags(keyspaceFlag(), allKeyspacesFlag(), rangeFlags("the part to watch"),
			&cli.StringFlag{Name: "token", Usage: "begin after what this `TOKEN` names, instead of with a snapshot"},
			&cli.BoolFlag{Name: "once", Usage: "end when the snapshot, or what the token has missed, is shown"},
			addrFlag(), outputFlags()),
		Action: watch,
	}
}

// errShown ends a watch that was to show what there is.
var errShown = errors.New("shown")

func watch(c *cli.Context) error {
	a, err := ask(c)
	if err != nil {
		return err
	}
	defer a.node.Close()
	ctx, stop := signal.NotifyContext(c.Context, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	w := &watcher{out: a.out, once: c.Bool("once")}
	err = a.node.Watch(ctx, client.WatchOptions{
		Keyspace: a.query.Keyspace, AllKeyspaces: a.query.AllKeyspaces, Bounds: a.query.Bounds,
		Token: wire.Token(c.String("token")), Resume: true,
		Lost: func(err error) { _ = printf(c.App.ErrWriter, "ssnode: %v; trying again\n", err) },
	}, w.take)
	if errors.Is(err, errShown) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// watcher prints the lines of a watch.
type watcher struct {
	out  *output
	once bool
	// claims is how many the snapshot has so far.
	claims int
}

func (w *watcher) take(line wire.WatchLine) error {
	if err := w.print(line); err != nil {
		return err
	}
	if w.once && (line.Type == wire.WatchSnapshotEnd || line.Type == wire.WatchBookmark) {
		return errShown
	}
	return nil
}

func (w *watcher) print(line wire.WatchLine) error {
	switch {
	case w.out.quiet && line.Type == wire.WatchClaim:
		return w.out.line(claimText(line))
	case w.out.quiet && line.Type == wire.WatchReleased:
		return w.out.line("-" + claimText(line))
	case w.out.quiet:
		return nil
	case w.out.format != formatTable:
		return w.out.json(line)
	}
	return w.tell(line)
}

// tell prints a line for people.
func (w *watcher) tell(line wire.WatchLine) error {
	switch line.Type {
	case wire.WatchClaim:
		w.claims++
		return w.out.line("claim     " + claimText(line) + " priority " + formatInt(line.Priority) + repaired(line.Repair))
	case wire.WatchReleased:
		return w.out.line("released  " + claimText(line) + repaired(line.Repair))
	case wire.WatchNode:
		return w.out.line("node      " + strings.Join(append([]string{line.Node, string(line.Liveness), orDash(line.Address)}, labelTexts(line.Labels)...), " "))
	case wire.WatchSnapshotEnd:
		return printf(w.out.w, "--------  that is all now: %s; what follows are changes\n", plural(w.claims, "claim"))
	case wire.WatchTrimmed:
		w.claims = 0
		return w.out.line("--------  what came in between is no longer known: forget what was shown, all of it follows again")
	}
	return nil // bookmarks are for programs
}

func claimText(line wire.WatchLine) string {
	var bounds wire.Bounds
	if line.Bounds != nil {
		bounds = *line.Bounds
	}
	return line.Keyspace + ":" + rangeText(bounds) + " of " + line.Node
}

func repaired(is bool) string {
	if is {
		return " (by repair)"
	}
	return ""
}

func labelTexts(labels map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		out = append(out, name+"="+labels[name])
	}
	return out
}
