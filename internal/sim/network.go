package sim

import "hash/crc32"

// network carries frames between members. Delays are random, so frames
// overtake each other.
type network struct {
	loss, repeat int // percent
	delayMax     uint64
	// cut are the directions in which nothing gets through, slow those with a
	// delay of their own, by the numbers of members.
	cut  map[[2]int]bool
	slow map[[2]int]uint64
}

func newNetwork() network {
	return network{cut: map[[2]int]bool{}, slow: map[[2]int]uint64{}}
}

// Where a frame says its kind, and the kinds of the first tier: see
// docs/protocol.md.
const (
	frameKindAt   = 9
	framePush     = 2
	frameAnnounce = 3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// send puts a frame on its way: lost, once, or twice.
func (m *member) send(to string, frame []byte) {
	other := m.member(to)
	if m.silent && (frame[frameKindAt] == framePush || frame[frameKindAt] == frameAnnounce) {
		return
	}
	m.sent(len(frame))
	if other == nil {
		return
	}
	m.fold(uint64(crc32.Checksum(frame, castagnoli)))
	copies := 1
	switch {
	case m.chance(m.net.loss):
		m.mark(MarkFrameLost)
		return
	case m.chance(m.net.repeat):
		m.mark(MarkFrameRepeated)
		copies = 2
	}
	for range copies {
		delay := m.upTo(m.net.delayMax) + m.net.slow[[2]int{m.number, other.number}]
		m.after(delay, kindFrame, other.number, func() { m.deliver(other, frame) })
	}
}

func (m *member) deliver(other *member, frame []byte) {
	if !other.up || m.net.cut[[2]int{m.number, other.number}] {
		return
	}
	other.core.Receive(m.name, frame)
	other.work()
}

// isolate cuts all links of a member in both directions.
func (k *cluster) isolate(m *member, cut bool) {
	for _, other := range k.members {
		if other != m {
			k.cut(m, other, cut)
			k.cut(other, m, cut)
		}
	}
}

// cut ends or restores the direction from a to b.
func (k *cluster) cut(a, b *member, cut bool) {
	if cut {
		k.net.cut[[2]int{a.number, b.number}] = true
	} else {
		delete(k.net.cut, [2]int{a.number, b.number})
	}
}

// split cuts the cluster in two. With a bridge, one member still talks to
// both halves.
func (k *cluster) split(bridge bool) {
	members := k.shuffled()
	if bridge && len(members) > 2 {
		members = members[1:]
	}
	half := 1 + k.random.IntN(max(1, len(members)-1))
	for i, a := range members {
		for j, b := range members {
			if a != b && (i < half) != (j < half) {
				k.cut(a, b, true)
			}
		}
	}
}

// swizzle cuts off members one after the other and lets them back in another
// order, as FoundationDB's simulator does.
func (k *cluster) swizzle() {
	var at uint64
	for _, m := range k.shuffled()[:1+k.random.IntN(len(k.members))] {
		at += k.upTo(300)
		k.after(at, kindOther, m.number, func() {
			if k.faulting {
				k.isolate(m, true)
			}
		})
	}
	for _, m := range k.shuffled() {
		at += k.upTo(300)
		k.after(at, kindOther, m.number, func() { k.isolate(m, false) })
	}
}

func (k *cluster) shuffled() []*member {
	out := append([]*member(nil), k.members...)
	k.random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
