package client

import (
	"encoding/json"

	"github.com/scalesmall/ssnode/wire"
)

// write is one batch on its way.
type write struct {
	id string
	// text is the batch, encoded by its caller's goroutine.
	text []byte
	// sent and abandoned are guarded by the writer: what was abandoned before
	// it was sent never is.
	sent, abandoned bool
	// answered is closed when the rest is set.
	answered chan struct{}
	results  wire.Results
	err      error
}

func (x *write) end(results wire.Results, err error) {
	x.results, x.err = results, err
	close(x.answered)
}

// answer hands a batch of several its own part of the answer.
func (x *write) answer(all *wire.BatchResults, batch wire.BatchResult) {
	if err := batch.Err(); err != nil {
		x.end(wire.Results{}, explain(err))
		return
	}
	x.end(wire.Results{Results: batch.Results, Token: batch.Token, OnDisk: all.OnDisk, Missing: all.Missing, Needed: all.Needed}, nil)
}

// encodeGroup returns the body of a request with batches that are encoded
// already.
func encodeGroup(group []*write, o WriteOptions) (json.RawMessage, error) {
	options, err := wire.Marshal(wire.OpsRequest{Wait: o.Wait, Timeout: formatTimeout(o.Timeout)})
	if err != nil {
		return nil, err
	}
	size := len(options) + 16
	for _, x := range group {
		size += len(x.text) + 1
	}
	body := append(make([]byte, 0, size), `{"batches":[`...)
	for i, x := range group {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, x.text...)
	}
	body = append(body, ']')
	if string(options) == "{}" {
		return append(body, '}'), nil
	}
	return append(append(body, ','), options[1:]...), nil
}

// split returns those at the head of a queue that fit into one request, the
// abandoned left out, and the rest. Two batches of one id do not go together:
// the node takes that for a mistake.
func split(queue []*write) (group, rest []*write) {
	size, ids := 0, map[string]struct{}{}
	for i, x := range queue {
		if x.abandoned {
			continue
		}
		_, twice := ids[x.id]
		if len(group) > 0 && (twice || size+len(x.text) > writerBodyBytes || len(group) == writerBatches) {
			return group, queue[i:]
		}
		if x.id != "" {
			ids[x.id] = struct{}{}
		}
		size += len(x.text)
		group = append(group, x)
	}
	return group, nil
}
