package ranges

// claimSearch is one of many searches for a claim.
type claimSearch struct {
	of    *Weighted
	leaf  *claimTree
	found *storedClaim // nil if there is no such claim
	ahead lookAhead
}

// findAll is find for several claims, in lockstep.
func (t *claimTree) findAll(searches []claimSearch) {
	if t == nil {
		return
	}
	t.descendAll(searches)
	readLeaves(searches)
	for i := range searches {
		s := &searches[i]
		s.found = s.leaf.findHere(&s.of.Range, s.of.Node)
	}
}

// descendAll goes to the leaves, which are equally deep (T3).
func (t *claimTree) descendAll(searches []claimSearch) {
	for i := range searches {
		searches[i].leaf = t
	}
	for !searches[0].leaf.isLeaf() {
		for i := range searches {
			s := &searches[i]
			s.leaf.seek()
			s.leaf = s.leaf.children[s.leaf.childOf(&s.of.Range, s.of.Node)]
		}
	}
}

// readLeaves reads ahead what is sought in the leaves.
func readLeaves(searches []claimSearch) {
	for i := range searches {
		s := &searches[i]
		s.leaf.seek()
		s.ahead.aim(&s.leaf.ladder, s.of.Range.From)
	}
	for i := range searches {
		searches[i].ahead.step(&searches[i].leaf.ladder)
	}
	for i := range searches {
		s := &searches[i]
		s.ahead.arrive(&s.leaf.ladder)
		s.ahead.read = uint64(s.leaf.claims[s.ahead.at].from)
	}
	for i := range searches {
		s := &searches[i]
		s.ahead.read = uint64(s.leaf.claims[s.ahead.at].read())
	}
}
