package store

import "github.com/scalesmall/ssnode/delta"

const (
	// batchEntries is how many neighbouring entries are verified as one task.
	batchEntries = 512
	// batchesMax is how many tasks there are at a time.
	batchesMax = 16
)

// batch is a run of neighbouring entries, first as they are stored, then
// decoded and summed up.
type batch struct {
	stored       []storedEntry
	entries      []delta.Entry
	fingerprints []delta.Fingerprint // of entries
	err          error
}

// verifier visits all entries of a table in order and verifies them. Decoding
// and hashing is most of the time that a restart takes, so it is cut into tasks
// that may run at the same time. Its memory is bounded by batchesMax.
type verifier struct {
	parallel func(tasks []func())
	visit    func(delta.Entry, delta.Fingerprint) error
	// batches are to be verified; verified are to be visited, at the same time.
	batches, verified []*batch
	err               error
	sum               delta.Fingerprint
}

// run visits every entry, ascending. O(state).
func (v *verifier) run(r entryReader) error {
	err := r.each(delta.Whole, func(x storedEntry) error {
		if v.isFull() {
			if err := v.flush(); err != nil {
				return err
			}
		}
		b := v.open()
		b.stored = append(b.stored, x)
		return nil
	})
	if err != nil {
		return err
	}
	if err := v.flush(); err != nil {
		return err
	}
	v.visitVerified()
	return v.err
}

func (v *verifier) isFull() bool {
	n := len(v.batches)
	return n == batchesMax && len(v.batches[n-1].stored) == batchEntries
}

// open returns the batch that takes the next entry.
func (v *verifier) open() *batch {
	if n := len(v.batches); n > 0 && len(v.batches[n-1].stored) < batchEntries {
		return v.batches[n-1]
	}
	b := &batch{}
	v.batches = append(v.batches, b)
	return b
}

// flush verifies the batches, while the entries of those before are visited.
func (v *verifier) flush() error {
	tasks := []func(){v.visitVerified}
	for _, b := range v.batches {
		tasks = append(tasks, b.verify)
	}
	v.parallel(tasks)
	v.batches, v.verified = nil, v.batches
	return v.err
}

// visitVerified visits the entries of the verified batches, up to the first
// that is damaged.
func (v *verifier) visitVerified() {
	for _, b := range v.verified {
		for i, e := range b.entries {
			if v.err = v.visit(e, b.fingerprints[i]); v.err != nil {
				return
			}
			v.sum = v.sum.Plus(b.fingerprints[i])
		}
		if v.err = b.err; v.err != nil {
			return
		}
	}
}

// verify decodes the batch, up to the first entry that is damaged.
func (b *batch) verify() {
	b.entries = make([]delta.Entry, 0, len(b.stored))
	b.fingerprints = make([]delta.Fingerprint, 0, len(b.stored))
	b.err = guard(func() error {
		for _, x := range b.stored {
			payload, err := x.payload()
			if err != nil {
				return err
			}
			e, err := delta.DecodeEntry(delta.Key(x.key), payload)
			if err != nil {
				return corrupt("entries", err)
			}
			f := delta.FingerprintOf(e)
			b.entries, b.fingerprints = append(b.entries, e), append(b.fingerprints, f)
		}
		return nil
	})
}

// inTurn is the Parallel of those who have none.
func inTurn(tasks []func()) {
	for _, task := range tasks {
		task()
	}
}
