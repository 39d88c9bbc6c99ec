package crash_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

// template is how far the stories are in the directory that is worked on.
func template() record {
	r := record{told: 40}
	for w := range writers {
		r.steps[w] = 20
	}
	return r
}

// templateTrimmed is how many deltas of the peer, the first ones, are trimmed there: so it
// has pages that are free, as any file that has lived.
const templateTrimmed = 2

// templateCommits are what leads to the template, in order: first all deltas of the peer.
func templateCommits() (all []func(*delta.Commit) error) {
	r := template()
	all = append(all, func(c *delta.Commit) error {
		for i := 1; i <= r.told; i++ {
			p, err := deltaOf(i)
			if err != nil {
				return err
			}
			if _, err := c.Receive(p); err != nil {
				return err
			}
		}
		return nil
	})
	for w := range writers {
		for i := 1; i <= r.steps[w]; i++ {
			all = append(all, func(c *delta.Commit) error {
				_, _, err := c.Write(batchOf(w, i))
				return err
			})
		}
	}
	return all
}

// makeTemplate makes a directory that is as the template, and a backup of it. The journal
// has so many commits beyond the tables, as when the process was killed; if it has none,
// the process has ended.
func makeTemplate(dir, backup string, journal int) error {
	live := dir + ".live"
	s, err := store.Open(live, store.Options{Node: "n1"})
	if err != nil {
		return err
	}
	err = writeTemplate(s, journal)
	f, createErr := os.Create(backup)
	if err := errors.Join(err, createErr); err != nil {
		return errors.Join(err, s.Close())
	}
	err = errors.Join(s.Backup(f), f.Close())
	if journal == journalEmpty {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, os.CopyFS(dir, os.DirFS(live)), s.Close())
}

func writeTemplate(s *store.Store, journal int) error {
	all := templateCommits()
	for i := 0; i <= len(all); i++ {
		if len(all)-i == journal { // the tables take over what is in the journal
			if err := s.Trim(compaction.Plan{Drop: []compaction.Drop{{Index: 1}, {Index: 2}}}); err != nil {
				return err
			}
		}
		if i == len(all) {
			break
		}
		if _, err := s.Update(delta.Env{Now: 1}, all[i]); err != nil {
			return err
		}
	}
	stats, err := s.Stats()
	if err == nil && stats.JournalFrames != uint64(journal) {
		err = fmt.Errorf("the journal of the template has %d commits, not %d", stats.JournalFrames, journal)
	}
	return err
}

// templates are those with each of the journals, below a directory.
type templates string

func (t templates) dir(journal int) string {
	return filepath.Join(string(t), fmt.Sprint("template", journal))
}

func (t templates) backup(journal int) string { return t.dir(journal) + ".db" }

func (t templates) make() error {
	for _, journal := range journals {
		if err := makeTemplate(t.dir(journal), t.backup(journal), journal); err != nil {
			return err
		}
	}
	return nil
}
