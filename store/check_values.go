package store

import (
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"go.etcd.io/bbolt"
)

// sums are what the values of a file add up to.
type sums struct {
	context, ahead       crdt.Context
	fingerprint          delta.Fingerprint
	logRecords, logBytes uint64
	indexed, places      uint64
}

// checkValues checks every value for itself and against those it belongs to.
func (c *checker) checkValues(tx *bbolt.Tx) error {
	c.checkBuckets(tx)
	version, err := readFormat("the file", tx)
	if err != nil {
		c.report("%v", err)
		version = FormatVersion
	}
	t, err := openTables(tx, version)
	if err != nil {
		return err
	}
	c.checkMeta(t, version)
	c.checkContexts(t)
	c.checkFresh(t, version)
	c.checkEntries(t)
	c.checkLog(t)
	if version > 1 {
		c.checkTail(t)
	}
	c.checkDots(t)
	c.checkRest(t)
	c.compare()
	c.checkJournal(t)
	return nil
}

// checkBuckets reports what this format does not have.
func (c *checker) checkBuckets(tx *bbolt.Tx) {
	known := map[string]bool{}
	for _, name := range buckets {
		known[name] = true
	}
	known[bucketJournal] = true
	cursor := tx.Cursor()
	for name, _ := cursor.First(); name != nil; name, _ = cursor.Next() {
		if !known[string(name)] {
			c.report("there is an unknown bucket %q", name)
		}
	}
}

func (c *checker) checkMeta(t *tables, version uint64) {
	var err error
	if _, err = t.getIdentity(); err != nil {
		c.report("%v", err)
	}
	if _, err = t.getStart(); err != nil {
		c.report("%v", err)
	}
	if c.state, err = t.getState(version); err != nil {
		c.report("%v", err)
	}
	if _, err = t.getPeers(); err != nil {
		c.report("%v", err)
	}
}

func (c *checker) checkContexts(t *tables) {
	var err error
	if c.sums.context, err = readContext(&t.context); err != nil {
		c.report("%v", err)
	}
	if c.sums.ahead, err = readContext(&t.ahead); err != nil {
		c.report("%v", err)
	}
	for id, sequence := range c.sums.ahead.All() {
		if seen := c.sums.context.Get(id); sequence <= seen {
			c.report("the state is ahead of replica %s up to %d, but has seen %d", id, sequence, seen)
		}
	}
}

// checkFresh checks the chunks, also the images that do not count, and reads those
// that do.
func (c *checker) checkFresh(t *tables, version uint64) {
	if c.state.fresh.first == 0 { // the state could not be read
		c.state.fresh = newChunked(1, 1)
	}
	if version < 3 {
		return
	}
	before := len(c.problems)
	c.each(&t.fresh, c.checkChunk)
	c.each(&t.tail, func(key, payload []byte) error {
		if !isChunkKey(key) {
			return nil // see checkTail
		}
		return c.checkChunk(freshKey(key), payload)
	})
	if err := t.readOverlay(version, &c.state); err != nil && len(c.problems) == before {
		c.report("%v", err)
	}
}

func (c *checker) checkChunk(key, payload []byte) error {
	number, images, err := decodeChunk(key, payload)
	for _, x := range images {
		if x.payload == nil {
			continue
		}
		if _, err := delta.DecodeEntry(x.key, x.payload); err != nil {
			c.report("chunk %d of the newest entries: %v", number, err)
		}
	}
	return err
}

// checkEntries checks what is in place, and sums up the entries, those that count.
func (c *checker) checkEntries(t *tables) {
	c.each(&t.entries, func(key, payload []byte) error {
		_, err := delta.DecodeEntry(delta.Key(key), payload)
		return corrupt("entries", err)
	})
	tables := newJournaled(&c.state)
	err := t.reader(&c.state, &tables).each(delta.Whole, func(x storedEntry) error {
		payload, _ := x.payload()
		if e, err := delta.DecodeEntry(delta.Key(x.key), payload); err == nil {
			c.sums.fingerprint = c.sums.fingerprint.Plus(delta.FingerprintOf(e))
		} // else it was reported
		return nil
	})
	if err != nil {
		c.report("%v", err)
	}
}

func (c *checker) checkLog(t *tables) {
	next := uint64(0) // behind the bundle before
	c.each(&t.log, func(key, payload []byte) error {
		b, err := decodeBundle(key, payload)
		if err != nil {
			return err
		}
		if b.first < next {
			c.report("log record %d: it is in the bundle from there on, and in the one before", b.first)
		}
		next = b.first + uint64(len(b.records))
		var places []place
		err = b.each(0, func(index uint64, payload []byte) error {
			r, err := decodeRecord(index, payload)
			if err != nil {
				return err
			}
			c.checkRecord(r)
			if r.Index >= c.state.indexed {
				c.report("log record %d: the log ends at %d, and the tail begins", r.Index, c.state.indexed)
			}
			places = append(places, r.place())
			return nil
		})
		c.checkRuns(t, runsOf(places))
		return err
	})
}

// checkRuns looks for the runs of a bundle in the index by dot.
func (c *checker) checkRuns(t *tables, runs []place) {
	for _, run := range runs {
		c.sums.indexed++
		switch p, err := t.indexedPlaceOf(run.dot); {
		case err != nil:
			c.report("log record %d: %v", run.index, err)
		case p != run:
			c.report("log record %d: the index by dot does not lead to its delta, from %s up to %d with those behind it", run.index, run.dot, run.last)
		}
	}
}

func (c *checker) checkTail(t *tables) {
	var before tail
	c.each(&t.tail, func(key, payload []byte) error {
		if isChunkKey(key) {
			return nil // see checkFresh
		}
		r, err := decodeKeyed(key, payload)
		if err != nil {
			return err
		}
		c.checkRecord(r)
		switch p, err := t.placeOf(before, r.Delta.Dot(0)); {
		case r.Index < c.state.indexed:
			c.report("log record %d: it is in the tail, which begins at %d", r.Index, c.state.indexed)
		case err != nil:
			c.report("log record %d: %v", r.Index, err)
		case p.index != 0:
			c.report("log record %d: its delta %s is there twice", r.Index, r.Delta.Delta)
		}
		before = append(before, r.place())
		return nil
	})
}

func (c *checker) checkRecord(r Record) {
	c.sums.logRecords++
	c.sums.logBytes += r.Bytes
	if r.Index >= c.state.logNext {
		c.report("log record %d: the next record is to be %d", r.Index, c.state.logNext)
	}
	if last := (crdt.Dot{Replica: r.Delta.Origin, Sequence: r.Delta.Last()}); !c.sums.context.Covers(last) {
		c.report("log record %d: its delta %s was not seen according to the context", r.Index, r.Delta.Delta)
	}
}

// checkDots counts the places: each run of the log has one, so if there are as many
// as these, there are no others.
func (c *checker) checkDots(t *tables) {
	var before place
	c.each(&t.dots, func(key, payload []byte) error {
		p, err := decodePlace(key, payload)
		if err != nil {
			return err
		}
		if p.dot.Replica == before.dot.Replica && p.dot.Sequence <= before.last {
			c.report("the index by dot has %s twice", p.dot)
		}
		c.sums.places++
		before = p
		return nil
	})
}

func (c *checker) checkRest(t *tables) {
	c.each(&t.holes, func(key, payload []byte) error {
		_, err := decodeRanges(payload)
		return corrupt("holes", err)
	})
	c.each(&t.notes, func([]byte, []byte) error { return nil })
}

// compare holds what was found against what is stored about it (S2).
func (c *checker) compare() {
	found, stored := c.sums, c.state
	if found.fingerprint.Count != stored.fingerprint.Count {
		c.report("the entries have %d records, stored is a count of %d", found.fingerprint.Count, stored.fingerprint.Count)
	}
	if found.fingerprint.Sum != stored.fingerprint.Sum {
		c.report("the fingerprint of the entries is %s, stored is %s", found.fingerprint.Sum, stored.fingerprint.Sum)
	}
	if hash := delta.HashContext(found.context); hash != stored.contextHash {
		c.report("the context hashes to %s, stored is %s", hash, stored.contextHash)
	}
	if hash := delta.HashContext(found.ahead); hash != stored.aheadHash {
		c.report("what the state is ahead of hashes to %s, stored is %s", hash, stored.aheadHash)
	}
	if found.logRecords != stored.logRecords || found.logBytes != stored.logBytes {
		c.report("the log has %d records of %d bytes, stored are %d of %d", found.logRecords, found.logBytes, stored.logRecords, stored.logBytes)
	}
	if found.places != found.indexed {
		c.report("the index by dot has %d places for %d runs of records", found.places, found.indexed)
	}
}
