package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/scalesmall/ssnode/node"
)

// Server serves one node. Make it with New.
type Server struct {
	node    *node.Node
	options Options
	http    *http.Server
	answers *answers
	metrics *metrics
	gate    gatekeeper
	// stopping ends streams and waits, which would hold up a shutdown.
	stopping context.Context
	stop     context.CancelFunc
}

// New returns a server of n. It does not close n.
func New(n *node.Node, o Options) *Server {
	s := &Server{node: n, options: o.withDefaults(), answers: newAnswers()}
	s.gate.requestsMax, s.gate.bodyBytesMax = s.options.RequestsMax, s.options.BodyBytesMax
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.metrics = newMetrics(s)
	s.http = &http.Server{
		Handler:           s.handler(),
		ConnContext:       withConn,
		ReadHeaderTimeout: s.options.ReadTimeout,
		IdleTimeout:       4 * s.options.ReadTimeout,
		MaxHeaderBytes:    headerBytesMax,
		ErrorLog:          slog.NewLogLogger(s.options.Logger.Handler(), slog.LevelWarn),
	}
	return s
}

// Handler returns what serves the requests, for a program that has a listener
// and a server of its own.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve answers requests until Shutdown, which is no error.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(conns{l}); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown stops listening, ends streams and waits for the other requests
// until ctx ends; then it cuts them off. It may be called more than once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close()
	}
	return err
}

// untilStopped returns a context that ends with parent or when the server
// stops.
func (s *Server) untilStopped(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	unhook := context.AfterFunc(s.stopping, cancel)
	return ctx, func() { unhook(); cancel() }
}
