package api

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/scalesmall/ssnode/wire"
)

// handle answers one request. An error it returns becomes the answer, unless
// it has begun one.
type handle func(s *Server, e *exchange) error

// methods are what a path can be asked.
type methods map[string]handle

// routes is the one list of what is served.
var routes = map[string]methods{
	"/v1/ops":          {http.MethodPost: (*Server).ops},
	"/v1/ops/stream":   {http.MethodPost: (*Server).opsStream},
	"/v1/lookup":       {http.MethodGet: (*Server).lookupQuery, http.MethodPost: (*Server).lookupBody},
	"/v1/ranges":       {http.MethodGet: (*Server).ranges},
	"/v1/claims":       {http.MethodGet: (*Server).claims},
	"/v1/keyspaces":    {http.MethodGet: (*Server).keyspaces},
	"/v1/nodes":        {http.MethodGet: (*Server).nodes},
	"/v1/nodes/{node}": {http.MethodPut: (*Server).setNode},
	"/v1/watch":        {http.MethodGet: (*Server).watchQuery, http.MethodPost: (*Server).watchBody},
	"/v1/history":      {http.MethodGet: (*Server).history},
	"/v1/wait":         {http.MethodGet: (*Server).waitQuery, http.MethodPost: (*Server).waitBody},
	"/v1/members":      {http.MethodGet: (*Server).members},
	"/v1/status":       {http.MethodGet: (*Server).status},
	"/v1/dump":         {http.MethodGet: (*Server).dump},
	"/v1/backup":       {http.MethodGet: (*Server).backup},
	"/v1/compact":      {http.MethodPost: (*Server).compact},
	"/v1/fingerprints": {http.MethodGet: (*Server).fingerprintsQuery, http.MethodPost: (*Server).fingerprintsBody},
	"/v1/join":         {http.MethodPost: (*Server).join},
	"/v1/leave":        {http.MethodPost: (*Server).leave},
	"/v1/forget":       {http.MethodPost: (*Server).forget},
	"/livez":           {http.MethodGet: (*Server).livez},
	"/readyz":          {http.MethodGet: (*Server).readyz},
	"/metrics":         {http.MethodGet: (*Server).serveMetrics},
}

// handler routes requests. A browser that some page sends here is refused, also
// under a name that the page has lent to this machine: loopback alone does not
// keep pages out.
func (s *Server) handler() http.Handler {
	guard := http.NewCrossOriginProtection()
	mux := http.NewServeMux()
	for path, methods := range routes {
		mux.Handle(path, s.route(path, methods, guard))
	}
	mux.Handle("/", s.route("", nil, guard))
	return mux
}

// route serves one path; the path "" stands for all that are unknown.
func (s *Server) route(path string, m methods, guard *http.CrossOriginProtection) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := s.newExchange(path, w, r)
		defer e.end()
		if err := s.checkHost(r); err != nil {
			e.fail(err)
			return
		}
		if err := guard.Check(r); err != nil {
			e.fail(wire.Errorf(wire.CodeForbidden, "a page of another site sent this request: %v", err))
			return
		}
		if err := s.serveOne(path, m, e); err != nil {
			e.fail(err)
		}
	})
}

// unbounded are the paths of those who look after the node: they must learn how
// it is, also when everybody else has to wait.
var unbounded = map[string]bool{"/livez": true, "/readyz": true, "/metrics": true, "/v1/status": true}

func (s *Server) serveOne(path string, m methods, e *exchange) error {
	h, err := m.choose(path, e.r)
	if err != nil {
		return err
	}
	if !unbounded[path] {
		if err := s.gate.enter(); err != nil {
			return err
		}
		defer s.gate.leave()
	}
	return h(s, e)
}

func (m methods) choose(path string, r *http.Request) (handle, error) {
	if path == "" {
		return nil, wire.Errorf(wire.CodeNotFound, "no such path: %s", r.URL.Path)
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if h, ok := m[method]; ok {
		return h, nil
	}
	return nil, &methodError{path: path, method: r.Method, allowed: slices.Sorted(maps.Keys(m))}
}

// methodError is the one error whose status no code has.
type methodError struct {
	path, method string
	allowed      []string
}

func (e *methodError) Error() string {
	return e.path + " cannot be asked with " + e.method + ", use " + strings.Join(e.allowed, " or ")
}
