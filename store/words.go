package store

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// inWords says what is stored under a key, for people. A key that cannot be
// read is given as it is: it may be what is damaged.
func inWords(bucket string, key []byte) string {
	what := ""
	switch bucket {
	case bucketEntries:
		what = entryInWords(delta.Key(key))
	case bucketContext, bucketAhead:
		if len(key) == crdt.ReplicaIDBytes {
			what = "replica " + hex.EncodeToString(key)
		}
	case bucketLog:
		if index, err := parseIndexKey(key); err == nil {
			what = fmt.Sprintf("record %d and those behind it", index)
		}
	case bucketFresh:
		what = chunkInWords(key)
	case bucketTail:
		if isChunkKey(key) {
			what = chunkInWords(freshKey(key))
		} else if index, err := parseIndexKey(key); err == nil {
			what = fmt.Sprintf("record %d", index)
		}
	case bucketDots:
		if dot, err := parseDotKey(key); err == nil {
			what = fmt.Sprintf("the delta from %s on", dot)
		}
	case bucketHoles:
		what = holesInWords(string(key))
	default:
		if isPlain(string(key)) {
			what = string(key)
		}
	}
	if what == "" {
		what = fmt.Sprintf("the key %x", key)
	}
	return fmt.Sprintf("%s (bucket %s)", what, bucket)
}

func chunkInWords(key []byte) string {
	number, err := parseIndexKey(key)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("chunk %d of the newest entries", number)
}

// entryInWords says what a key is that of, "" if it is none.
func entryInWords(k delta.Key) string {
	if c, err := k.Claim(); err == nil {
		return fmt.Sprintf("the claim %s:%s of %s", c.Keyspace, rangeInWords(c.Range), c.Node)
	}
	if name, err := k.Node(); err == nil {
		return "the record of node " + name
	}
	if r, err := k.Forgotten(); err == nil {
		return fmt.Sprintf("the mark that replica %s was forgotten", r)
	}
	return ""
}

// holesInWords says of what the log lacks events, "" if that cannot be read.
func holesInWords(key string) string {
	keyspace, named := strings.CutPrefix(key, holeKeyspace)
	switch {
	case key == holeEverything:
		return "what history lacks of everything"
	case key == holeNodes:
		return "what history lacks of node records"
	case named && isPlain(keyspace):
		return "what history lacks of keyspace " + keyspace
	}
	return ""
}

func rangeInWords(r ranges.Range) string {
	from, to := "-inf", "+inf"
	if r.From != "" {
		from = boundInWords(r.From)
	}
	if !r.To.Unbounded {
		to = boundInWords(r.To.Key)
	}
	return "[" + from + ", " + to + ")"
}

// boundInWords gives a bound as the command prints it: as it is, or in hex where
// it cannot be read or would be taken for a part of the range.
func boundInWords(key string) string {
	if !isPlain(key) || strings.ContainsAny(key, `,[]()\`) || strings.TrimSpace(key) != key || key == "-inf" || key == "+inf" {
		return "hex:" + hex.EncodeToString([]byte(key))
	}
	return key
}

func isPlain(text string) bool {
	return text != "" && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}
