package main

import (
	"fmt"
	"io"
	"os"

	"github.com/scalesmall/ssnode/store"
	"github.com/urfave/cli/v2"
)

func backupCommand() *cli.Command {
	return &cli.Command{
		Name: "backup", Category: groupData, Usage: "a consistent copy of what a running node holds",
		ArgsUsage: "FILE",
		Description: "Writes FILE, packed with zstd if its name ends in .zst. It is verified before it takes\n" +
			"that name, in the place of an older one; the node goes on meanwhile.\n\n" +
			"Example: ssnode backup n1.backup.zst",
		Flags: flags(addrFlag(), outputFlags()),
		Action: func(c *cli.Context) error {
			name, err := oneArgument(c, "the name of a file")
			if err != nil {
				return err
			}
			if name == "-" {
				return usageErrorf("a backup is verified before it takes its name, so it needs one: give the name of a file, or ./- for one of that name")
			}
			out, err := outputOf(c)
			if err != nil {
				return err
			}
			if err := backup(c, name); err != nil {
				return err
			}
			return out.print(backupListing(name))
		},
	}
}

func backup(c *cli.Context, name string) error {
	node, err := connect(c)
	if err != nil {
		return err
	}
	defer node.Close()
	bar := newMeter(c, name)
	defer bar.end()
	return writeFile(name,
		func(w io.Writer) error { return node.Backup(c.Context, w, bar.show) },
		func(path string) error {
			problems, err := store.Check(path)
			if err == nil && len(problems) > 0 {
				err = fmt.Errorf("the node sent a damaged copy (%s): check its disk; nothing was written to %s", problems[0], name)
			}
			return err
		})
}

func backupListing(name string) listing {
	document := struct {
		File  string `json:"file"`
		Bytes int64  `json:"bytes"`
	}{File: name}
	if info, err := os.Stat(name); err == nil {
		document.Bytes = info.Size()
	}
	return listing{document: document, rows: []any{document}, names: []string{name}, table: func(o *output) error {
		return printf(o.w, "wrote %s, %s, verified\nmake a directory of it with: ssnode restore --data-dir DIRECTORY %s\n", name, formatBytes(document.Bytes), name)
	}}
}

func restoreCommand() *cli.Command {
	return &cli.Command{
		Name: "restore", Category: groupData, Usage: "a fresh directory of a backup",
		ArgsUsage: "BACKUP",
		Description: "The directory must be a fresh one. It belongs to the node of the backup, which must not run\n" +
			"any more, under a new replica id: no event number is used twice, whatever was written after\n" +
			"the backup, and what others hold since comes back from them. Until a member has answered,\n" +
			"its identity is unconfirmed.\n\n" +
			"Example: ssnode restore --data-dir ./n1-new n1.backup.zst",
		Flags: flags(dataDirFlag(), outputFlags()),
		Action: func(c *cli.Context) error {
			name, dir, out, err := intoDirectory(c, "the name of a backup")
			if err != nil {
				return err
			}
			bar := newMeter(c, name)
			done, err := store.Restore(dir, name, store.Options{Progress: bar.showUint})
			bar.end()
			if err != nil {
				return fmt.Errorf("nothing was restored: %w", err)
			}
			return out.print(restoredListing(dir, done))
		},
	}
}

func restoredListing(dir string, r store.Restored) listing {
	document := struct {
		Node    string `json:"node"`
		Cluster string `json:"cluster"`
		Replica string `json:"replica"`
		Former  string `json:"former_replica"`
	}{r.Node, r.Cluster, r.Replica.String(), r.Former.String()}
	return listing{document: document, rows: []any{document}, names: []string{r.Node}, table: func(o *output) error {
		return printf(o.w, "restored node %s of cluster %s as replica %s, formerly %s\nstart it with: ssnode run --data-dir %s\n",
			r.Node, r.Cluster, r.Replica, r.Former, dir)
	}}
}
