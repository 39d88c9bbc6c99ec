package main

import (
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/scalesmall/ssnode/bench/measure"
	"github.com/scalesmall/ssnode/bench/rival"
	"github.com/scalesmall/ssnode/store"
	"go.etcd.io/bbolt"
)

// layout is one way to lay out a commit.
type layout struct {
	name string
	// journal is how many keys wait in a redo record before they are put in
	// their places; 0 puts them there at once.
	journal int
	// noFreelist leaves the list of free pages out of the file.
	noFreelist bool
	// noDots keeps the places of dots in memory only.
	noDots bool
	// tail is how many records wait in a bucket of their own, which is one page,
	// until they are put into the log and the index by dot together.
	tail int
}

var layouts = []layout{
	{name: "in place"},
	{name: "in place, no list of free pages", noFreelist: true},
	{name: "in place, no index by dot", noDots: true},
	{name: "in place, the newest records in a page of their own", tail: 18},
	{name: "the same, no list of free pages", tail: 18, noFreelist: true},
	{name: "redo record, checkpoint at 1,024 keys", journal: 1 << 10},
	{name: "redo record, checkpoint at 16,384 keys", journal: 1 << 14},
	{name: "redo record, 16,384 keys, no list of free pages", journal: 1 << 14, noFreelist: true},
}

// What a store puts per write, in bytes of a value.
const (
	entryBytes, recordBytes, placeBytes = 48, 160, 12
	contextBytes, stateBytes            = 9, 110
)

// tailShare is how many commits must find room in the page of the newest
// records, as store has it.
const tailShare = 4

// file is a bbolt file in one of the layouts.
type file struct {
	layout layout
	db     *bbolt.DB
	claims int
	index  uint64
	// waiting is what the redo records hold, newest what the page of the newest
	// records does.
	waiting map[place][]byte
	newest  []string

	p50, p99, most, cpu, pages measure.Series
}

type place struct{ bucket, key string }

func openFile(dir string, l layout, claims int) (*file, error) {
	db, err := bbolt.Open(filepath.Join(dir, store.FileName), 0o600, &bbolt.Options{
		FreelistType: bbolt.FreelistMapType, InitialMmapSize: 1 << 30, NoFreelistSync: l.noFreelist,
	})
	if err != nil {
		return nil, err
	}
	f := &file{layout: l, db: db, claims: claims, waiting: map[place][]byte{}}
	return f, db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{"redo", "tail"} {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// turn commits groups for a while and returns how many a second.
func (f *file) turn(group int, long time.Duration) (float64, error) {
	var took measure.Durations
	before, pages, begin := measure.CPU(), f.written(), time.Now()
	for time.Since(begin) < long {
		start := time.Now()
		if err := f.commit(f.draw(group)); err != nil {
			return 0, err
		}
		took = append(took, time.Since(start))
	}
	writes := float64(len(took) * group)
	f.cpu = append(f.cpu, float64((measure.CPU()-before).Microseconds())/writes)
	f.pages = append(f.pages, float64(f.written()-pages)/writes)
	f.p50 = append(f.p50, float64(took.Quantile(0.5))/1e6)
	f.p99 = append(f.p99, float64(took.Quantile(0.99))/1e6)
	f.most = append(f.most, float64(took.Quantile(1))/1e6)
	return float64(len(took)) / time.Since(begin).Seconds(), nil
}

// written returns how many pages were written so far.
func (f *file) written() int64 {
	stats := f.db.Stats()
	return stats.TxStats.GetPageAlloc() / int64(f.db.Info().PageSize)
}

// draw returns what a commit of a group of writes puts.
func (f *file) draw(group int) map[place][]byte {
	puts := map[place][]byte{
		{"context", "an origin of 16b"}: make([]byte, contextBytes),
		{"meta", "state"}:               make([]byte, stateBytes),
	}
	isSmall := tailShare*group <= f.layout.tail
	if !isSmall || len(f.newest)+group > f.layout.tail {
		f.moveNewest(puts)
	}
	for range group {
		f.index++
		key := string(binary.BigEndian.AppendUint64(nil, f.index))
		puts[place{"entries", rival.Key(rival.Random(f.claims))}] = make([]byte, entryBytes)
		if isSmall {
			puts[place{"tail", key}] = make([]byte, recordBytes)
			f.newest = append(f.newest, key)
			continue
		}
		puts[place{"log", key}] = make([]byte, recordBytes)
		if !f.layout.noDots {
			puts[place{"dots", "an origin of 16b" + key}] = make([]byte, placeBytes)
		}
	}
	return puts
}

// moveNewest adds what puts the newest records where they belong; a nil value
// stands for a key that goes.
func (f *file) moveNewest(puts map[place][]byte) {
	for _, key := range f.newest {
		puts[place{"log", key}] = make([]byte, recordBytes)
		puts[place{"dots", "an origin of 16b" + key}] = make([]byte, placeBytes)
		puts[place{"tail", key}] = nil
	}
	f.newest = nil
}

func (f *file) commit(puts map[place][]byte) error {
	if f.layout.journal == 0 {
		return f.db.Update(func(tx *bbolt.Tx) error { return apply(tx, puts) })
	}
	for at, value := range puts {
		f.waiting[at] = value
	}
	if len(f.waiting) >= f.layout.journal {
		return f.checkpoint()
	}
	return f.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("redo"))
		b.FillPercent = 1
		sequence, err := b.NextSequence()
		if err != nil {
			return err
		}
		return b.Put(binary.BigEndian.AppendUint64(nil, sequence), encode(puts))
	})
}

// encode writes puts one after the other.
func encode(puts map[place][]byte) []byte {
	var b []byte
	for at, value := range puts {
		b = append(append(b, at.bucket[0], byte(len(at.key)), byte(len(value))), at.key...)
		b = append(b, value...)
	}
	return b
}

// checkpoint puts everything in its place and drops the redo records.
func (f *file) checkpoint() error {
	err := f.db.Update(func(tx *bbolt.Tx) error {
		if err := apply(tx, f.waiting); err != nil {
			return err
		}
		if err := tx.DeleteBucket([]byte("redo")); err != nil {
			return err
		}
		_, err := tx.CreateBucket([]byte("redo"))
		return err
	})
	f.waiting = map[place][]byte{}
	return err
}

// apply puts everything, in the order of keys.
func apply(tx *bbolt.Tx, puts map[place][]byte) error {
	order := make([]place, 0, len(puts))
	for at := range puts {
		order = append(order, at)
	}
	slices.SortFunc(order, func(a, b place) int {
		if c := strings.Compare(a.bucket, b.bucket); c != 0 {
			return c
		}
		return strings.Compare(a.key, b.key)
	})
	for _, at := range order {
		b := tx.Bucket([]byte(at.bucket))
		if at.bucket == "log" {
			b.FillPercent = 0.9
		}
		var err error
		if puts[at] == nil {
			err = b.Delete([]byte(at.key))
		} else {
			err = b.Put([]byte(at.key), puts[at])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
