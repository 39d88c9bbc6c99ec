package store

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

const (
	// repairDirectory is where a repair builds the new file, within the data
	// directory. What an interrupted one left there, the next opening removes.
	repairDirectory = "repair.tmp"
	// repairBatch is how much of the damaged file goes into one transaction.
	repairBatch      = 512
	repairBatchBytes = 1 << 20
)

// Repaired says what a Repair did.
type Repaired struct {
	Node, Cluster string
	// Replica is the new id, Former that of the damaged file, zero if lost.
	Replica, Former crdt.ReplicaID
	// Kept is where the damaged file is kept.
	Kept string
	// Deltas are those of the damaged log and journal that the backup lacked, Entries how
	// many entries changed by what the damaged file had beyond them.
	Deltas, Entries uint64
	// Problems is what was wrong, in words; no more than a hundred.
	Problems []string
}

// Repair makes a whole data directory of one whose file is damaged, and of a
// backup, of this node or of another member:
//
//	1  the backup becomes a new file, under a new replica id and the name of the
//	   node whose directory it is;
//	2  the events in what is intact of the damaged log, and of the journal, are
//	   received there, in order, as from a peer: what follows a lost one is left to
//	   the cluster;
//	3  what is intact of the damaged entries is joined as range answers, if the
//	   events alone do not show that nothing is missing. So what only this node
//	   had is kept, and the state is ahead of its context, until a session with
//	   a peer ends that;
//	4  the new file is checked, and takes the place of the damaged one, which is
//	   kept beside it under another name.
//
// No context is wider than what came with it: lost entries are not taken for
// closed. Interrupted at any point the directory has the damaged file, or the
// whole one. Memory is bounded by the contexts, the newest entries, the journal and
// a batch.
//
// Options.Node names the node where the damaged file no longer does. Now is the
// time in milliseconds since the Unix epoch.
func Repair(dir, backup string, now int64, o Options) (Repaired, error) {
	if err := o.Validate(); err != nil {
		return Repaired{}, err
	}
	r := &repair{options: o.withDefaults(), dir: dir, path: filepath.Join(dir, FileName), now: now}
	f, err := os.OpenFile(r.path, os.O_RDWR, 0)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Repaired{}, fmt.Errorf("%w: there is no %s to repair; `ssnode restore` makes a directory of a backup", ErrMissing, r.path)
	case err != nil:
		return Repaired{}, fmt.Errorf("repair: %w", err)
	}
	err = lockFile(f)
	if err == nil {
		err = r.run(backup)
	}
	return r.done, errors.Join(err, f.Close())
}

type repair struct {
	options   Options
	dir, path string
	now       int64
	old       salvaged
	done      Repaired
}

func (r *repair) run(backup string) error {
	var err error
	if r.old, err = salvage(r.path); err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	if err := r.name(); err != nil {
		return err
	}
	workspace := filepath.Join(r.dir, repairDirectory)
	if err := os.RemoveAll(workspace); err != nil {
		return fmt.Errorf("repair: remove what an interrupted one left: %w", err)
	}
	if err := r.build(workspace, backup); err != nil {
		return errors.Join(err, os.RemoveAll(workspace))
	}
	return r.swap(workspace)
}

// name decides who the new file belongs to.
func (r *repair) name() error {
	was := r.old.identity
	r.done.Former, r.done.Problems = was.replica, r.old.problems
	r.done.Node = was.node
	switch {
	case was.node == "" && r.options.Node == "":
		return fmt.Errorf("%w: the damaged file no longer says whose it is; name the node with --node", ErrOptions)
	case was.node == "":
		r.done.Node = r.options.Node
	case r.options.Node != "" && r.options.Node != was.node:
		return fmt.Errorf("%w: it belongs to node %s, not %s", ErrOtherNode, was.node, r.options.Node)
	}
	return nil
}

// build makes the new file.
func (r *repair) build(workspace, backup string) error {
	o := r.options
	o.Node, o.MustExist = "", false
	if r.old.identity.cluster != "" {
		o.Cluster = r.old.identity.cluster
	}
	s := &Store{options: o, path: filepath.Join(workspace, FileName)}
	_, err := s.restore(workspace, backup, func(i identity) identity {
		i.node = r.done.Node
		return i
	})
	if err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	n, err := Open(workspace, o)
	if err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	err = r.fill(n)
	return errors.Join(err, n.Close())
}

// fill brings into the new file what is intact of the damaged one.
func (r *repair) fill(n *Store) error {
	r.done.Replica, r.done.Cluster = n.Replica().ID, n.Cluster()
	if err := r.receive(n); err != nil {
		return err
	}
	if !r.old.isWhole || !r.old.covered().Leq(n.Summary().Context) {
		if err := r.join(n); err != nil {
			return err
		}
	}
	if err := r.remember(n); err != nil {
		return err
	}
	if problems := n.Check(); len(problems) > 0 {
		return fmt.Errorf("%w: the new file is not whole: %s", ErrCorrupt, problems[0])
	}
	return nil
}

// receive brings the events of the damaged log, and of the journal.
func (r *repair) receive(n *Store) error {
	x := &intake{repair: r, to: n}
	err := eachIntact(r.path, []string{bucketLog, bucketTail}, x.bundle)
	for i := 0; i < len(r.old.frames) && err == nil; i++ {
		err = x.frame(r.old.frames[i])
	}
	return errors.Join(err, x.flush())
}

// intake receives deltas of the damaged file in batches. What cannot be decoded is lost.
type intake struct {
	repair *repair
	to     *Store
	batch  []delta.Packed
	bytes  int
}

func (x *intake) bundle(key, payload []byte) error {
	if isChunkKey(key) {
		return nil // see join
	}
	b, err := decodeBundle(key, payload)
	if err != nil {
		return nil
	}
	return b.each(0, func(index uint64, payload []byte) error {
		record, err := decodeRecord(index, payload)
		if err != nil {
			return nil
		}
		return x.take(record.Delta)
	})
}

func (x *intake) frame(sealed sealedFrame) error {
	f, err := decodeFrame(sealed, x.repair.old.identity.replica)
	if err != nil {
		return nil
	}
	for _, p := range f.effects.Deltas {
		if err := x.take(p); err != nil {
			return err
		}
	}
	return nil
}

func (x *intake) take(p delta.Packed) error {
	x.batch, x.bytes = append(x.batch, p), x.bytes+len(p.Bytes)
	if len(x.batch) < repairBatch && x.bytes < repairBatchBytes {
		return nil
	}
	return x.flush()
}

func (x *intake) flush() error {
	effects, err := x.to.Update(delta.Env{Now: x.repair.now}, func(c *delta.Commit) error {
		for _, p := range x.batch {
			if _, err := c.Receive(p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("repair: bring what is left of the log: %w", err)
	}
	x.repair.done.Deltas += uint64(len(effects.Deltas))
	x.batch, x.bytes = x.batch[:0], 0
	return nil
}

// join joins the entries of the damaged file. Of one that was there, and is known to be
// gone, it joins that it is.
func (r *repair) join(n *Store) error {
	var batch []delta.Answer
	flush := func() error {
		effects, err := n.Update(delta.Env{Now: r.now}, func(c *delta.Commit) error {
			for _, a := range batch {
				if err := c.Take(a); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("repair: bring what is left of the entries: %w", err)
		}
		r.done.Entries += uint64(len(effects.Entries))
		batch = batch[:0]
		return nil
	}
	take := func(k delta.Key, payload []byte) error {
		a, ok := r.old.answer(k, payload)
		if !ok {
			return nil
		}
		if batch = append(batch, a); len(batch) < repairBatch {
			return nil
		}
		return flush()
	}
	err := eachIntact(r.path, []string{bucketEntries}, func(key, payload []byte) error {
		if _, isOlder := r.old.newest[delta.Key(key)]; isOlder {
			return nil
		}
		return take(delta.Key(key), payload)
	})
	for _, k := range slices.Sorted(maps.Keys(r.old.newest)) {
		if err == nil {
			err = take(k, r.old.newest[k])
		}
	}
	return errors.Join(err, flush())
}

// remember has the node look for the cluster where it did, and where the
// source of the backup did.
func (r *repair) remember(n *Store) error {
	peers, err := n.Peers()
	if err != nil {
		return err
	}
	peers = append(peers, r.old.peers...)
	slices.Sort(peers)
	peers = slices.Compact(peers)
	return n.SetPeers(peers[:min(len(peers), PeersMax)])
}

// swap puts the new file in place of the damaged one, which keeps a name at
// every moment: first a second one, then only that.
func (r *repair) swap(workspace string) error {
	kept, err := keepAside(r.path, time.UnixMilli(r.now))
	if err != nil {
		return errors.Join(fmt.Errorf("repair: keep the damaged file: %w", err), os.RemoveAll(workspace))
	}
	r.done.Kept = kept
	if err := syncDirectory(r.dir); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(workspace, FileName), r.path); err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	return errors.Join(syncDirectory(r.dir), os.RemoveAll(workspace))
}

// keepAside gives a file a second name that nothing has.
func keepAside(path string, at time.Time) (string, error) {
	kept := path + ".damaged-" + at.UTC().Format("20060102T150405Z")
	for i := 2; ; i++ {
		err := os.Link(path, kept)
		if !errors.Is(err, os.ErrExist) {
			return kept, err
		}
		kept = fmt.Sprintf("%s.damaged-%s-%d", path, at.UTC().Format("20060102T150405Z"), i)
	}
}
