package api

import (
	"sync"

	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// gatekeeper bounds what clients make the server hold at a time: requests, of
// which each has a goroutine, and bodies, which are held whole. Who finds no
// room is told to come again; who looks after the node always has some.
type gatekeeper struct {
	requestsMax, bodyBytesMax int

	mu struct {
		sync.Mutex
		requests, bodyBytes            int
		requestsRefused, bodiesRefused uint64
	}
}

// enter takes the place of a request, which leave gives back.
func (g *gatekeeper) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.requests >= g.requestsMax {
		g.mu.requestsRefused++
		return wire.Errorf(wire.CodeUnavailable, "%d requests are under way, which is the most: try again, or another node", g.requestsMax)
	}
	g.mu.requests++
	return nil
}

func (g *gatekeeper) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.requests--
}

// admit takes the room of a body, which release gives back. One is let in
// whatever its size.
func (g *gatekeeper) admit(bytes int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.bodyBytes > 0 && g.mu.bodyBytes+bytes > g.bodyBytesMax {
		g.mu.bodiesRefused++
		return wire.Errorf(wire.CodeUnavailable, "the bodies of requests under way have %d bytes together, at most %d are allowed: try again, or another node", g.mu.bodyBytes, g.bodyBytesMax)
	}
	g.mu.bodyBytes += bytes
	return nil
}

func (g *gatekeeper) release(bytes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.bodyBytes -= bytes
}

// queues returns what is to be told of the queues of the server.
func (s *Server) queues() []node.Queue {
	g := &s.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	batches, forgotten := s.answers.reading()
	return []node.Queue{
		{Name: "http_requests", Length: g.mu.requests, Limit: g.requestsMax, Dropped: g.mu.requestsRefused},
		{Name: "http_bodies", Length: g.mu.bodyBytes, Limit: g.bodyBytesMax, Dropped: g.mu.bodiesRefused},
		{Name: "answers", Length: batches, Limit: answersMax, Dropped: forgotten},
	}
}
