package api

import (
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// watchQuery serves GET /v1/watch.
func (s *Server) watchQuery(e *exchange) error {
	p := e.query()
	filter := node.Filter{Keyspace: p.keyspace(), Range: p.within(), Node: p.nodeName()}
	from := wire.Token(p.textOr("token", ""))
	if err := p.done(); err != nil {
		return err
	}
	return s.watch(e, filter, from)
}

// watchBody serves POST /v1/watch.
func (s *Server) watchBody(e *exchange) error {
	var q wire.WatchRequest
	if err := e.body(&q); err != nil {
		return err
	}
	if err := validateKeyspace(q.Keyspace, q.Keyspace != "", q.AllKeyspaces); err != nil {
		return err
	}
	p := &query{}
	filter := node.Filter{Keyspace: chooseKeyspace(q.Keyspace, q.AllKeyspaces), Range: p.bounds(q.Bounds)}
	if err := p.done(); err != nil {
		return err
	}
	return s.watch(e, filter, q.Token)
}

// watch answers with the lines of a watch until the client goes away or the
// server stops.
func (s *Server) watch(e *exchange, filter node.Filter, from wire.Token) error {
	start, err := parseToken(from)
	if err != nil {
		return err
	}
	ctx, cancel := s.untilStopped(e.r.Context())
	defer cancel()
	w := &watchWriter{exchange: e, inSnapshot: start.IsZero()}
	err = s.node.Watch(ctx, node.WatchOptions{Filter: filter, Token: start}, w.emit)
	if err == nil && w.lines == nil {
		// Ended before the first line: the status must still be sent.
		w.begin()
	}
	e.extend() // for its end, which net/http sends: the last line may be long ago
	return err
}

// watchWriter writes the lines of a watch.
type watchWriter struct {
	exchange *exchange
	lines    *lineWriter
	// inSnapshot says that more lines follow at once, so that sending each by
	// itself would be waste.
	inSnapshot bool
}

func (w *watchWriter) begin() { w.lines = w.exchange.lines() }

func (w *watchWriter) emit(event node.WatchEvent) error {
	if w.lines == nil {
		w.begin()
	}
	if err := w.lines.write(lineOf(event)); err != nil {
		return err
	}
	switch event.Type {
	case node.WatchTrimmed:
		w.inSnapshot = true
	case node.WatchSnapshotEnd, node.WatchBookmark:
		w.inSnapshot = false
	}
	if w.inSnapshot {
		return nil
	}
	return w.lines.flush()
}

func lineOf(event node.WatchEvent) wire.WatchLine {
	line := wire.WatchLine{Type: wire.WatchType(event.Type), Repair: event.Repaired}
	switch event.Type {
	case node.WatchClaim, node.WatchReleased:
		bounds := wire.BoundsOf(event.Claim.Range)
		line.Keyspace, line.Node, line.Bounds, line.Priority = event.Claim.Keyspace, event.Claim.Node, &bounds, event.Claim.Priority
	case node.WatchNode:
		n := nodeOf(event.Node)
		line.Node, line.Address, line.Labels, line.Liveness = n.Node, n.Address, n.Labels, n.Liveness
	case node.WatchSnapshotEnd, node.WatchBookmark:
		line.Token = wireToken(event.Token)
	}
	return line
}
