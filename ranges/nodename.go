package ranges

import "strings"

// nodeName is the name of a node, stored once for all its claims, together
// with the claims of it that a sweep is currently within.
type nodeName struct {
	name string
	// claims counts the claims that have the name; at 0 it is forgotten.
	claims int
	// within holds the claims whose ranges contain the key a sweep has
	// reached, the highest priority on top. Claims that ended lower down are
	// removed when they surface. Empty between sweeps.
	within heap[withinClaim]
}

type withinClaim struct {
	priority int64
	to       End
}

// before orders claims by priority, the highest first.
func (w withinClaim) before(other withinClaim) bool { return w.priority > other.priority }

// nodeNames holds every name that some claim has.
type nodeNames map[string]*nodeName

// take returns the entry of name and counts one more claim of it.
func (n nodeNames) take(name string) *nodeName {
	entry := n[name]
	if entry == nil {
		entry = &nodeName{name: strings.Clone(name)}
		n[entry.name] = entry
	}
	entry.claims++
	return entry
}

// drop counts one claim of the name less.
func (n nodeNames) drop(entry *nodeName) {
	if entry.claims--; entry.claims == 0 {
		delete(n, entry.name)
	}
}
