package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

const (
	typeJSON   = "application/json"
	typeNDJSON = "application/x-ndjson"
)

// request is one call: what to ask and what to take.
type request struct {
	method string
	path   string
	query  url.Values
	body   any
	// stream is a body that goes out as it comes, in place of body.
	stream io.ReadCloser
	accept string
	// patience is how much longer than Options.SilenceMax the node may take
	// to answer, because it was asked to wait for others.
	patience time.Duration
}

// get asks path and reads the JSON answer into answer.
func (c *Client) get(ctx context.Context, path string, query url.Values, answer any) error {
	return c.call(ctx, request{method: http.MethodGet, path: path, query: query, accept: typeJSON}, answer)
}

// post sends body to path and reads the JSON answer into answer.
func (c *Client) post(ctx context.Context, path string, body, answer any) error {
	return c.postPatiently(ctx, path, body, 0, answer)
}

// postPatiently is post of what may take longer; see request.patience.
func (c *Client) postPatiently(ctx context.Context, path string, body any, patience time.Duration, answer any) error {
	return c.call(ctx, request{method: http.MethodPost, path: path, body: body, accept: typeJSON, patience: patience}, answer)
}

func (c *Client) call(ctx context.Context, q request, answer any) error {
	r, err := c.open(ctx, q)
	if err != nil {
		return err
	}
	defer drain(r.Body)
	body, err := c.readWhole(ctx, r)
	if err != nil {
		return err
	}
	return decodeAnswer(q.path, body, answer)
}

// open sends the request and returns the answer if it is a good one; its body
// is the caller's to close.
func (c *Client) open(ctx context.Context, q request) (*http.Response, error) {
	r, err := c.do(ctx, q)
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusOK {
		defer drain(r.Body)
		return nil, errorOf(r)
	}
	return r, nil
}

func (c *Client) newRequest(ctx context.Context, q request) (*http.Request, error) {
	u := *c.base
	u.Path += q.path
	u.RawQuery = q.query.Encode()
	body, contentType, err := q.open()
	if err != nil {
		return nil, fmt.Errorf("encode request for %s: %w", q.path, err)
	}
	hr, err := http.NewRequestWithContext(ctx, q.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%w %q: %v", ErrAddress, u.String(), err)
	}
	hr.Header.Set("Accept", q.accept)
	hr.Header.Set("User-Agent", c.options.UserAgent)
	if contentType != "" {
		hr.Header.Set("Content-Type", contentType)
	}
	if q.stream != nil {
		// Who refuses the request must not wait for the body first.
		hr.Header.Set("Expect", "100-continue")
		hr.ContentLength = -1
	}
	return hr, nil
}

// open returns the body of a request, nil if it has none, and its type.
func (q request) open() (body io.Reader, contentType string, err error) {
	switch {
	case q.stream != nil:
		return q.stream, typeNDJSON, nil
	case q.body == nil:
		return nil, "", nil
	}
	text, err := encodeBody(q.body)
	return bytes.NewReader(text), typeJSON, err
}

// encodeBody returns the JSON of a body, which may be encoded already.
func encodeBody(body any) ([]byte, error) {
	if text, ok := body.(json.RawMessage); ok {
		return text, nil
	}
	return wire.MarshalRequest(body)
}

func (c *Client) readWhole(ctx context.Context, r *http.Response) ([]byte, error) {
	bytesMax := c.options.AnswerBytesMax
	body, err := io.ReadAll(io.LimitReader(r.Body, bytesMax+1))
	switch {
	case err != nil:
		return nil, c.unreachable(ctx, fmt.Errorf("its answer was cut off: %w", err))
	case int64(len(body)) > bytesMax:
		return nil, fmt.Errorf("%w: more than %d bytes; ask for a smaller range, or for a stream", ErrTooLong, bytesMax)
	}
	return body, nil
}

// decodeAnswer reads an answer. Unlike requests, answers may have fields that
// this version does not know: a newer node adds some.
func decodeAnswer(path string, body []byte, answer any) error {
	if err := wire.UnmarshalAnswer(body, answer); err != nil {
		return fmt.Errorf("the answer to %s is not what a node says (%w); check the address", path, err)
	}
	return nil
}

// drain lets the connection be reused, unless there is much left to read.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10)
	_ = body.Close()
}
