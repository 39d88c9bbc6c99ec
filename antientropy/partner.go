package antientropy

import "slices"

// The spans that a node takes part in are repaired with a peer that takes part
// there too: it keeps their history longest and hears of them first. Right
// after the start such a peer may not have been heard of, or not even be listed
// yet, while another one has said already that its log was trimmed. One that was
// not heard of is asked all the same: if it has nothing else that costs a round
// trip. One that is not there is waited for a while, once.

// partnerPatience is for how long after the start, in multiples of Retry, peers
// that take part where this node does are waited for.
const partnerPatience = 4

// partner returns with whom to repair the spans of a wanted session, or false
// if that is to be waited for. Any peer will do if no better one is there.
func (c *Core) partner(w *wantedSession) (name string, ok bool) {
	if w.reason != reasonTrimmed || c.options.Partners == nil {
		return w.peer, true
	}
	if w.partners == nil {
		w.partners = append([]string{}, c.options.Partners()...)
	}
	if slices.Contains(w.partners, w.peer) {
		return w.peer, true
	}
	unheard, absent := "", false
	mine := c.check()
	for _, name := range c.shuffled(w.partners) {
		p := c.peers.byName[name]
		switch {
		case p == nil || !p.Alive:
			absent = true
		case c.now < p.retryAt:
		case p.heard == 0:
			unheard = name
		case !p.check.sameAs(mine):
			return name, true
		}
	}
	switch {
	case unheard != "":
		return unheard, true
	case absent && c.now < c.startedAt+partnerPatience*c.options.Retry:
		return "", false
	}
	return w.peer, true
}
