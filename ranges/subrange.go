package ranges

import (
	"cmp"
	"slices"
)

// Server is one node that serves a key, and how much it is preferred.
type Server struct {
	Node     string
	Priority int64
}

// Compare orders servers by preference: the highest priority first, nodes of
// equal priority by name.
func (s Server) Compare(other Server) int {
	return cmp.Or(cmp.Compare(other.Priority, s.Priority), cmp.Compare(s.Node, other.Node))
}

// Subrange is a maximal run of keys with the same ordered server list. It is
// derived from claims and never stored.
type Subrange struct {
	Range Range
	// Servers is in order of preference, every node at most once. It may be
	// shared with other subranges: read it, do not write to it.
	Servers []Server
}

// IsGap reports whether nobody serves these keys.
func (s Subrange) IsGap() bool { return len(s.Servers) == 0 }

// Equal reports whether both have the same keys and the same server list.
func (s Subrange) Equal(other Subrange) bool {
	return s.Range == other.Range && slices.Equal(s.Servers, other.Servers)
}

// Weighted is a claim with its value, the priority shown.
type Weighted struct {
	Claim
	Priority int64
}
