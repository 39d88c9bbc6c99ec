package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// commandLine is a command line as the library can read it.
type commandLine struct {
	args []string
	// given are the flags on it, by their full names: those from the
	// environment are not among them.
	given []string
}

// arrange moves the flags of a command line before its arguments, so that
// `lookup KEY -o json` means what it says, and refuses commands and flags that
// do not exist. What comes after `--` is arguments.
func arrange(commands []*cli.Command, args []string) (commandLine, error) {
	if len(args) < 2 {
		return commandLine{args: args}, nil
	}
	switch first := args[1]; {
	case isHelp(first):
		return arrangeHelp(commands, args)
	case first == "--version" || first == "-v":
		return commandLine{args: []string{args[0], "--version"}}, nil
	case strings.HasPrefix(first, "-"):
		return commandLine{}, usageErrorf("flags come after the command: ssnode COMMAND %s; see ssnode --help", first)
	}
	command, err := find(commands, args[1])
	if err != nil {
		return commandLine{}, err
	}
	return split(command, args)
}

func isHelp(arg string) bool {
	return arg == "help" || arg == "h" || arg == "--help" || arg == "-h"
}

func arrangeHelp(commands []*cli.Command, args []string) (commandLine, error) {
	if len(args) == 2 {
		return commandLine{args: []string{args[0], "--help"}}, nil
	}
	if _, err := find(commands, args[2]); err != nil {
		return commandLine{}, err
	}
	return commandLine{args: []string{args[0], args[2], "--help"}}, nil
}

// find returns the command of that name, or an error that says which one may
// have been meant.
func find(commands []*cli.Command, name string) (*cli.Command, error) {
	var names []string
	for _, c := range commands {
		if c.HasName(name) {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return nil, usageErrorf("unknown command %q%s", name, orElse(didYouMean(name, names, ""), "; see ssnode --help"))
}

// split takes the flags of a command out of what follows its name.
func split(command *cli.Command, args []string) (commandLine, error) {
	line, program := commandLine{args: slices.Clone(args[:2])}, args[0]
	var rest []string
	for args = args[2:]; len(args) > 0; {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			rest, args = append(rest, args...), nil
			continue
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			rest = append(rest, arg)
			continue
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		found, err := flagOf(command, arg, name)
		if err != nil {
			return commandLine{}, err
		}
		line.given, line.args = append(line.given, found.name), append(line.args, arg)
		if found.name == "help" {
			return commandLine{args: []string{program, command.Name, "--help"}}, nil
		}
		if found.isSwitch || hasValue {
			continue
		}
		if len(args) == 0 {
			return commandLine{}, usageErrorf("the flag %s needs a value; see ssnode %s --help", arg, command.Name)
		}
		line.args = append(line.args, args[0])
		args = args[1:]
	}
	line.args = append(append(line.args, "--"), rest...)
	return line, nil
}

// foundFlag is a flag of a command: its full name, and whether it is a switch,
// which takes no value.
type foundFlag struct {
	name     string
	isSwitch bool
}

// flagOf returns the flag of a command that is called name.
func flagOf(command *cli.Command, arg, name string) (foundFlag, error) {
	if name == "help" || name == "h" {
		return foundFlag{name: "help", isSwitch: true}, nil
	}
	names := []string{"help"}
	for _, f := range command.Flags {
		if slices.Contains(f.Names(), name) {
			_, isSwitch := f.(*cli.BoolFlag)
			return foundFlag{name: f.Names()[0], isSwitch: isSwitch}, nil
		}
		names = append(names, f.Names()...)
	}
	hint := didYouMean(name, names, "--")
	if hint == "" && len(arg) > 1 && arg[1] >= '0' && arg[1] <= '9' {
		hint = "; write -- before an argument that begins with a dash"
	}
	hint = orElse(hint, "; see ssnode "+command.Name+" --help")
	return foundFlag{}, usageErrorf("%s has no flag %s%s", command.Name, arg, hint)
}

// didYouMean names the nearest of the names, if one is near.
func didYouMean(name string, names []string, prefix string) string {
	best, bestDistance := "", 1+max(1, len(name)/3)
	for _, n := range names {
		if len(n) == 1 {
			continue
		}
		d := distance(name, n)
		if strings.HasPrefix(n, name) && len(name) > 1 {
			d = min(d, 1)
		}
		if d < bestDistance {
			best, bestDistance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + prefix + best + "?"
}

func orElse(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

// distance returns how many letters must be added, removed, replaced or
// swapped with their neighbour to get from a to b (Damerau 1964, restricted).
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		older, last, row := rows[0], rows[1], rows[2]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		rows = [3][]int{last, row, older}
	}
	return rows[1][len(b)]
}
