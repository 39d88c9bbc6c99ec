package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

// lookupKeysAtOnce is how many keys are asked for in one request.
const lookupKeysAtOnce = 1000

func lookupCommand() *cli.Command {
	return &cli.Command{
		Name: "lookup", Category: groupRead, Usage: "who serves a key, most preferred first",
		ArgsUsage: "KEY... | -",
		Description: "Keys are text as it is, or hex:..., base64:..., u64:N, u32:N. With - they are read from\n" +
			"standard input, one a line; blank lines are passed over, and the empty key is hex:.\n" +
			"Exit code 3 if nobody serves one of them.\n\n" +
			"Example: ssnode lookup foo",
		Flags: flags(keyspaceFlag(),
			&cli.StringFlag{Name: "at-least", Usage: "answer only when the node has seen what this `TOKEN` names"},
			timeoutFlag("how long --at-least waits"),
			addrFlag(), outputFlags()),
		Action: lookup,
	}
}

func lookup(c *cli.Context) error {
	if !c.Args().Present() {
		return usageErrorf("lookup needs a key, or - to read keys from standard input; see ssnode lookup --help")
	}
	keyspace, _, err := keyspaceOf(c)
	if err != nil {
		return err
	}
	out, err := outputOf(c)
	if err != nil {
		return err
	}
	next, err := keysOf(c)
	if err != nil {
		return err
	}
	timeout := c.Duration("timeout")
	if timeout <= 0 {
		return usageErrorf("--timeout %s: give a duration above 0, for instance 10s", timeout)
	}
	node, err := connect(c)
	if err != nil {
		return err
	}
	defer node.Close()
	l := &lookups{keyspace: keyspace, atLeast: wire.Token(c.String("at-least")), timeout: timeout.String(), node: node, out: out}
	if err := l.run(c, next); err != nil {
		return err
	}
	err = l.finish()
	if l.incomplete && !out.quiet {
		fmt.Fprintln(c.App.ErrWriter, "note: this node has yet to fetch a great part of the state of the cluster; others may know of more servers")
	}
	return err
}

// keysOf returns a function that returns the next keys to look up, none at the
// end.
func keysOf(c *cli.Context) (func() ([]string, error), error) {
	args := c.Args().Slice()
	if len(args) == 1 && args[0] == "-" {
		return keysFrom(bufio.NewReader(c.App.Reader)), nil
	}
	for _, arg := range args {
		if _, err := wire.ParseKey(arg); err != nil {
			return nil, usageErrorf("%v", err)
		}
	}
	return func() ([]string, error) {
		n := min(len(args), lookupKeysAtOnce)
		keys := args[:n]
		args = args[n:]
		return keys, nil
	}, nil
}

func keysFrom(r *bufio.Reader) func() ([]string, error) {
	line := 0
	return func() ([]string, error) {
		var keys []string
		for len(keys) < lookupKeysAtOnce {
			text, err := r.ReadString('\n')
			if err != nil && (!errors.Is(err, io.EOF) || text == "") {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				return keys, err
			}
			line++
			text = strings.TrimRight(text, "\r\n")
			if text == "" {
				continue
			}
			if _, err := wire.ParseKey(text); err != nil {
				return nil, usageErrorf("line %d of standard input: %v", line, err)
			}
			keys = append(keys, text)
		}
		return keys, nil
	}
}

// lookups are the keys that were looked up so far.
type lookups struct {
	keyspace string
	atLeast  wire.Token
	timeout  string
	node     *client.Client
	out      *output

	found []wire.Lookup
	token wire.Token
	gaps  int
	// incomplete says that the node had yet to fetch much.
	incomplete bool
}

func (l *lookups) run(c *cli.Context, next func() ([]string, error)) error {
	for {
		keys, err := next()
		if err != nil || len(keys) == 0 {
			return err
		}
		answer, err := l.node.LookupBy(c.Context, wire.LookupRequest{Keyspace: l.keyspace, Keys: keys, AtLeast: l.atLeast, Timeout: l.timeout})
		if err != nil {
			return err
		}
		l.token, l.incomplete = answer.Token, l.incomplete || answer.Incomplete
		if err := l.took(answer.Lookups); err != nil {
			return err
		}
	}
}

// took prints what can be printed at once and keeps the rest.
func (l *lookups) took(found []wire.Lookup) error {
	for _, x := range found {
		if len(x.Servers) == 0 {
			l.gaps++
		}
	}
	if l.out.format != formatNDJSON || l.out.quiet {
		l.found = append(l.found, found...)
		return nil
	}
	for _, x := range found {
		if err := l.out.json(x); err != nil {
			return err
		}
	}
	return nil
}

func (l *lookups) finish() error {
	what := listing{document: any(wire.Lookups{Lookups: l.found, Token: l.token, Incomplete: l.incomplete}), names: l.names(), table: l.tableOfAll}
	if len(l.found) == 1 {
		what.document, what.table = l.found[0], l.tableOfOne
	}
	var err error
	if l.gaps > 0 {
		err = exit(wire.ExitNotFound)
	}
	return l.out.emit(what, err)
}

// names returns the servers of one key, one a line, or of each key on a line.
func (l *lookups) names() []string {
	var out []string
	for _, x := range l.found {
		var servers []string
		for _, s := range x.Servers {
			servers = append(servers, s.Node)
		}
		if len(l.found) == 1 {
			return servers
		}
		out = append(out, x.Key+"\t"+strings.Join(servers, " "))
	}
	return out
}

func (l *lookups) tableOfOne(o *output) error {
	x := l.found[0]
	where := o.style.shorten(orElse(x.Key, `""`), keyWidthMax) + " is in " + o.style.bounds(x.Bounds) + " of keyspace " + x.Keyspace
	if len(x.Servers) == 0 {
		return o.line(where + ", which nobody serves")
	}
	if err := o.line(where); err != nil {
		return err
	}
	g := o.grid("Node", "#Priority", "Address", "Liveness")
	for _, s := range x.Servers {
		g.row(s.Node, s.Priority, orDash(s.Address), o.style.mark(s.Liveness)+" "+string(s.Liveness))
	}
	return g.print()
}

func (l *lookups) tableOfAll(o *output) error {
	g := o.grid("Key", "Range", "&Servers")
	for _, x := range l.found {
		g.row(o.style.shorten(orElse(x.Key, `""`), keyWidthMax), o.style.bounds(x.Bounds), o.style.servers(x.Servers))
	}
	return g.print()
}
