// Command ssnode runs a member of a cluster that agrees, without a master, on
// which nodes serve which ranges of keys, and talks to running members.
//
//	ssnode run --data-dir ./n1 --node n1
//	ssnode register --node n1 --from a --to m --priority 10
//	ssnode lookup foo
//
// Every command prints what it found on standard output, what went wrong on
// standard error, and says by its exit code what kind of failure it was. This
// package has flags and output; what commands do is in node, api, client,
// store and dump.
package main

import (
	"context"
	"io"
	"os"

	"github.com/urfave/cli/v2"
)

func main() {
	os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// run runs one command line and returns its exit code. Args begins with the
// name of the program.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return runApp(ctx, newApp(stdin, stdout, stderr), args)
}

func runApp(ctx context.Context, app *cli.App, args []string) int {
	line, err := arrange(app.Commands, args)
	if err == nil {
		app.Metadata = map[string]any{metaGiven: line.given}
		err = app.RunContext(ctx, line.args)
	}
	return report(app.ErrWriter, err)
}
