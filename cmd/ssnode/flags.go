package main

import (
	"slices"
	"strings"
	"time"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

// defaultAddr is where `run` serves its interface if it is told nothing.
const defaultAddr = "http://127.0.0.1:7481"

// The flags that many commands share. Those that configure the command itself
// can be set in the environment, those that say what to do cannot.

func addrFlag() cli.Flag {
	return &cli.StringFlag{Name: "addr", Usage: "`URL` of the node to ask", Value: defaultAddr, EnvVars: []string{"SSNODE_ADDR"}}
}

func keyspaceFlag() cli.Flag {
	return &cli.StringFlag{Name: "keyspace", Usage: "`NAME` of the keyspace", Value: ranges.DefaultKeyspace, EnvVars: []string{"SSNODE_KEYSPACE"}}
}

func allKeyspacesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "all-keyspaces", Usage: "all keyspaces instead of one"}
}

func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FORMAT`: table, json, or ndjson, which is a line per row", Value: string(formatTable), EnvVars: []string{"SSNODE_OUTPUT"}},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "names only, one a line"},
	}
}

func rangeFlags(what string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "from", Usage: "first `KEY` of " + what + " (default: the beginning)"},
		&cli.StringFlag{Name: "to", Usage: "first `KEY` after " + what + " (default: no end)"},
		&cli.StringFlag{Name: "key", Usage: "exactly this `KEY`, instead of --from and --to"},
		&cli.StringFlag{Name: "prefix", Usage: "all keys that begin with this `PREFIX`, instead of --from and --to"},
	}
}

func nodeFlag(what string) cli.Flag {
	return &cli.StringFlag{Name: "node", Usage: "`NAME` of " + what}
}

func limitFlag() cli.Flag {
	return &cli.IntFlag{Name: "limit", Usage: "at most `N` rows"}
}

func dataDirFlag() cli.Flag {
	return &cli.StringFlag{Name: "data-dir", Usage: "the data `DIRECTORY` of a node that is stopped"}
}

// flags puts flags together.
func flags(parts ...any) []cli.Flag {
	var out []cli.Flag
	for _, p := range parts {
		switch p := p.(type) {
		case cli.Flag:
			out = append(out, p)
		case []cli.Flag:
			out = append(out, p...)
		}
	}
	return out
}

// connect returns a client of the node that the command line names.
func connect(c *cli.Context) (*client.Client, error) {
	return client.New(c.String("addr"), client.Options{UserAgent: "ssnode/" + versionText()})
}

// keyspaceOf returns the keyspace that is named, "" for all of them.
func keyspaceOf(c *cli.Context) (keyspace string, all bool, err error) {
	if c.Bool("all-keyspaces") {
		if isGiven(c, "keyspace") {
			return "", false, usageErrorf("--keyspace and --all-keyspaces exclude each other: give one of them")
		}
		return "", true, nil
	}
	if err := ranges.ValidateName("keyspace", c.String("keyspace")); err != nil {
		return "", false, usageErrorf("--keyspace: %v", err)
	}
	return c.String("keyspace"), false, nil
}

// boundsOf returns the range that --from, --to, --key and --prefix say, in
// text form and checked.
func boundsOf(c *cli.Context) (wire.Bounds, error) {
	if err := refuseEmpty(c, "to", "key", "prefix"); err != nil {
		return wire.Bounds{}, err
	}
	if err := excludeEachOther(c, "key", "prefix"); err != nil {
		return wire.Bounds{}, err
	}
	for _, name := range []string{"key", "prefix"} {
		if c.IsSet(name) {
			return standingFor(c, name)
		}
	}
	b := wire.Bounds{From: c.String("from")}
	if c.IsSet("to") {
		to := c.String("to")
		b.To = &to
	}
	if _, err := b.Range(); err != nil {
		return wire.Bounds{}, usageErrorf("%s: %v", namesOf(c, "from", "to"), err)
	}
	return b, nil
}

// standingFor returns the range that one flag stands for.
func standingFor(c *cli.Context, name string) (wire.Bounds, error) {
	if err := excludeEachOther(c, name, "from", "to"); err != nil {
		return wire.Bounds{}, err
	}
	key, err := wire.ParseKey(c.String(name))
	if err != nil {
		return wire.Bounds{}, usageErrorf("--%s: %v", name, err)
	}
	if name == "prefix" {
		return wire.BoundsOf(ranges.Prefix(key)), nil
	}
	return wire.BoundsOf(ranges.Single(key)), nil
}

// metaGiven is where the app keeps the flags that are on the command line.
const metaGiven = "given"

// isGiven reports whether a flag is on the command line, rather than in the
// environment, where it is no more than a default.
func isGiven(c *cli.Context, name string) bool {
	given, _ := c.App.Metadata[metaGiven].([]string)
	return slices.Contains(given, name)
}

// refuseEmpty refuses flags that are given an empty value.
func refuseEmpty(c *cli.Context, names ...string) error {
	for _, name := range names {
		if c.IsSet(name) && c.String(name) == "" {
			if name == "to" {
				return usageErrorf("--to is empty: leave it out for a range without end")
			}
			return usageErrorf("--%s is empty: give it a value, or leave it out", name)
		}
	}
	return nil
}

// excludeEachOther refuses a flag beside those that it stands for.
func excludeEachOther(c *cli.Context, name string, others ...string) error {
	if !c.IsSet(name) {
		return nil
	}
	for _, other := range others {
		if c.IsSet(other) {
			return usageErrorf("--%s and --%s exclude each other: give one of them", name, other)
		}
	}
	return nil
}

// namesOf returns those of the flags that are given, for an error about them.
func namesOf(c *cli.Context, names ...string) string {
	var given []string
	for _, name := range names {
		if c.IsSet(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) == 0 {
		return "the range"
	}
	return strings.Join(given, ", ")
}

// waitFlags say how long a write waits and for whom.
func waitFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "wait", Usage: "answer when `N` members, or all, have it on disk; the node asked is one of them"},
		timeoutFlag("how long --wait lasts"),
	}
}

func timeoutFlag(what string) cli.Flag {
	return &cli.DurationFlag{Name: "timeout", Usage: what + ": a `DURATION` such as 10s", Value: 10 * time.Second}
}

// writeOptions returns what waitFlags say.
func writeOptions(c *cli.Context) (client.WriteOptions, error) {
	o := client.WriteOptions{Timeout: c.Duration("timeout")}
	if o.Timeout <= 0 {
		return o, usageErrorf("--timeout %s: give a duration above 0, for instance 10s", o.Timeout)
	}
	if !c.IsSet("wait") {
		return o, nil
	}
	members, err := wire.ParseMemberCount(c.String("wait"))
	if err != nil {
		return o, usageErrorf("--wait: %v", err)
	}
	o.Wait = members
	return o, nil
}
