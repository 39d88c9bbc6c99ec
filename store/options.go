package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"go.etcd.io/bbolt"
)

// Defaults of Options.
const (
	// DefaultCluster names the cluster of a directory that is created without
	// naming one.
	DefaultCluster = "ssnode"
	// DefaultLockTimeout is how long Open waits for another process to let go
	// of the file.
	DefaultLockTimeout = time.Second
)

// Options say how a directory is opened. The zero Options open an existing
// one for writing.
type Options struct {
	// Cluster and Node are stored when the directory is created, and compared
	// with what is stored afterwards. Empty takes what is stored; an empty
	// Cluster creates DefaultCluster, an empty Node creates nothing.
	Cluster, Node string
	// Visit is called for every entry, ascending by key, while the directory
	// is opened or reopened, so that what derives from the entries is built
	// in the pass that verifies them. An error ends opening. It is called by one
	// task of Parallel at a time. Optional.
	Visit func(delta.Entry) error
	// NewIndex begins an index of the entries, which is built in the same pass,
	// and then led from commit to commit. Optional.
	NewIndex func() IndexBuilder
	// Parallel runs tasks, at the same time if it can, and returns when all
	// have ended: most of the time that opening takes. Default: one after the
	// other.
	Parallel func(tasks []func())
	// ReadOnly opens for reading: nothing is created or changed. Several
	// readers may have the file open, but none beside a writer.
	ReadOnly bool
	// MustExist makes a writable Open fail with ErrMissing instead of
	// creating a directory.
	MustExist bool
	// LockTimeout is how long to wait for another process to let go of the
	// file. Default: DefaultLockTimeout.
	LockTimeout time.Duration
	// NewID draws the id of a replica, NewNonce the nonce of a start. They
	// must never repeat. Default: from the system's randomness.
	NewID    func() crdt.ReplicaID
	NewNonce func() uint64
	// Progress is told now and then how many bytes of about how many Restore and
	// Repair have gone through. Default: nobody is.
	Progress func(done, total uint64)
	// NoSync acknowledges without waiting for the disk. A crash of the machine
	// then loses what was acknowledged and may ruin the file. For tests only.
	NoSync bool
	// Disk stands between the store and the disk: it is given the commit of
	// every transaction, and what it returns is taken for its outcome. Whatever
	// builds on the store is tested by disks that fail: before the commit, or
	// after it, when the transaction has reached the disk and nobody knows.
	// Default: the commit itself.
	Disk func(commit func() error) error

	// commit ends every writable transaction, by what it is given, nil for a frame of
	// the journal; tests make it fail.
	commit func(tx *bbolt.Tx, commit func() error) error
	// tailMax is how many records wait for the index by dot, freshMax how many
	// entries for their places; tests lower both.
	tailMax, freshMax int
	// chunkMax is how large a chunk becomes, and the largest image that goes to one;
	// tests lower it.
	chunkMax int
	// journalPages is how many pages the ring of a new file has, negative for none;
	// tests lower it.
	journalPages int
	// room returns how many bytes the disk of a file has room for; tests lower it.
	room func(path string) uint64
}

func (o Options) withDefaults() Options {
	if o.LockTimeout == 0 {
		o.LockTimeout = DefaultLockTimeout
	}
	if o.NewID == nil {
		o.NewID = NewReplicaID
	}
	if o.NewNonce == nil {
		o.NewNonce = randomNonce
	}
	if o.Visit == nil {
		o.Visit = func(delta.Entry) error { return nil }
	}
	if o.NewIndex == nil {
		o.NewIndex = func() IndexBuilder { return noIndex{} }
	}
	if o.Disk == nil {
		o.Disk = func(commit func() error) error { return commit() }
	}
	if o.Progress == nil {
		o.Progress = func(uint64, uint64) {}
	}
	if o.tailMax == 0 {
		o.tailMax = tailMax
	}
	if o.chunkMax == 0 {
		o.chunkMax = chunkBytes
	}
	if o.freshMax == 0 {
		o.freshMax = freshMax
	}
	if o.journalPages == 0 {
		o.journalPages = journalPages
	}
	if o.room == nil {
		o.room = roomOn
	}
	if o.Parallel == nil {
		o.Parallel = inTurn
	}
	if o.commit == nil {
		disk := o.Disk
		o.commit = func(_ *bbolt.Tx, commit func() error) error { return disk(commit) }
	}
	return o
}

// Validate reports everything that is wrong with the options, or nil.
func (o Options) Validate() error {
	var errs []error
	if o.Cluster != "" {
		errs = append(errs, ranges.ValidateName("cluster", o.Cluster))
	}
	if o.Node != "" {
		errs = append(errs, ranges.ValidateName("node", o.Node))
	}
	if o.LockTimeout < 0 {
		errs = append(errs, fmt.Errorf("the lock timeout %s is negative", o.LockTimeout))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w: %w", ErrOptions, err)
	}
	return nil
}

// NewReplicaID draws an id that nobody has ever used.
func NewReplicaID() crdt.ReplicaID {
	var id crdt.ReplicaID
	for id.IsZero() {
		rand.Read(id[:]) // never fails, see its documentation
	}
	return id
}

func randomNonce() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}
