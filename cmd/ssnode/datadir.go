package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/dump"
	"github.com/scalesmall/ssnode/internal/zst"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/store"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

// directoryOf returns the directory that --data-dir names, "" if a node is to
// be asked instead.
func directoryOf(c *cli.Context) (string, error) {
	if err := refuseEmpty(c, "data-dir"); err != nil {
		return "", err
	}
	if c.IsSet("data-dir") && isGiven(c, "addr") {
		return "", usageErrorf("--data-dir and --addr exclude each other: the directory of a stopped node, or the address of a running one")
	}
	return c.String("data-dir"), nil
}

// requireDirectory returns the directory that --data-dir must name.
func requireDirectory(c *cli.Context) (string, error) {
	if err := refuseEmpty(c, "data-dir"); err != nil {
		return "", err
	}
	if !c.IsSet("data-dir") {
		return "", usageErrorf("%s needs --data-dir, the directory of a node that is stopped", c.Command.Name)
	}
	return c.String("data-dir"), nil
}

// intoDirectory returns what a command works with that makes a directory of a
// file: the file that its argument names, the directory, and the output.
func intoDirectory(c *cli.Context, what string) (name, dir string, out *output, err error) {
	if name, err = oneArgument(c, what); err != nil {
		return "", "", nil, err
	}
	if dir, err = requireDirectory(c); err != nil {
		return "", "", nil, err
	}
	out, err = outputOf(c)
	return name, dir, out, err
}

// online says what to do instead, where a directory is in use.
func online(err error, instead string) error {
	if errors.Is(err, store.ErrInUse) {
		return fmt.Errorf("%w; while it runs, use: %s", err, instead)
	}
	return err
}

func dumpCommand() *cli.Command {
	return &cli.Command{
		Name: "dump", Category: groupData, Usage: "everything a node holds, as lines of JSON",
		ArgsUsage: "[FILE|-]",
		Description: "Of a stopped node with --data-dir, of a running one with --addr; to FILE, packed with zstd\n" +
			"if its name ends in .zst, or to standard output without one or with -.\n\n" +
			"Example: ssnode dump --data-dir ./n1 n1.dump.zst",
		Flags: flags(dataDirFlag(), addrFlag(),
			&cli.BoolFlag{Name: "canonical", Usage: "only what equal replicas have byte for byte alike, for comparing"}),
		Action: func(c *cli.Context) error {
			dir, err := directoryOf(c)
			if err != nil {
				return err
			}
			name := "-"
			if c.Args().Present() {
				if name, err = oneArgument(c, "the name of a file, or -"); err != nil {
					return err
				}
			}
			if name == "-" {
				return online(dumpTo(c, dir, c.App.Writer), "ssnode dump --addr URL")
			}
			err = writeFile(name, func(w io.Writer) error { return dumpTo(c, dir, w) }, func(string) error { return nil })
			return online(err, "ssnode dump --addr URL")
		},
	}
}

// dumpTo writes a dump of a directory, or of a running node if there is none.
func dumpTo(c *cli.Context, dir string, to io.Writer) error {
	w := bufio.NewWriterSize(to, 64<<10)
	if dir == "" {
		return errors.Join(dumpOnline(c, w), w.Flush())
	}
	return errors.Join(dumpDirectory(c, dir, w), w.Flush())
}

func dumpOnline(c *cli.Context, w io.Writer) error {
	node, err := connect(c)
	if err != nil {
		return err
	}
	defer node.Close()
	return node.Dump(c.Context, c.Bool("canonical"), func(line []byte) error {
		_, err := w.Write(append(line, '\n'))
		return err
	})
}

func dumpDirectory(c *cli.Context, dir string, w io.Writer) error {
	s, err := store.Open(dir, store.Options{ReadOnly: true, MustExist: true})
	if errors.Is(err, store.ErrCorrupt) {
		return fmt.Errorf("%w; see all of it with: ssnode check --data-dir %s", err, shellQuote(dir))
	}
	if err != nil {
		return err
	}
	defer s.Close()
	return s.View(func(v *store.View) error {
		return dump.Write(w, v, dump.Options{Cluster: s.Cluster(), Node: s.Node(), Canonical: c.Bool("canonical")})
	})
}

func loadCommand() *cli.Command {
	return &cli.Command{
		Name: "load", Category: groupData, Usage: "a dump into a fresh directory",
		ArgsUsage: "FILE|-",
		Description: "The directory must be a fresh one; all of the dump is loaded or nothing. It belongs\n" +
			"to the node that was dumped, which must not run any more, and joins like one that was away.\n\n" +
			"Example: ssnode load --data-dir ./n1-new n1.dump",
		Flags: flags(dataDirFlag(), outputFlags()),
		Action: func(c *cli.Context) error {
			name, dir, out, err := intoDirectory(c, "the name of a file, or -")
			if err != nil {
				return err
			}
			file, _, err := openInput(c, name)
			if err != nil {
				return err
			}
			defer file.Close()
			unpacked, err := zst.NewReader(name, file)
			if err != nil {
				return err
			}
			defer unpacked.Close()
			loaded, err := dump.Load(dir, unpacked)
			if err != nil {
				return fmt.Errorf("nothing was loaded: %w", err)
			}
			return out.print(loadedListing(dir, loaded))
		},
	}
}

func loadedListing(dir string, l dump.Loaded) listing {
	document := struct {
		Node    string `json:"node"`
		Cluster string `json:"cluster"`
		dump.End
	}{l.Meta.Node, l.Meta.Cluster, l.End}
	return listing{document: document, rows: []any{document}, names: []string{l.Meta.Node}, table: func(o *output) error {
		return printf(o.w, "loaded node %s of cluster %s: %s, %s, %s of history\nstart it with: ssnode run --data-dir %s\n",
			l.Meta.Node, l.Meta.Cluster, plural(l.End.Claims, "claim"), plural(l.End.Nodes, "node record"), plural(l.End.Deltas, "delta"), dir)
	}}
}

func compactCommand() *cli.Command {
	return &cli.Command{
		Name: "compact", Category: groupData, Usage: "drop history beyond its retention, and give free space back",
		Description: "Asks the running node, or with --data-dir works on the directory of a stopped one.\n" +
			"What nodes serve, and what was done to it that others still need, is never dropped.\n\n" +
			"Example: ssnode compact --dry-run",
		Flags: flags(dataDirFlag(), addrFlag(),
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would go, and change nothing"},
			historyFlags(), outputFlags()),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			dir, err := directoryOf(c)
			if err != nil {
				return err
			}
			out, err := outputOf(c)
			if err != nil {
				return err
			}
			done, err := compact(c, dir)
			if err != nil {
				return online(err, "ssnode compact --addr URL")
			}
			return out.print(compactListing(done, c.Bool("dry-run")))
		},
	}
}

func compact(c *cli.Context, dir string) (wire.Compact, error) {
	if dir != "" {
		retention, err := node.ParseRetention(c.String("history-own"), c.String("history-other"))
		if err != nil {
			return wire.Compact{}, usageErrorf("--history-own, --history-other: %w", err)
		}
		bar := newMeter(c, dir)
		defer bar.end()
		done, err := node.CompactDirectory(c.Context, dir, retention, time.Now().UnixMilli(), c.Bool("dry-run"), bar.showUint)
		return api.CompactOf(done), err
	}
	for _, name := range []string{"history-own", "history-other"} {
		if isGiven(c, name) {
			return wire.Compact{}, usageErrorf("--%s belongs to --data-dir: a running node goes by its own", name)
		}
	}
	asked, err := connect(c)
	if err != nil {
		return wire.Compact{}, err
	}
	defer asked.Close()
	return asked.Compact(c.Context, c.Bool("dry-run"))
}

func compactListing(x wire.Compact, dryRun bool) listing {
	l := listing{document: x, rows: []any{x}}
	for _, w := range x.Waiting {
		l.names = append(l.names, w.Replica)
	}
	l.table = func(o *output) error { return o.compacted(x, dryRun) }
	return l
}
