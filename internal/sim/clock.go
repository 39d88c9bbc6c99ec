package sim

// event is something that happens at a time of the simulated clock.
type event struct {
	at, order uint64
	kind      kind
	member    int
	run       func()
}

// kind says what a step is, for the trace hash and the counts of a Report.
type kind uint8

const (
	kindAct kind = iota
	kindTick
	kindFrame
	kindRead
	kindCommit
	kindOther
	kinds
)

// kindNames are the keys of Report.ByKind.
var kindNames = [kinds]string{"act", "tick", "frame", "read", "commit", "other"}

// clock is the simulated time and what is to happen: a binary heap by time,
// then by order of scheduling, so that the run does not depend on the heap.
type clock struct {
	now, order uint64
	heap       []event
}

func (c *clock) after(delay uint64, k kind, member int, run func()) {
	c.order++
	c.heap = append(c.heap, event{at: c.now + delay, order: c.order, kind: k, member: member, run: run})
	c.up(len(c.heap) - 1)
}

// next takes out the next event if it is due before until.
func (c *clock) next(until uint64) (event, bool) {
	if len(c.heap) == 0 || c.heap[0].at > until {
		return event{}, false
	}
	e := c.heap[0]
	last := len(c.heap) - 1
	c.heap[0] = c.heap[last]
	c.heap[last] = event{}
	c.heap = c.heap[:last]
	c.down(0)
	c.now = max(c.now, e.at)
	return e, true
}

func (c *clock) less(i, j int) bool {
	a, b := &c.heap[i], &c.heap[j]
	return a.at < b.at || a.at == b.at && a.order < b.order
}

func (c *clock) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !c.less(i, parent) {
			return
		}
		c.heap[i], c.heap[parent] = c.heap[parent], c.heap[i]
		i = parent
	}
}

func (c *clock) down(i int) {
	for {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(c.heap) && c.less(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		c.heap[i], c.heap[least] = c.heap[least], c.heap[i]
		i = least
	}
}
