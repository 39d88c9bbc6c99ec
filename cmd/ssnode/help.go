package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// groups are the groups of commands in the order in which the help has them.
var groups = []string{groupNode, groupWrite, groupRead, groupCluster, groupData, groupOther}

const (
	// helpWidth is how wide the help is.
	helpWidth = 90
	// helpColumn is where what flags mean begins.
	helpColumn = 30
)

// describe gives a command the help of all others: the library's own sorts,
// widens and repeats.
func describe(c *cli.Command) {
	c.HideHelpCommand = true // or a key named help would ask for help
	c.OnUsageError = usage
	c.CustomHelpTemplate = literally(commandHelp(c))
}

// literally keeps a text from being taken for a template.
func literally(text string) string { return strings.ReplaceAll(text, "{{", "{{`{{`}}") }

// appHelp returns the help of the program.
func appHelp(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\nUsage:\n  %s\n\n%s\n", app.Name, app.Usage, app.UsageText, app.Description)
	for _, group := range groups {
		fmt.Fprintf(&b, "\n%s:\n", group)
		for _, c := range app.Commands {
			if c.Category == group && !c.Hidden {
				fmt.Fprintf(&b, "  %-10s %s\n", c.Name, c.Usage)
			}
		}
	}
	b.WriteString("\nssnode COMMAND --help says more of each. Flags may stand before and after arguments.\n")
	return literally(b.String())
}

// commandHelp returns the help of a command.
func commandHelp(c *cli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "ssnode %s - %s\n\nUsage:\n  ssnode %s\n", c.Name, c.Usage, strings.TrimSpace(c.Name+" [flags] "+c.ArgsUsage))
	if c.Description != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Description)
	}
	b.WriteString("\nFlags:\n")
	for _, f := range c.Flags {
		flagHelp(&b, f)
	}
	return b.String()
}

// flagHelp writes the help of one flag: its names, what its value is, what it
// means, and where else its value comes from.
func flagHelp(b *strings.Builder, f cli.Flag) {
	d, ok := f.(cli.DocGenerationFlag)
	if v, visible := f.(cli.VisibleFlag); !ok || visible && !v.IsVisible() {
		return
	}
	usage, value := unquote(d.GetUsage())
	head := "  --" + f.Names()[0]
	for _, alias := range f.Names()[1:] {
		head += ", -" + alias
	}
	if value != "" && d.TakesValue() {
		head += " " + value
	}
	if text := defaultOf(d); text != "" {
		usage += " (default: " + text + ")"
	}
	if variables := d.GetEnvVars(); len(variables) > 0 {
		usage += " [$" + variables[0] + "]"
	}
	if len(head) >= helpColumn {
		b.WriteString(head + "\n")
		head = ""
	}
	for _, line := range wrap(usage, helpWidth-helpColumn) {
		fmt.Fprintf(b, "%-*s%s\n", helpColumn, head, line)
		head = ""
	}
}

// unquote takes the name of a value out of a usage, where it stands between
// back quotes.
func unquote(usage string) (text, value string) {
	before, rest, ok := strings.Cut(usage, "`")
	if !ok {
		return usage, "VALUE"
	}
	value, after, _ := strings.Cut(rest, "`")
	return before + value + after, value
}

// defaultOf returns the default of a flag, "" for one that says nothing.
func defaultOf(d cli.DocGenerationFlag) string {
	if !d.TakesValue() {
		return ""
	}
	switch text := strings.Trim(d.GetDefaultText(), `"`); text {
	case "0", "0s", "[]":
		return ""
	default:
		return text
	}
}

// wrap breaks a text into lines of at most width.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
