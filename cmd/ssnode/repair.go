package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/store"
	"github.com/urfave/cli/v2"
)

func repairCommand() *cli.Command {
	return &cli.Command{
		Name: "repair", Category: groupData, Usage: "rebuild a damaged directory from another node or a backup",
		Description: "Takes what another member of the cluster or a backup has, and adds what is intact of the\n" +
			"damaged file; what only this node had is kept if it can be read. The replica goes on under a\n" +
			"new id. The damaged file is kept beside the new one. A directory that is whole is left alone.\n\n" +
			"Example: ssnode repair --data-dir ./n1 --from http://10.0.0.2:7481",
		Flags: flags(dataDirFlag(),
			&cli.StringFlag{Name: "from", Usage: "`URL` of another node of the cluster, or the name of a backup"},
			nodeFlag("the node whose directory it is, where the damaged file no longer says it"),
			&cli.DurationFlag{Name: "timeout", Usage: "`DURATION` after which the check of the directory takes it to be damaged", Value: checkTimeout},
			outputFlags()),
		Action: func(c *cli.Context) error {
			if err := errors.Join(noArguments(c), refuseEmpty(c, "from")); err != nil {
				return err
			}
			dir, err := requireDirectory(c)
			if err != nil {
				return err
			}
			if !c.IsSet("from") {
				return usageErrorf("repair needs --from: the URL of another node of the cluster, or the name of a backup")
			}
			out, err := outputOf(c)
			if err != nil {
				return err
			}
			found, err := checkApart(c, dir)
			if err != nil {
				return err
			}
			if found.OK {
				return out.print(wholeListing(dir))
			}
			done, err := repair(c, dir)
			if err != nil {
				return fmt.Errorf("nothing was changed: %w", err)
			}
			return out.print(repairedListing(dir, done))
		},
	}
}

// repair repairs a directory, with a backup that is fetched first if --from
// names a node.
func repair(c *cli.Context, dir string) (done store.Repaired, err error) {
	from := c.String("from")
	bar := newMeter(c, from)
	defer bar.end()
	if strings.Contains(from, "://") {
		fetched, err := fetchBackup(c, dir, bar)
		if err != nil {
			return done, err
		}
		defer func() { err = errors.Join(err, os.Remove(fetched)) }()
		from = fetched
	}
	return store.Repair(dir, from, time.Now().UnixMilli(), store.Options{Node: c.String("node"), Progress: bar.showUint})
}

// fetchBackup fetches a backup of the node that --from names into the
// directory, where there is to be room for it anyway.
func fetchBackup(c *cli.Context, dir string, bar *meter) (string, error) {
	node, err := client.New(c.String("from"), client.Options{UserAgent: "ssnode/" + versionText()})
	if err != nil {
		return "", err
	}
	defer node.Close()
	name := filepath.Join(dir, "repair.from")
	return name, writeFile(name,
		func(w io.Writer) error { return node.Backup(c.Context, w, bar.show) },
		func(string) error { return nil }) // Repair verifies it
}

func wholeListing(dir string) listing {
	document := struct {
		Repaired bool `json:"repaired"`
	}{}
	return listing{document: document, rows: []any{document}, table: func(o *output) error {
		return o.line(dir + " is whole: there is nothing to repair, and nothing was changed.")
	}}
}

func repairedListing(dir string, r store.Repaired) listing {
	document := struct {
		Repaired bool     `json:"repaired"`
		Node     string   `json:"node"`
		Cluster  string   `json:"cluster"`
		Replica  string   `json:"replica"`
		Former   string   `json:"former_replica"`
		Deltas   uint64   `json:"deltas"`
		Entries  uint64   `json:"entries"`
		Kept     string   `json:"kept"`
		Problems []string `json:"problems"`
	}{true, r.Node, r.Cluster, r.Replica.String(), r.Former.String(), r.Deltas, r.Entries, r.Kept, r.Problems}
	return listing{document: document, rows: []any{document}, names: []string{r.Node}, table: func(o *output) error {
		if err := o.line(dir + " was damaged:"); err != nil {
			return err
		}
		for _, p := range r.Problems {
			if err := o.line("  " + p); err != nil {
				return err
			}
		}
		text := fmt.Sprintf("repaired node %s of cluster %s as replica %s", r.Node, r.Cluster, r.Replica)
		if !r.Former.IsZero() {
			text += ", formerly " + r.Former.String()
		}
		return printf(o.w, "%s\nof the damaged file: %s and %s that the source lacked\nthe damaged file is kept as %s; remove it when all is well\nstart the node with: ssnode run --data-dir %s\n",
			text, plural(int(r.Deltas), "delta"), plural(int(r.Entries), "record"), r.Kept, dir)
	}}
}
