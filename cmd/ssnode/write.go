package main

import (
	"slices"
	"strings"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

// writeCommand returns a command that carries out one operation on one claim.
func writeCommand(op wire.Op, usage, description string, own []cli.Flag, fill func(*cli.Context, *wire.Operation) error) *cli.Command {
	return &cli.Command{
		Name: string(op), Category: groupWrite, Usage: usage, Description: description,
		Flags: flags(rangeFlags("the claim"), own, nodeFlag("the node that claims (default: the node that is asked)"),
			keyspaceFlag(), waitFlags(), addrFlag(), outputFlags()),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			o, err := operationOf(c, op)
			if err != nil {
				return err
			}
			if fill != nil {
				if err := fill(c, &o); err != nil {
					return err
				}
			}
			return write(c, []wire.Operation{o})
		},
	}
}

// operationOf returns the operation that the flags common to all say.
func operationOf(c *cli.Context, op wire.Op) (wire.Operation, error) {
	keyspace, _, err := keyspaceOf(c)
	if err != nil {
		return wire.Operation{}, err
	}
	bounds, err := boundsOf(c)
	if err != nil {
		return wire.Operation{}, err
	}
	if err := refuseEmpty(c, "node"); err != nil {
		return wire.Operation{}, err
	}
	node := c.String("node") // "" is the node that answers
	if node != "" {
		if err := ranges.ValidateName("node", node); err != nil {
			return wire.Operation{}, usageErrorf("--node: %v", err)
		}
	}
	return wire.Operation{Op: op, Keyspace: keyspace, Node: node, Bounds: bounds}, nil
}

func priorityFlag(usage string) cli.Flag {
	return &cli.Int64Flag{Name: "priority", Usage: usage}
}

func byFlag(usage string) cli.Flag {
	return &cli.Int64Flag{Name: "by", Usage: usage}
}

func registerCommand() *cli.Command {
	return writeCommand(wire.OpRegister, "claim a range for a node",
		"Makes the claim visible. One that is visible already keeps its priority; use set to change it.\n\n"+
			"Example: ssnode register --node n1 --from a --to m --priority 10",
		flags(priorityFlag("`P`, 1 to 2147483647: the higher, the more preferred (default: 1)")), fillPriority(false))
}

func releaseCommand() *cli.Command {
	return writeCommand(wire.OpRelease, "take a claim back",
		"Releases the claim on exactly this range. One that is not visible is no error.\n\n"+
			"Example: ssnode release --node n1 --from a --to m", nil, nil)
}

func increaseCommand() *cli.Command {
	return writeCommand(wire.OpIncrease, "make a node more preferred",
		"Adds to the priority of the claim, and makes the claim if it is not visible.\n\n"+
			"Example: ssnode increase --node n1 --from a --to m --by 5",
		flags(byFlag("`V`, 1 to 2147483647: how much to add"),
			&cli.BoolFlag{Name: "if-visible", Usage: "fail with exit code 3, rather than make a claim that is not visible"}),
		func(c *cli.Context, o *wire.Operation) error {
			o.IfVisible = c.Bool("if-visible")
			return fillBy(c, o)
		})
}

func decreaseCommand() *cli.Command {
	return writeCommand(wire.OpDecrease, "make a node less preferred",
		"Takes from the priority of the claim; at 0 or below, the claim is released.\n\n"+
			"Example: ssnode decrease --node n1 --from a --to m --by 5",
		flags(byFlag("`V`, 1 to 2147483647: how much to take away")), fillBy)
}

func setCommand() *cli.Command {
	return writeCommand(wire.OpSet, "give a claim a priority",
		"Carries out the increase or decrease that gets to the priority. Of two concurrent ones, both count.\n\n"+
			"Example: ssnode set --node n1 --from a --to m --priority 20",
		flags(priorityFlag("`P`, 1 to 2147483647: the priority to get to")), fillPriority(true))
}

func tightenCommand() *cli.Command {
	return writeCommand(wire.OpTighten, "make a claim smaller",
		"Registers the smaller range with the priority shown, then releases the claim, both in one step.\n"+
			"Refused where keys would be left that nobody serves.\n\n"+
			"Example: ssnode tighten --node n1 --from a --to m --new-to f",
		flags(
			&cli.StringFlag{Name: "new-from", Usage: "first `KEY` to keep (default: that of the claim)"},
			&cli.StringFlag{Name: "new-to", Usage: "first `KEY` no longer to keep (default: that of the claim)"},
			&cli.StringFlag{Name: "at", Usage: "cut the claim at this `KEY` and keep what is before it, like --new-to"},
			&cli.BoolFlag{Name: "allow-gap", Usage: "even if keys are left that nobody serves"},
		), fillTighten)
}

// fillPriority reads --priority. What is left out is the node's default,
// unless there is none.
func fillPriority(required bool) func(*cli.Context, *wire.Operation) error {
	return func(c *cli.Context, o *wire.Operation) error {
		if !c.IsSet("priority") {
			if required {
				return usageErrorf("%s needs --priority, a number from 1 to %d", c.Command.Name, wire.AmountMax)
			}
			return nil
		}
		priority := c.Int64("priority")
		o.Priority = &priority
		return refuseAmount("--priority", priority)
	}
}

func fillBy(c *cli.Context, o *wire.Operation) error {
	if !c.IsSet("by") {
		return usageErrorf("%s needs --by, a number from 1 to %d", c.Command.Name, wire.AmountMax)
	}
	by := c.Int64("by")
	o.By = &by
	return refuseAmount("--by", by)
}

func refuseAmount(name string, n int64) error {
	if n < 1 || n > wire.AmountMax {
		return usageErrorf("%s %d is out of bounds: give a number from 1 to %d", name, n, wire.AmountMax)
	}
	return nil
}

func fillTighten(c *cli.Context, o *wire.Operation) error {
	if err := refuseEmpty(c, "new-from", "new-to", "at"); err != nil {
		return err
	}
	if err := excludeEachOther(c, "at", "new-to", "new-from"); err != nil {
		return err
	}
	for _, name := range []string{"new-to", "at"} {
		if c.IsSet(name) {
			to := c.String(name)
			o.NewTo = &to
		}
	}
	if c.IsSet("new-from") {
		from := c.String("new-from")
		o.NewFrom = &from
	}
	if o.NewFrom == nil && o.NewTo == nil {
		return usageErrorf("tighten needs --new-from, --new-to or --at")
	}
	o.AllowGap = c.Bool("allow-gap")
	if _, err := o.Tightened(); err != nil {
		return usageErrorf("%v", err)
	}
	return nil
}

// write carries out one batch and prints what it did.
func write(c *cli.Context, ops []wire.Operation) error {
	o, err := writeOptions(c)
	if err != nil {
		return err
	}
	return withNode(c, func(out *output, node *client.Client) error {
		writer := node.NewWriter(client.WriterOptions{Write: o}) // it says whether the outcome is known
		defer writer.Close()
		results, err := writer.Write(c.Context, wire.Batch{Ops: ops})
		if err != nil {
			return out.failed(err)
		}
		return out.emit(listing{
			document: results,
			rows:     rowsOf(results.Results),
			table:    func(out *output) error { return out.results(results, o.Wait) },
		}, incomplete(o.Wait, results.OnDisk, results.Missing))
	})
}

// failed prints an error as JSON where JSON was asked for, and returns it.
func (o *output) failed(err error) error {
	if o.quiet || o.format == formatTable {
		return err
	}
	if failed := o.json(wire.Error{Message: err.Error(), Code: codeOf(err)}); failed != nil {
		return failed
	}
	return err
}

// codeOf returns the code of an error in JSON, also of one that no node
// answered.
func codeOf(err error) wire.Code {
	switch code := wire.CodeOf(err); {
	case code != wire.CodeInternal:
		return code
	case exitCode(err) == wire.ExitUnreachable:
		return wire.CodeUnavailable
	case exitCode(err) == wire.ExitUsage:
		return wire.CodeInvalid
	}
	return wire.CodeInternal
}

// results prints what a batch did, for people.
func (o *output) results(r wire.Results, wait wire.MemberCount) error {
	for _, x := range r.Results {
		if err := o.line(sentenceOf(x)); err != nil {
			return err
		}
	}
	if !wait.IsZero() {
		if err := o.waited(r.OnDisk, r.Missing); err != nil {
			return err
		}
	}
	return printf(o.w, "token %s\n", r.Token)
}

// waited prints who has it on disk, for people.
func (o *output) waited(onDisk, missing []string) error {
	if err := printf(o.w, "on disk: %s\n", orDash(strings.Join(onDisk, ", "))); err != nil || len(missing) == 0 {
		return err
	}
	return printf(o.w, "missing: %s\n", strings.Join(missing, ", "))
}

// sentenceOf says what an operation left behind.
func sentenceOf(r wire.Result) string {
	bounds := r.Bounds
	if to, err := r.Tightened(); r.Op == wire.OpTighten && err == nil {
		bounds = wire.BoundsOf(to)
	}
	subject := r.Keyspace + ":" + rangeText(bounds) + " of " + r.Node + ": "
	switch {
	case r.Priority == 0 && !r.Changed:
		return subject + "was not claimed"
	case r.Priority == 0:
		return subject + "released"
	case !r.Changed:
		return subject + "priority " + formatInt(r.Priority) + ", as before"
	}
	return subject + "priority " + formatInt(r.Priority)
}

// incomplete ends the command if fewer members than asked for answered.
func incomplete(wait wire.MemberCount, onDisk, missing []string) error {
	switch {
	case wait.IsZero(), wait.All && len(missing) == 0, !wait.All && len(onDisk) >= wait.N:
		return nil
	}
	return &exitError{code: wire.ExitCheckFailed, err: errIncomplete(wait, onDisk, missing)}
}

func errIncomplete(wait wire.MemberCount, onDisk, missing []string) error {
	who := strings.Join(slices.Sorted(slices.Values(missing)), ", ")
	if who == "" {
		return wire.Errorf(wire.CodeUnavailable, "written, but only %s of %s members have it on disk", formatInt(int64(len(onDisk))), wait)
	}
	return wire.Errorf(wire.CodeUnavailable, "written, but not known to be on the disk of %s in time; it travels on by itself, ask again with a longer --timeout", who)
}
