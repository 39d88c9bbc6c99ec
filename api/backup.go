package api

import (
	"net/http"
	"strconv"

	"github.com/scalesmall/ssnode/store"
)

// backup serves GET /v1/backup: a copy of the data file as it is at one
// instant, which is held while the client reads; a client that stops reading is
// cut off. The length comes first, so that one that was cut off is noticed.
func (s *Server) backup(e *exchange) error {
	if err := e.noQuery(); err != nil {
		return err
	}
	return s.node.View(func(v *store.View) error {
		e.w.Header().Set("Content-Length", strconv.FormatInt(v.BackupBytes(), 10))
		e.begin(http.StatusOK, typeBytes)
		if e.r.Method == http.MethodHead {
			return nil
		}
		if err := v.Backup(deadlined{e}); err != nil {
			e.failed = err
			panic(http.ErrAbortHandler) // nothing but the cut tells that it is not whole
		}
		return nil
	})
}

const typeBytes = "application/octet-stream"
