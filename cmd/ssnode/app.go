package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// The groups of commands in the help.
const (
	groupNode    = "Run a node"
	groupWrite   = "Change who serves what"
	groupRead    = "Ask who serves what"
	groupCluster = "Look at the cluster, and change who is in it"
	groupData    = "Work on a data directory"
	groupOther   = "Other"
)

// newApp returns the whole command line. The traps of the library are dealt
// with here and in arrange: it stops at the first argument, splits repeated
// flags at commas, prints usage on standard output and exits by itself.
func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:      "ssnode",
		Usage:     "a masterless, partition-tolerant map of key ranges to nodes",
		UsageText: "ssnode COMMAND [flags] [arguments]",
		Description: "Nodes claim ranges of keys, each with a priority. All of them agree on who serves\n" +
			"which key, also while the network is cut, and everybody answers from its own disk.\n\n" +
			"Try:  ssnode run --data-dir ./n1 --node n1\n" +
			"      ssnode register --from a --to m --priority 10\n" +
			"      ssnode lookup foo",
		Version:                   versionText(),
		Reader:                    stdin,
		Writer:                    stdout,
		ErrWriter:                 stderr,
		Commands:                  commands(),
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              usage,
	}
	for _, c := range app.Commands {
		describe(c)
	}
	app.CustomAppHelpTemplate = appHelp(app)
	return app
}

func commands() []*cli.Command {
	return []*cli.Command{
		runCommand(), demoCommand(),
		registerCommand(), releaseCommand(), increaseCommand(), decreaseCommand(), setCommand(), tightenCommand(), batchCommand(),
		lookupCommand(), rangesCommand(), claimsCommand(), keyspacesCommand(), mapCommand(), watchCommand(), historyCommand(),
		membersCommand(), statusCommand(), nodesCommand(), diffCommand(), joinCommand(), leaveCommand(), forgetCommand(),
		backupCommand(), restoreCommand(), checkCommand(), repairCommand(), compactCommand(), dumpCommand(), loadCommand(),
		simCommand(), versionCommand(),
	}
}

// usage turns what the library says about a flag into an error of usage.
func usage(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	// The library writes flags with one dash.
	if before, after, ok := strings.Cut(text, " for flag -"); ok {
		text = before + " for flag --" + after
	}
	name := "ssnode"
	if c.Command != nil && c.Command.Name != "" && c.Command.Name != "ssnode" {
		name = "ssnode " + c.Command.Name
	}
	return usageErrorf("%s%s; see %s --help", strings.TrimSuffix(text, ": parse error"), wanted(c, text), name)
}

// wanted says what the value of a flag has to be that the library could not
// read.
func wanted(c *cli.Context, text string) string {
	_, rest, ok := strings.Cut(text, "invalid value ")
	_, flag, named := strings.Cut(rest, " for flag --")
	if !ok || !named || c.Command == nil {
		return ""
	}
	flag, _, _ = strings.Cut(flag, ":")
	for _, f := range c.Command.Flags {
		if !slices.Contains(f.Names(), flag) {
			continue
		}
		switch f.(type) {
		case *cli.Uint64Flag:
			return ": give a whole number from 0"
		case *cli.IntFlag, *cli.Int64Flag:
			return ": give a whole number"
		case *cli.DurationFlag:
			return ": give a duration, for instance 10s"
		}
	}
	return ""
}

// noArguments refuses arguments of a command that has none.
func noArguments(c *cli.Context) error {
	if c.Args().Present() {
		return usageErrorf("%s takes no arguments, but was given %q; see ssnode %s --help", c.Command.Name, c.Args().First(), c.Command.Name)
	}
	return nil
}

// oneArgument returns the one argument of a command.
func oneArgument(c *cli.Context, what string) (string, error) {
	switch c.Args().Len() {
	case 1:
		return c.Args().First(), nil
	case 0:
		return "", usageErrorf("%s needs %s; see ssnode %s --help", c.Command.Name, what, c.Command.Name)
	}
	return "", usageErrorf("%s takes one argument, %s, but was given %d; see ssnode %s --help", c.Command.Name, what, c.Args().Len(), c.Command.Name)
}

func printf(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(w, format, args...)
	return err
}
