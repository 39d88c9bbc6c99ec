package antientropy

import (
	"fmt"
	"slices"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// A node that begins to participate in a range has its state, but not its
// history: it kept what concerned others for a short time only. It asks those
// that have participated for longer, page by page, for the events of their log
// about the range, and adds to its own log those that it has seen and lacks.
// Neither state nor context changes.
//
//	B1  one range at a time, one page at a time: a page is asked for when the
//	    one before it is on disk
//	B2  a participant that says that its own log has holes there is not the
//	    last one asked, if there is another
//	B3  what ends early, because a peer is gone or the disk failed, is tried
//	    again with whoever participates then, from the beginning: what is in the
//	    log already is passed over
//
// The answering side keeps nothing: the place in its log travels in the
// question.

// KeyRange is a range of keys of a keyspace.
type KeyRange struct {
	Keyspace string
	Range    ranges.Range
}

// Validate reports what is wrong with a range, or nil.
func (k KeyRange) Validate() error {
	if err := ranges.ValidateName("keyspace", k.Keyspace); err != nil {
		return err
	}
	return k.Range.Validate()
}

// HistoryPage are deltas that are to be added to the log where it lacks them.
type HistoryPage struct {
	ID     uint64
	Deltas []delta.Packed
}

const (
	// historyPageBytes is how many bytes of deltas one answer has, beside one
	// delta: adding them must not hold up writers for long.
	historyPageBytes = 64 << 10
	// historyPagesMax bounds how much of one range is asked of one peer.
	historyPagesMax = 4096
	// backfillsMax bounds the ranges that wait; one past it is not filled.
	backfillsMax = 1024
)

// backfill is the range that is being filled.
type backfill struct {
	KeyRange
	// left are the participants to ask yet, peer the one that is asked.
	left  []string
	peer  string
	after uint64
	pages int
	// page is the one that is on its way to the disk, 0 if none is.
	page uint64
	// last is what the answer said of what follows.
	last historyAnswer
}

// Backfill asks for the history of a range, from now on in which this node
// participates. It is repeated until some participant has answered.
func (c *Core) Backfill(k KeyRange) {
	if len(c.backfills) < backfillsMax && !slices.Contains(c.backfills, k) {
		c.backfills = append(c.backfills, k)
	}
}

// scheduleBackfill begins with the next range, if somebody can be asked.
func (c *Core) scheduleBackfill() {
	if c.backfill != nil || len(c.backfills) == 0 || c.now < c.backfillAt || !c.identified {
		return
	}
	k := c.backfills[0]
	participants := c.participantsIn(k)
	x := &backfill{KeyRange: k}
	for _, name := range participants {
		if c.peers.isAlive(name) {
			x.left = append(x.left, name)
		}
	}
	switch {
	case len(participants) == 0:
		c.endBackfill(k) // nobody else ever kept it for long
	case len(x.left) == 0:
		c.postpone()
	default:
		c.backfill = x
		c.counters.Backfills++
		c.askNextForHistory()
	}
}

// participantsIn returns who else participates in a range, in random order.
func (c *Core) participantsIn(k KeyRange) []string {
	if c.options.Participants == nil {
		return nil
	}
	e := delta.Event{Kind: delta.Add, Claim: ranges.Claim{Keyspace: k.Keyspace, Range: k.Range}}
	names := c.options.Participants(delta.Delta{Events: []delta.Event{e}})
	return c.shuffled(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return c.peers.byName[name] == nil }))
}

// postpone puts the first range last, and off for a while.
func (c *Core) postpone() {
	c.backfills = append(c.backfills[1:], c.backfills[0])
	c.backfillAt = c.now + c.jitter(20*c.options.Retry)
}

func (c *Core) endBackfill(k KeyRange) {
	c.backfills = slices.DeleteFunc(c.backfills, func(other KeyRange) bool { return other == k })
	c.ready.Backfilled = append(c.ready.Backfilled, k)
}

// askNextForHistory asks the next participant from the beginning of its log.
func (c *Core) askNextForHistory() {
	x := c.backfill
	x.peer, x.left, x.after, x.pages = x.left[0], x.left[1:], 0, 0
	c.askForHistory()
}

func (c *Core) askForHistory() {
	x := c.backfill
	body := historyBody{After: x.after, Keyspace: x.Keyspace, From: []byte(x.Range.From)}
	if !x.Range.To.Unbounded {
		body.To = []byte(x.Range.To.Key)
	}
	body.ID = c.ask(x.peer, 0, func(answer []byte) error { return c.historyAnswered(x, answer) })
	c.requests.byID[body.ID].tier = TierHistory
	c.send(x.peer, kindHistory, body)
}

func (c *Core) historyAnswered(x *backfill, answer []byte) error {
	if c.backfill != x {
		return nil
	}
	if answer == nil {
		c.abandonBackfill()
		return nil
	}
	var a historyAnswer
	if err := delta.Unmarshal(answer, &a, answerBytesMax); err != nil {
		return err
	}
	if a.More && a.Next <= x.after {
		return fmt.Errorf("%w history: it does not get on from %d", delta.ErrCorrupt, x.after)
	}
	deltas := make([]delta.Packed, len(a.Deltas))
	for i, b := range a.Deltas {
		p, err := delta.DecodeDelta(b)
		if err != nil {
			return err
		}
		deltas[i] = p
	}
	c.lastPage++
	x.page, x.last, x.after = c.lastPage, a, a.Next
	x.last.Deltas = nil
	c.ready.Histories = append(c.ready.Histories, HistoryPage{ID: x.page, Deltas: deltas})
	return nil
}

// Backfilled tells the Core that a page is on disk, or could not be put there.
func (c *Core) Backfilled(page uint64, err error) {
	x := c.backfill
	if x == nil || x.page != page {
		return
	}
	x.page = 0
	x.pages++
	switch {
	case err != nil:
		c.abandonBackfill()
	case x.last.More && x.pages < historyPagesMax:
		c.askForHistory()
	case x.last.Holes && len(x.left) > 0:
		c.askNextForHistory()
	default:
		c.backfill = nil
		c.endBackfill(x.KeyRange)
	}
}

// abandonBackfill gives up what is under way; it begins anew later.
func (c *Core) abandonBackfill() {
	c.backfill = nil
	c.counters.BackfillsFailed++
	c.postpone()
}

// Histories is a Source that can tell the history of a range.
type Histories interface {
	// History returns deltas with events about keys of k, whose place in the
	// log is behind after, in its order: as many as fit in bytesMax, but at
	// least one, of a bounded number of records that it looks at. Next is the
	// place of the last that it looked at, more says that there are others, and
	// holes that the log lacks events about k.
	History(after uint64, k KeyRange, bytesMax int) (deltas []delta.Packed, next uint64, more, holes bool, err error)
}

// historyRead is the result of a ReadHistory.
type historyRead struct {
	deltas      []delta.Packed
	next        uint64
	more, holes bool
}

func (r ReadRequest) readHistory(from Source) (historyRead, error) {
	if f, ok := from.(fingerprinted); ok {
		from = f.Source
	}
	h, ok := from.(Histories)
	if !ok {
		return historyRead{holes: true}, nil
	}
	var out historyRead
	var err error
	out.deltas, out.next, out.more, out.holes, err = h.History(r.After, r.Range, r.BytesMax)
	return out, err
}

// serveHistory answers with what the log has about a range.
func (c *Core) serveHistory(from string, body []byte) error {
	b, err := decodeBody[historyBody](body)
	if err != nil {
		return err
	}
	k := KeyRange{Keyspace: b.Keyspace, Range: ranges.Range{From: string(b.From), To: ranges.Unbounded()}}
	if b.To != nil {
		k.Range.To = ranges.Before(string(b.To))
	}
	if err := k.Validate(); err != nil || b.From == nil || len(b.From) > ranges.KeyBytesMax || len(b.To) > ranges.KeyBytesMax {
		return fmt.Errorf("%w history: its range is none", delta.ErrCorrupt)
	}
	c.serve(from, ReadRequest{Kind: ReadHistory, After: b.After, Range: k, BytesMax: historyPageBytes}, func(r ReadResult) {
		c.counters.HistoriesServed++
		a := historyAnswer{Next: r.history.next, More: r.history.more, Holes: r.history.holes, Deltas: [][]byte{}}
		for _, p := range r.history.deltas {
			a.Deltas = append(a.Deltas, p.Bytes)
		}
		c.answer(from, b.ID, a)
	})
	return nil
}
