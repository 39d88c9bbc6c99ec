package main

import (
	"runtime"
	"runtime/debug"

	"github.com/scalesmall/ssnode/dump"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/store"
	"github.com/urfave/cli/v2"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3".
var version = ""

// versionText returns the version of this program, "devel" if it was not built
// as one.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// built is what this program was built from.
type built struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	// StoreFormat, DumpFormat and Protocol are the versions of what it writes
	// and speaks.
	StoreFormat int `json:"store_format"`
	DumpFormat  int `json:"dump_format"`
	Protocol    int `json:"protocol"`
}

func builtOf() built {
	b := built{Version: versionText(), Go: runtime.Version(), StoreFormat: store.FormatVersion, DumpFormat: dump.Format, Protocol: node.ProtocolVersion}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Category: groupOther, Usage: "what this program is, and which formats it writes",
		Flags: outputFlags(),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			out, err := outputOf(c)
			if err != nil {
				return err
			}
			b := builtOf()
			return out.print(listing{
				document: b, rows: []any{b}, names: []string{b.Version},
				table: func(o *output) error { return o.versionTable(b) },
			})
		},
	}
}

func (o *output) versionTable(b built) error {
	commit := orDash(b.Commit)
	if b.Modified {
		commit += ", with changes"
	}
	return o.properties([][2]string{
		{"ssnode", b.Version},
		{"commit", commit},
		{"go", b.Go},
		{"store format", formatInt(int64(b.StoreFormat))},
		{"dump format", formatInt(int64(b.DumpFormat))},
		{"protocol", formatInt(int64(b.Protocol))},
	})
}
