package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/scalesmall/ssnode/store"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

func checkCommand() *cli.Command {
	return &cli.Command{
		Name: "check", Category: groupData, Usage: "whether a data directory, or a backup, is whole",
		ArgsUsage: "[BACKUP]",
		Description: "Reads every record, recomputes every checksum and fingerprint, and changes nothing. Damage\n" +
			"may crash or hang whoever reads it, so a process of its own does.\n\n" +
			"Exit code 5 if something is wrong.\n\nExample: ssnode check --data-dir ./n1",
		Flags: flags(dataDirFlag(),
			&cli.DurationFlag{Name: "timeout", Usage: "`DURATION` after which the file is taken to be damaged", Value: checkTimeout},
			&cli.BoolFlag{Name: flagInProcess, Hidden: true},
			outputFlags()),
		Action: func(c *cli.Context) error {
			path, err := checkedPath(c)
			if err != nil {
				return err
			}
			out, err := outputOf(c)
			if err != nil {
				return err
			}
			if c.Bool(flagInProcess) {
				return checkHere(out, path)
			}
			found, err := checkApart(c, path)
			if err != nil {
				return err
			}
			return out.emit(checkListing(path, found), failedCheck(found))
		},
	}
}

// checkTimeout is far longer than reading any file takes.
const checkTimeout = time.Hour

// flagInProcess is for check itself: do it here, and answer in JSON.
const flagInProcess = "in-process"

func checkedPath(c *cli.Context) (string, error) {
	if c.IsSet("data-dir") {
		if err := noArguments(c); err != nil {
			return "", err
		}
		return requireDirectory(c)
	}
	if !c.Args().Present() {
		return "", usageErrorf("check needs --data-dir, the directory of a node that is stopped, or the name of a backup")
	}
	return oneArgument(c, "the name of a backup")
}

// checkHere checks in this process.
func checkHere(out *output, path string) error {
	problems, err := store.Check(path)
	if err != nil {
		return err
	}
	found := wire.Check{OK: len(problems) == 0}
	for _, p := range problems {
		found.Problems = append(found.Problems, string(p))
	}
	return out.json(found)
}

// checkApart checks in a process of its own: one that crashes, or does not
// end, has found damage as well.
func checkApart(c *cli.Context, path string) (wire.Check, error) {
	program, err := os.Executable()
	if err != nil {
		return wire.Check{}, fmt.Errorf("find this program: %w", err)
	}
	ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
	defer cancel()
	child := exec.CommandContext(ctx, program, "check", "--"+flagInProcess, "--data-dir", path)
	child.Args[0] = "ssnode"
	var stdout, stderr bytes.Buffer
	child.Stdout, child.Stderr = &stdout, &stderr
	failure := child.Run()
	var found wire.Check
	if wire.Unmarshal(stdout.Bytes(), &found) == nil {
		return found, nil
	}
	return judge(ctx, failure, stderr.String())
}

// judge tells damage from other reasons to fail: those come with a code of
// their own and an explanation.
func judge(ctx context.Context, failure error, said string) (wire.Check, error) {
	damaged := func(how string) (wire.Check, error) {
		return wire.Check{Problems: []string{how}}, nil
	}
	var ended *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return damaged("reading the file did not end in time: it is damaged, or larger than --timeout allows")
	case !errors.As(failure, &ended):
		return wire.Check{}, fmt.Errorf("check in a process of its own: %w", failure)
	case ended.ExitCode() < 0 || strings.HasPrefix(said, "panic:") || strings.HasPrefix(said, "fatal error:") || strings.HasPrefix(said, "unexpected fault"):
		return damaged("reading the file crashed: it is damaged (" + firstLine(said) + ")")
	}
	text := strings.TrimPrefix(strings.TrimSpace(said), "ssnode: ")
	if ended.ExitCode() == wire.ExitInUse {
		text += "; while it runs, use: ssnode status --addr URL"
	}
	return wire.Check{}, &exitError{code: ended.ExitCode(), err: errors.New(text)}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// failedCheck ends the command if something is wrong.
func failedCheck(found wire.Check) error {
	if found.OK {
		return nil
	}
	return exit(wire.ExitCheckFailed)
}

func checkListing(path string, found wire.Check) listing {
	l := listing{document: found, rows: []any{found}, names: found.Problems}
	l.table = func(o *output) error {
		if found.OK {
			return o.line(path + " is whole.")
		}
		if err := o.line(path + " is damaged:"); err != nil {
			return err
		}
		for _, p := range found.Problems {
			if err := o.line("  " + p); err != nil {
				return err
			}
		}
		return o.line("Keep it as it is, and rebuild it from another node or a backup: ssnode repair --data-dir DIRECTORY --from URL|BACKUP")
	}
	return l
}
