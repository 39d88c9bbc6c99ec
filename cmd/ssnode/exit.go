package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/dump"
	"github.com/scalesmall/ssnode/store"
	"github.com/scalesmall/ssnode/wire"
)

// exitError ends the command with a code. Without an error of its own it is
// silent: what there is to say was said on standard output.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exit ends the command with a code and nothing more to say.
func exit(code int) error { return &exitError{code: code} }

// usageErrorf is what is wrong with a command line.
func usageErrorf(format string, args ...any) error {
	return &exitError{code: wire.ExitUsage, err: fmt.Errorf(format, args...)}
}

// failures is the one table from errors to exit codes, for those that carry
// no code. The first that matches counts.
var failures = []struct {
	err  error
	code int
}{
	{client.ErrUnreachable, wire.ExitUnreachable},
	{client.ErrAddress, wire.ExitUsage},
	{store.ErrInUse, wire.ExitInUse},
	{store.ErrMissing, wire.ExitNotFound},
	{store.ErrOptions, wire.ExitUsage},
	{dump.ErrCorrupt, wire.ExitUsage},
	{context.DeadlineExceeded, wire.ExitFailure},
}

// exitCode returns the code that an error ends the command with.
func exitCode(err error) int {
	if err == nil {
		return wire.ExitOK
	}
	var e *exitError
	if errors.As(err, &e) {
		return e.code
	}
	for _, f := range failures {
		if errors.Is(err, f.err) {
			return f.code
		}
	}
	var answer *wire.Error
	if errors.As(err, &answer) {
		return answer.Code.ExitCode()
	}
	return wire.ExitFailure
}

// report says what went wrong and returns the exit code.
func report(stderr io.Writer, err error) int {
	var e *exitError
	if err != nil && !(errors.As(err, &e) && e.err == nil) {
		text, more := err.Error(), advice(err)
		switch {
		case more != "" && strings.Contains(text, "\n"):
			text += "\n" + more // the last line may be a command to be copied
		case more != "":
			text += "; " + more
		}
		_, _ = fmt.Fprintf(stderr, "ssnode: %s\n", text)
	}
	return exitCode(err)
}

// advice says what to do next, where the error does not.
func advice(err error) string {
	if errors.Is(err, client.ErrUnreachable) {
		return "start a node with ssnode run, or say where one is with --addr"
	}
	return ""
}
