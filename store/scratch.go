package store

// scratch is memory of the transactions that change the tables, one after the other: what
// is in it is of no use to anybody when the transaction has ended, and its room serves the
// next. It belongs to who holds Store.file.
type scratch struct {
	// blocks have room for values; used is how much of block number full is taken, those
	// before are full.
	blocks     [][]byte
	full, used int
	standings  standings
	pending    pending
}

const (
	scratchBlockBytes = 64 << 10
	// scratchBlocksKept is how many blocks are kept: a fold of a ring of frames takes
	// four or five.
	scratchBlocksKept = 16
)

// lend has a transaction that begins use it.
func (x *scratch) lend(t *tables) {
	t.scratch, t.standings, t.pending = x, x.standings[:0], x.pending
}

// take takes back what the transaction has used, which has ended.
func (x *scratch) take(t *tables) {
	clear(t.standings) // or it would keep images
	x.standings = t.standings
	x.pending = pending{places: t.pending.places[:0], body: t.pending.body[:0]}
	x.full, x.used = 0, 0
	if len(x.blocks) > scratchBlocksKept {
		clear(x.blocks[scratchBlocksKept:]) // or what holds the others would hold them
		x.blocks = x.blocks[:scratchBlocksKept]
	}
}

// room is unsealedRoom for a value that a transaction puts into a table. Nobody may have
// it afterwards.
func (x *scratch) room(payloadBytes int) unsealed {
	n := checksumBytes + payloadBytes
	if x == nil || n > scratchBlockBytes {
		return unsealedRoom(payloadBytes)
	}
	if len(x.blocks) > 0 && x.used+n > scratchBlockBytes {
		x.full, x.used = x.full+1, 0
	}
	if x.full == len(x.blocks) {
		x.blocks = append(x.blocks, make([]byte, scratchBlockBytes))
	}
	at := x.blocks[x.full][x.used:][:checksumBytes:n]
	x.used += n
	return at
}
