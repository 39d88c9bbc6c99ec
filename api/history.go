package api

import (
	"strconv"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// history serves GET /v1/history.
func (s *Server) history(e *exchange) error {
	p := e.query()
	filter := node.Filter{Keyspace: p.keyspace(), Range: p.within(), Node: p.nodeName()}
	limit := p.number("limit", historyLimit, historyLimitMax)
	if err := p.done(); err != nil {
		return err
	}
	h, err := s.node.History(filter, limit)
	if err != nil {
		return err
	}
	answer := wire.History{Events: make(wire.List[wire.Event], len(h.Events)), Complete: h.Complete}
	for _, m := range h.Missing {
		answer.Missing = append(answer.Missing, wire.Missing{Keyspace: m.Keyspace, Bounds: wire.BoundsOf(m.Range)})
	}
	for i, x := range h.Events {
		answer.Events[i] = eventOf(x)
	}
	if e.wantsStream() {
		return streamHistory(e, answer)
	}
	return e.answer(answer)
}

// headerComplete says of a streamed history what its last line says as well.
const headerComplete = "Ssnode-Complete"

// streamHistory answers with one line per event and a last one that says
// whether they are all. It is there in either case: who finds none knows that
// the stream was cut off, and who looks at lines only cannot miss a gap.
func streamHistory(e *exchange, h wire.History) error {
	e.w.Header().Set(headerComplete, strconv.FormatBool(h.Complete))
	l := e.lines()
	if err := eachOf(h.Events, func(x wire.Event) error { return l.write(x) }); err != nil {
		return err
	}
	if err := l.write(wire.HistoryEnd{Complete: h.Complete}); err != nil {
		return err
	}
	return l.flush()
}

func eventOf(x node.HistoryEvent) wire.Event {
	out := wire.Event{Time: x.Time, Dot: x.Dot.String(), Op: wire.Op(x.Event.Operation())}
	switch x.Event.Kind {
	case delta.Advertise:
		out.Node = x.Event.Node.Name
		return out
	case delta.Forget:
		out.Node = x.Event.Replica.String()
		return out
	case delta.Add:
		out.By = max(x.Event.By, -x.Event.By)
		if x.Event.By == 0 {
			out.Priority = x.Event.Contribution().Amount
		}
	}
	bounds := wire.BoundsOf(x.Event.Claim.Range)
	out.Keyspace, out.Node, out.Bounds = x.Event.Claim.Keyspace, x.Event.Claim.Node, &bounds
	return out
}
