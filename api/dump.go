package api

import "github.com/scalesmall/ssnode/dump"

// dump serves GET /v1/dump. It shows one instant, which it holds while the
// client reads; a client that stops reading is cut off.
func (s *Server) dump(e *exchange) error {
	p := e.query()
	o := dump.Options{Cluster: s.node.Cluster(), Node: s.node.Name(), Canonical: p.boolean("canonical")}
	if err := p.done(); err != nil {
		return err
	}
	l := e.lines()
	if err := s.node.View(dump.To(l.buffer, o)); err != nil {
		_ = l.buffer.Flush() // what went before belongs before the error
		return err
	}
	return l.flush()
}
