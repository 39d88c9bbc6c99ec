package ranges

import (
	"math"
	"strings"
	"unsafe"
)

// storedClaim is a claim of a keyspace as a claimTree has it: there is one for
// every claim, and what is found is looked for among many, so it is packed. Its
// bounds are in memory of its own.
//
//	0                     8               12            16     24         32
//	| bytes of both bounds | #From, 32 bits | #To, 32 bits | node | priority |
type storedClaim struct {
	data     *byte
	from, to uint32
	node     *nodeName
	priority int64
}

// unboundedTo stands for the length of no end.
const unboundedTo = math.MaxUint32

func newStoredClaim(r Range, node *nodeName, priority int64) storedClaim {
	both := r.From + r.To.Key
	if r.From == "" || r.To.Key == "" {
		both = strings.Clone(both) // it is the other one itself, no copy
	}
	c := storedClaim{data: unsafe.StringData(both), from: uint32(len(r.From)), to: uint32(len(r.To.Key)), node: node, priority: priority}
	if r.To.Unbounded {
		c.to = unboundedTo
	}
	return c
}

// start returns where the range of the claim starts.
func (c *storedClaim) start() string { return unsafe.String(c.data, c.from) }

// read reads the bounds, and returns some of that.
func (c *storedClaim) read() byte {
	if start := c.start(); start != "" {
		return start[0]
	}
	return 0
}

func (c *storedClaim) end() End {
	if c.to == unboundedTo {
		return Unbounded()
	}
	return Before(unsafe.String(c.data, c.from+c.to)[c.from:])
}

func (c *storedClaim) bounds() Range { return Range{From: c.start(), To: c.end()} }

// isBefore reports whether c comes before another claim.
func (c *storedClaim) isBefore(other *storedClaim) bool {
	r := other.bounds()
	return c.compare(&r, other.node.name) < 0
}

// compare orders by range, then by node name: Claim order within a keyspace. It is
// Range.Compare written out, which copies the ranges.
func (c *storedClaim) compare(r *Range, node string) int {
	if order := strings.Compare(c.start(), r.From); order != 0 {
		return order
	}
	if order := c.end().Compare(r.To); order != 0 {
		return order
	}
	return strings.Compare(c.node.name, node)
}
