package node

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
)

// spoil changes a byte behind each place where something is in the file of a node, which
// is open.
func spoil(t *testing.T, n *Node, what string) {
	t.Helper()
	path := filepath.Join(n.options.DataDir, store.FileName)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	places := 0
	for at := 0; ; places++ {
		i := bytes.Index(content[at:], []byte(what))
		if i < 0 {
			break
		}
		at += i + len(what)
		if _, err := f.WriteAt([]byte{content[at] ^ 1}, int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	if places == 0 {
		t.Fatalf("%s is not in the file", what)
	}
}

// TestNode_Status_WhatCannotBeFolded: a node that has nothing to write tells that the tables
// cannot have what the journal has, though nobody waits for that. Where it folds without a
// word, a change of the tables was under way while the file was spoilt, with the pages as
// they were in memory: so it is spoilt again.
func TestNode_Status_WhatCannotBeFolded(t *testing.T) {
	n := openAlone(t, Options{diskRetry: 5 * time.Millisecond})
	for attempt := 0; len(n.diskTroubles()) == 0; attempt++ {
		if attempt == 10 {
			t.Fatal("it has folded what it cannot have read, again and again")
		}
		writeBehindSpoilt(t, n)
		until(t, "it tells of it", func() bool { return len(n.diskTroubles()) > 0 || n.store.Unfolded() == 0 })
	}
	if got := fmt.Sprint(n.diskTroubles()); !strings.Contains(got, "ssnode check") || !strings.Contains(got, "checksum") {
		t.Errorf("it tells %s", got)
	}
	if got := n.Lookup("default", "0"+strings.Repeat("x", 100)).Servers; len(got) != 1 {
		t.Errorf("a lookup finds %v", got)
	}
	increase(t, n, "more") // the journal has room
}

// writeBehindSpoilt writes more than goes to the newest records, among which is one that it
// has spoilt on disk.
func writeBehindSpoilt(t *testing.T, n *Node) {
	t.Helper()
	increase(t, n, "spoiled")
	if err := n.store.Fold(); err != nil {
		t.Fatal(err)
	}
	spoil(t, n, "spoiled")
	var operations []delta.Operation
	for i := range 20 {
		operations = append(operations, registering(fmt.Sprint(i, strings.Repeat("x", 100))))
	}
	if _, err := n.Write(t.Context(), operations); err != nil {
		t.Fatal(err)
	}
}
