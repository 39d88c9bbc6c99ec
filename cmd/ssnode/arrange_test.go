package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/wire"
	"github.com/urfave/cli/v2"
)

func TestArrange_FlagsAfterArguments_ComeFirst(t *testing.T) {
	commands := []*cli.Command{{Name: "look", Flags: []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}}, &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}},
	}}}
	tests := []struct{ args, want, given string }{
		{"look a", "look -- a", ""},
		{"look a -o json b -q", "look -o json -q -- a b", "output quiet"},
		{"look -o=json a", "look -o=json -- a", "output"},
		{"look --output a b", "look --output a -- b", "output"},
		{"look a -- -o json", "look -- a -o json", ""},
		{"look - -q", "look -q -- -", "quiet"},
		{"look -q=false a", "look -q=false -- a", "quiet"},
		{"look --output -- a", "look --output -- -- a", "output"}, // the value of a flag is whatever follows
		{"look a --help", "look --help", ""},
		{"help look", "look --help", ""},
		{"-h", "--help", ""},
		{"--version", "--version", ""},
		{"", "", ""},
	}
	for _, test := range tests {
		line, err := arrange(commands, append([]string{"ssnode"}, strings.Fields(test.args)...))
		if err != nil {
			t.Errorf("%s: %v", test.args, err)
			continue
		}
		if got := strings.Join(line.args[1:], " "); got != test.want {
			t.Errorf("%s: %q, want %q", test.args, got, test.want)
		}
		if got := strings.Join(line.given, " "); got != test.given {
			t.Errorf("%s: given are %q, want %q", test.args, got, test.given)
		}
	}
	for _, args := range []string{"lok", "look --outptu x", "look -o", "--quiet look", "help lok", "look -x"} {
		_, err := arrange(commands, append([]string{"ssnode"}, strings.Fields(args)...))
		if exitCode(err) != wire.ExitUsage {
			t.Errorf("%s: %v, want an error of usage", args, err)
		}
	}
}

func TestDistance_CountsEdits(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "ab", 1},
		{"abc", "acb", 1}, {"ab", "ba", 1}, {"kitten", "sitting", 3}, {"lookpu", "lookup", 1}, {"form", "from", 1},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q to %q: %d, want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("%q to %q: %d, want %d", test.b, test.a, got, test.want)
		}
	}
}

// TestApp_Commands_SayTheSameThings holds what a user may rely on in all
// commands: they have a group, a help that fits, no flag twice, and the same
// flag means the same in all of them.
func TestApp_Commands_SayTheSameThings(t *testing.T) {
	aliases := map[string]string{}
	for _, c := range commands() {
		if !slices.Contains(groups, c.Category) {
			t.Errorf("%s is in no group of the help", c.Name)
		}
		seen := map[string]bool{}
		for _, f := range c.Flags {
			names := f.Names()
			for _, name := range names {
				if seen[name] {
					t.Errorf("%s has --%s twice", c.Name, name)
				}
				seen[name] = true
				if was, ok := aliases[name]; ok && was != names[0] {
					t.Errorf("-%s of %s stands for --%s, elsewhere for --%s", name, c.Name, names[0], was)
				}
				aliases[name] = names[0]
			}
		}
		for line := range strings.Lines(commandHelp(c)) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 100 {
				t.Errorf("the help of %s has a line of %d: %s", c.Name, n, line)
			}
		}
	}
}
