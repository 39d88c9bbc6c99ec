package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what one server tells Prometheus. They have a registry of their
// own: two servers in one process do not mix.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	// lines are those of streams of writes, by code; written are the good ones.
	lines   *prometheus.CounterVec
	written prometheus.Counter
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ssnode_http_requests_total", Help: "Requests answered, by path, method and status.",
		}, []string{"path", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ssnode_http_request_duration_seconds", Help: "Time from the head of a request to the end of its answer, by path. Streams last as long as they are read.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10),
		}, []string{"path"}),
		lines: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ssnode_http_stream_lines_total", Help: "Lines of streams of writes that came to an end, one for each of its batches, by code, \"ok\" if they were carried out.",
		}, []string{"code"}),
	}
	m.written = m.lines.WithLabelValues("ok")
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.duration, m.lines,
		&nodeCollector{node: s.node, version: s.options.Version},
		&counterCollector{server: s},
		&replicationCollector{node: s.node},
	)
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry})
	return m
}

// observe counts an exchange. The path is that of the route, so that what
// clients make up does not become a label.
func (m *metrics) observe(e *exchange, took time.Duration) {
	path := e.route
	if path == "" {
		path = "unknown"
	}
	m.requests.WithLabelValues(path, methodLabel(e.r.Method), strconv.Itoa(e.status)).Inc()
	m.duration.WithLabelValues(path).Observe(took.Seconds())
}

// observeLines counts lines of a stream of writes.
func (m *metrics) observeLines(all []*ended) {
	written := 0
	for _, what := range all {
		if what.refused != nil {
			m.failed(what.refused)
		}
		for _, b := range what.batches {
			if b.Err == nil {
				written++
			} else {
				m.failed(b.Err)
			}
		}
	}
	m.written.Add(float64(written))
}

func (m *metrics) failed(err error) { m.lines.WithLabelValues(string(errorOf(err).Code)).Inc() }

// methodLabel keeps methods that clients make up out of the labels.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// serveMetrics serves GET /metrics.
func (s *Server) serveMetrics(e *exchange) error {
	e.extend()
	e.status = http.StatusOK
	s.metrics.handler.ServeHTTP(e.w, e.r)
	return nil
}
