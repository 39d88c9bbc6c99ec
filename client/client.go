package client

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// answerBytesMax is the default bound of an answer that is held whole.
	answerBytesMax = 256 << 20
	// lineBytesMax bounds one line of a stream. The longest is a claim in a
	// dump, with the records of everybody who ever touched it.
	lineBytesMax = 64 << 20
	// errorBytesMax bounds the explanation of an error.
	errorBytesMax = 64 << 10
)

// Options configure a Client. The zero value works.
type Options struct {
	// AnswerBytesMax bounds an answer that is held whole, in bytes. Default
	// 256 MiB. Streams are bounded by line instead.
	AnswerBytesMax int64
	// DialTimeout bounds how long a connection may take. Default 5s.
	DialTimeout time.Duration
	// SilenceMax bounds how long the node may say nothing while an answer is
	// awaited, beyond what it was asked to wait for others. It does not bound
	// Compact, nor a stream that has begun. Default 30s.
	SilenceMax time.Duration
	// Transport carries the requests. Default: one of its own, without
	// proxies, which keeps connections for reuse until Close. A stream of writes has
	// its connection from a copy of it, with larger buffers, if it is an
	// *http.Transport.
	Transport http.RoundTripper
	// NoStream sends every write as a request of its own. By default the second
	// write of a client has it open a stream, POST /v1/ops/stream, that all
	// writes share which wait for no other member; where there is none, they go
	// as requests.
	NoStream bool
	// UserAgent says to the node who is asking. Default "ssnode-client".
	UserAgent string
}

func (o Options) withDefaults() Options {
	if o.AnswerBytesMax == 0 {
		o.AnswerBytesMax = answerBytesMax
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = 5 * time.Second
	}
	if o.SilenceMax == 0 {
		o.SilenceMax = 30 * time.Second
	}
	if o.UserAgent == "" {
		o.UserAgent = "ssnode-client"
	}
	return o
}

// Client asks one node. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	options Options
	http    *http.Client
	// streaming is http for requests whose bodies go out as they come.
	streaming *http.Client
	streams   *opsStreams
}

// New returns a client of the node at address: a URL such as
// http://127.0.0.1:7481, or host:port, which stands for http. It does not
// connect yet.
func New(address string, o Options) (*Client, error) {
	base, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	if o.Transport == nil {
		o.Transport = newTransport(o.DialTimeout)
	}
	c := &Client{base: base, options: o, http: newHTTP(o.Transport), streaming: newHTTP(forStreams(o.Transport))}
	c.streams = newOpsStreams(c)
	return c, nil
}

func newTransport(dialTimeout time.Duration) *http.Transport {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	return &http.Transport{
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: dialTimeout,
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     90 * time.Second,
	}
}

// streamBytes is how much a stream sends and reads at a time. A transport has 4 KiB by
// default: several system calls, and as many wake-ups, for what one takes.
const streamBytes = 64 << 10

// forStreams returns a transport for streams, which has connections of its own: a stream
// needs one anyway.
func forStreams(t http.RoundTripper) http.RoundTripper {
	plain, ok := t.(*http.Transport)
	if !ok {
		return t
	}
	plain = plain.Clone()
	plain.WriteBufferSize = max(plain.WriteBufferSize, streamBytes)
	plain.ReadBufferSize = max(plain.ReadBufferSize, streamBytes)
	return plain
}

func newHTTP(t http.RoundTripper) *http.Client {
	return &http.Client{Transport: t, CheckRedirect: refuseRedirect}
}

// refuseRedirect keeps a node from sending us, and later our credentials,
// somewhere else.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// parseAddress reads a URL or host:port.
func parseAddress(address string) (*url.URL, error) {
	text := address
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w %q: write it as http://HOST:PORT", ErrAddress, address)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%w %q: the scheme %q is unknown, write http:// or https://", ErrAddress, address, u.Scheme)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%w %q: the host is missing, write it as http://HOST:PORT", ErrAddress, address)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, fmt.Errorf("%w %q: write only http://HOST:PORT", ErrAddress, address)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

// Address returns the URL of the node.
func (c *Client) Address() string { return c.base.String() }

// Close closes idle connections, and the stream of writes when those under way
// have their answers. Calls under way go on.
func (c *Client) Close() {
	c.streams.close()
	c.http.CloseIdleConnections()
	c.streaming.CloseIdleConnections()
}
