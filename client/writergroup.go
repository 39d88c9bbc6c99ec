package client

import (
	"encoding/json"

	"github.com/scalesmall/ssnode/wire"
)

// write is one batch on its way.
type write struct {
	id   string
	text json.RawMessage
	// sent and abandoned are guarded by the writer: what was abandoned before
	// it was sent never is.
	sent, abandoned bool
	// answered is closed when the rest is set.
	answered chan struct{}
	group    *groupAnswer
	place    int
	err      error
}

// MarshalJSON returns the batch as the caller's goroutine has encoded it.
func (x *write) MarshalJSON() ([]byte, error) { return x.text, nil }

// answer hands over that batch of a group's answer which is at place.
func (x *write) answer(group *groupAnswer, place int) {
	x.group, x.place = group, place
	close(x.answered)
}

func (x *write) fail(err error) {
	x.err = err
	close(x.answered)
}

// results decodes the answer, each writer its own part.
func (x *write) results() (wire.Results, error) {
	if x.err != nil {
		return wire.Results{}, x.err
	}
	var batch wire.BatchResult
	if err := decodeAnswer("/v1/ops", x.group.Batches[x.place], &batch); err != nil {
		return wire.Results{}, explain(err)
	}
	if err := batch.Err(); err != nil {
		return wire.Results{}, explain(err)
	}
	return wire.Results{Results: batch.Results, Token: batch.Token, OnDisk: x.group.OnDisk, Missing: x.group.Missing}, nil
}

// groupRequest is wire.OpsRequest with batches that are encoded already.
type groupRequest struct {
	Batches []*write         `json:"batches"`
	Wait    wire.MemberCount `json:"wait,omitzero"`
	Timeout string           `json:"timeout,omitempty"`
}

// groupAnswer is wire.BatchResults with batches that are not decoded yet.
type groupAnswer struct {
	Batches []json.RawMessage `json:"batches"`
	OnDisk  wire.List[string] `json:"on_disk"`
	Missing wire.List[string] `json:"missing"`
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
