package ranges

import (
	"math/bits"
	"slices"
)

// serverLists makes subranges with equal server lists share one slice where it
// can: where nodes have one priority for all their claims there are as many
// lists as groups of nodes, not as subranges. It remembers a bounded number of
// lists, so two equal ones may still be two slices.
type serverLists struct {
	slots [][]Server // a power of two of them
}

// serverListsMax bounds the remembered lists.
const serverListsMax = 4096

// resize prepares for a keyspace with n claims.
func (l *serverLists) resize(n int) {
	slots := min(serverListsMax, 1<<bits.Len(uint(n/8)))
	if slots > len(l.slots) {
		l.slots = make([][]Server, slots)
	}
}

// share returns a slice equal to servers that may be kept and must not be
// written to.
func (l *serverLists) share(servers []Server) []Server {
	if len(servers) == 0 {
		return nil
	}
	slot := &l.slots[hashServers(servers)&uint64(len(l.slots)-1)]
	if !slices.Equal(*slot, servers) {
		*slot = slices.Clone(servers)
	}
	return *slot
}

// hashServers is FNV-1a over the nodes and their priorities.
func hashServers(servers []Server) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, s := range servers {
		h = (h ^ uint64(s.Priority)) * prime
		for i := range len(s.Node) {
			h = (h ^ uint64(s.Node[i])) * prime
		}
	}
	return h ^ h>>32
}
