package ranges

import "strings"

// place is where a table has a subrange: the i-th of a leaf.
type place struct {
	leaf *tableNode
	i    int
	next *tableNode // starts where leaf ends; nil if that is beyond every key
}

func (p place) start() string { return p.leaf.start(p.i) }

// end returns where the subrange ends.
func (p place) end() End {
	switch {
	case p.i+1 < len(p.leaf.starts):
		return Before(p.leaf.start(p.i + 1))
	case p.next != nil:
		return Before(p.next.low())
	}
	return Unbounded()
}

func (p place) servers() []Server { return p.leaf.servers(p.i) }

func (p place) subrange() Subrange {
	return Subrange{Range: Range{From: p.start(), To: p.end()}, Servers: p.servers()}
}

// locate returns the place of the subrange that key belongs to.
func (t *Table) locate(key string) place {
	known := len(t.common)
	if known > 0 && !strings.HasPrefix(key, t.common) {
		return t.locateBeside(key)
	}
	rung := rungOf(key[known:])
	n, next := t.root, (*tableNode)(nil)
	for !n.isLeaf() {
		i := n.locate(key, known, rung)
		if i+1 < len(n.children) {
			next = n.children[i+1]
		}
		n = n.children[i]
	}
	return place{n, n.locate(key, known, rung), next}
}

// locateBeside is locate for a key without what all starts have in common: it
// is before all of them but the first, or after all of them.
func (t *Table) locateBeside(key string) place {
	n, at, next := t.root, 0, (*tableNode)(nil)
	for {
		if key > t.common {
			at = len(n.starts) - 1
		} else if len(n.children) > 1 {
			next = n.children[1]
		}
		if n.isLeaf() {
			return place{n, at, next}
		}
		n = n.children[at]
	}
}

// before returns the place of the last subrange that starts before key, which
// is not "".
func (t *Table) before(key string) place {
	p := t.locate(key)
	if p.start() != key {
		return p
	}
	return t.preceding(p)
}

// preceding returns the place of the subrange before p, which is not the first.
func (t *Table) preceding(p place) place {
	if p.i > 0 {
		return place{p.leaf, p.i - 1, p.next}
	}
	leaf := t.root.leafBefore(p.start())
	return place{leaf, len(leaf.starts) - 1, p.leaf}
}

// after returns the place of the subrange after p, which is not the last.
func (t *Table) after(p place) place {
	if p.i+1 < len(p.leaf.starts) {
		return place{p.leaf, p.i + 1, p.next}
	}
	return t.locate(p.next.low())
}
