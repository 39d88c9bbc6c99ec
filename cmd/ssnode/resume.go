package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

// failed ends a batch whose chunk from line first on has failed. Programs are
// shown on standard output what was carried out before it, which stays, and
// then the error.
func (b *batcher) failed(first int, err error) error {
	explained := b.explain(first, err)
	if b.operations > 0 && b.out.format == formatJSON {
		if err := b.print(); err != nil {
			return err
		}
	}
	return b.out.failed(explained)
}

// explain says what became of a chunk that has failed, and how to go on.
func (b *batcher) explain(first int, err error) error {
	values, fate, ask := map[string]string{}, " was not carried out", "go on with: "
	if errors.Is(err, client.ErrOutcome) { // which says it
		fate, ask = "", "ask that node again, which does nothing twice unless it was restarted, with: "
		values["id"] = b.id
	}
	switch {
	case b.chunk == 0 && len(values) == 0:
		return fmt.Errorf("nothing was carried out: %w", err)
	case b.chunk == 0:
		return fmt.Errorf("%s: %w\n%s%s", b.file, err, ask, b.again(values))
	}
	if first == 0 {
		first = b.done + 1
	}
	done := "nothing was carried out before it"
	if b.done >= b.from {
		done = b.carriedOut()
	}
	values["from-line"] = strconv.Itoa(first)
	return fmt.Errorf("the chunk from line %d to %d%s: %w\n%s; %s%s", first, b.line, fate, err, done, ask, b.again(values))
}

// halted ends a batch that waited in vain. What is left of the file, if there
// is anything, is not carried out.
func (b *batcher) halted(err error) error {
	if failed := b.print(); failed != nil {
		return failed
	}
	if rest, _, failed := b.read(); failed == nil && len(rest) == 0 {
		return err
	}
	return fmt.Errorf("%w\n%s; go on with: %s", err, b.carriedOut(), b.again(map[string]string{"from-line": strconv.Itoa(b.done + 1)}))
}

func (b *batcher) carriedOut() string {
	return fmt.Sprintf("lines %d to %d are carried out", b.from, b.done)
}

// operationNumber is how a node says which operation of a batch it refuses.
var operationNumber = regexp.MustCompile(`^operation (\d+) of \d+`)

// onLine makes what a node says of an operation name its line in the file:
// blank lines and chunks make their numbers differ.
func (b *batcher) onLine(err error) error {
	var answer *wire.Error
	if !errors.As(err, &answer) {
		return err
	}
	number, rest := 0, ""
	if found := operationNumber.FindStringSubmatch(answer.Message); found != nil {
		number, _ = strconv.Atoi(found[1])
		rest = strings.TrimPrefix(answer.Message, found[0])
	} else if len(b.numbers) == 1 && aboutOperations(answer.Code) {
		number, rest = 1, ": "+answer.Message
	}
	if number < 1 || number > len(b.numbers) {
		return err
	}
	return wire.Errorf(answer.Code, "line %d%s", b.numbers[number-1], rest)
}

// aboutOperations reports whether an error of that code is about what was
// asked for, rather than about who asks or the state of the node.
func aboutOperations(code wire.Code) bool {
	return code == wire.CodeInvalid || code == wire.CodeNotFound || code == wire.CodeConflict
}

// commandAgain returns the command line that was given, to be copied into a
// shell, with other values of some flags.
func commandAgain(c *cli.Context) func(values map[string]string) string {
	return func(values map[string]string) string {
		words := []string{"ssnode", c.Command.Name}
		for _, f := range c.Command.Flags {
			name := f.Names()[0]
			value, isChanged := values[name]
			switch _, isSwitch := f.(*cli.BoolFlag); {
			case isChanged:
				words = append(words, "--"+name, shellQuote(value))
			case !isGiven(c, name):
			case isSwitch:
				words = append(words, "--"+name+"="+strconv.FormatBool(c.Bool(name)))
			default:
				words = append(words, "--"+name, shellQuote(fmt.Sprint(c.Value(name))))
			}
		}
		for _, arg := range c.Args().Slice() {
			if strings.HasPrefix(arg, "-") && arg != "-" {
				words = append(words, "--")
			}
			words = append(words, shellQuote(arg))
		}
		return strings.Join(words, " ")
	}
}

// plainWord is what no shell changes.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,-]+$`)

// shellQuote writes a text so that a POSIX shell reads it as one word.
func shellQuote(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
