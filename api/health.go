package api

import (
	"net/http"
	"strings"

	"github.com/scalesmall/ssnode/wire"
)

// livez serves GET /livez: whether the process should go on as it is.
func (s *Server) livez(e *exchange) error {
	if err := s.node.Err(); err != nil {
		return wire.Errorf(wire.CodeUnavailable, "the node has stopped and must be started again: %v", err)
	}
	return e.answer(struct {
		Live bool `json:"live"`
	}{true})
}

// notReady is what /readyz answers while the node is not ready.
type notReady struct {
	wire.Error
	Ready    bool              `json:"ready"`
	NotReady wire.List[string] `json:"not_ready"`
}

// readyz serves GET /readyz: whether requests should be sent here.
func (s *Server) readyz(e *exchange) error {
	status, err := s.node.Status()
	if err != nil {
		return wire.Errorf(wire.CodeUnavailable, "not ready: %v", err)
	}
	if status.Ready {
		return e.answer(struct {
			Ready bool `json:"ready"`
		}{true})
	}
	answer := notReady{NotReady: status.NotReady}
	answer.Message = "not ready: " + strings.Join(status.NotReady, "; ")
	answer.Code = wire.CodeUnavailable
	return e.answerStatus(http.StatusServiceUnavailable, answer)
}
