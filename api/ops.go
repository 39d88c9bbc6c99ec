package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/wire"
)

// ops serves POST /v1/ops.
func (s *Server) ops(e *exchange) error {
	var q wire.OpsRequest
	if err := e.body(&q); err != nil {
		return err
	}
	timeout, err := s.timeout(q.Timeout)
	if err != nil {
		return err
	}
	switch {
	case q.Ops != nil && q.Batches != nil:
		return wire.Errorf(wire.CodeInvalid, "both \"ops\" and \"batches\": give one of them")
	case q.Batches != nil:
		return s.writeBatches(e, q, timeout)
	}
	return s.writeOne(e, q, timeout)
}

// timeout reads how long a wait may last.
func (s *Server) timeout(text string) (time.Duration, error) {
	if text == "" {
		return s.options.WaitTimeout, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > waitTimeoutMax {
		return 0, wire.Errorf(wire.CodeInvalid, "the \"timeout\" %q is not a duration from 0s to %s: write for instance \"10s\"", text, waitTimeoutMax)
	}
	return d, nil
}

func (s *Server) writeOne(e *exchange, q wire.OpsRequest, timeout time.Duration) error {
	ops, err := compile(nil, q.Ops, s.node.Name())
	if err != nil {
		return err
	}
	written, err := s.write(e.r.Context(), q.Ops, ops)
	if err != nil {
		return err
	}
	token := written.Token()
	waited, err := s.await(e.r.Context(), token, q.Wait, timeout)
	if err != nil {
		return err
	}
	return e.answer(wire.Results{
		Results: resultsOf(q.Ops, written.Results),
		Token:   tokenOf(token), OnDisk: waited.OnDisk, Missing: waited.Missing, Needed: waited.needed,
	})
}

// write carries out one batch. Its error says which operation it is about.
func (s *Server) write(ctx context.Context, asked []wire.Operation, ops []delta.Operation) (node.Written, error) {
	written, err := s.node.Write(ctx, ops)
	return written, explainBatch(asked, err)
}

// explainBatch has an error say which operation it is about.
func explainBatch(asked []wire.Operation, err error) error {
	var batch *delta.BatchError
	if errors.As(err, &batch) && batch.Index < len(asked) {
		return inOperation(batch.Index, len(asked), asked[batch.Index], batch.Err)
	}
	return err
}

// writeBatches carries out several batches. They are independent of each
// other: they wait for the disk together, and in no particular order.
func (s *Server) writeBatches(e *exchange, q wire.OpsRequest, timeout time.Duration) error {
	if err := validateBatches(q.Batches); err != nil {
		return err
	}
	results, tokens := s.carryOut(e.r.Context(), q.Batches)
	all := joinTokens(tokens)
	waited, err := s.await(e.r.Context(), all, q.Wait, timeout)
	if err != nil {
		return err
	}
	return e.answer(wire.BatchResults{Batches: results, Token: tokenOf(all), OnDisk: waited.OnDisk, Missing: waited.Missing, Needed: waited.needed})
}

// carryOut carries out the batches and returns what became of each. Those with
// an id may have to wait for somebody else who writes the same; the others go
// to the node as one.
func (s *Server) carryOut(ctx context.Context, batches []wire.Batch) ([]wire.BatchResult, []token) {
	results, tokens := make([]wire.BatchResult, len(batches)), make([]token, len(batches))
	var running sync.WaitGroup
	places := make(chan struct{}, batchesAtOnce)
	plain := &plainBatches{}
	for i, batch := range batches {
		if batch.ID == "" {
			plain.add(i, batch, s.node.Name(), results)
			continue
		}
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			results[i], tokens[i] = s.writeBatch(ctx, batch)
		})
	}
	plain.write(ctx, s.node, results, tokens)
	running.Wait()
	return results, tokens
}

// plainBatches are the batches of a request that have no id.
type plainBatches struct {
	places []int
	asked  [][]wire.Operation
	ops    [][]delta.Operation
}

// add takes a batch, or says in results what is wrong with it.
func (p *plainBatches) add(place int, batch wire.Batch, node string, results []wire.BatchResult) {
	ops, err := compile(nil, batch.Ops, node)
	if err != nil {
		results[place] = failedBatch(batch, err)
		return
	}
	p.places, p.asked, p.ops = append(p.places, place), append(p.asked, batch.Ops), append(p.ops, ops)
}

func (p *plainBatches) write(ctx context.Context, n *node.Node, results []wire.BatchResult, tokens []token) {
	for i, outcome := range n.WriteEach(ctx, p.ops) {
		place, asked := p.places[i], p.asked[i]
		if outcome.Err != nil {
			results[place] = failedBatch(wire.Batch{}, explainBatch(asked, outcome.Err))
			continue
		}
		tokens[place] = outcome.Written.Token()
		results[place] = wire.BatchResult{Results: resultsOf(asked, outcome.Written.Results), Token: tokenOf(tokens[place])}
	}
}

func validateBatches(batches []wire.Batch) error {
	if len(batches) == 0 {
		return wire.Errorf(wire.CodeInvalid, "no batches: give at least one in \"batches\"")
	}
	if len(batches) > batchesMax {
		return wire.Errorf(wire.CodeTooLarge, "%d batches, at most %d are allowed: send several requests", len(batches), batchesMax)
	}
	ids := map[string]int{}
	for i, b := range batches {
		if err := validateBatchID(b.ID); err != nil {
			return wire.Errorf(wire.CodeInvalid, "batch %d: %v", i+1, err)
		}
		if first, ok := ids[b.ID]; ok && b.ID != "" {
			return wire.Errorf(wire.CodeInvalid, "batches %d and %d have the same \"id\" %q: draw one for every batch", first+1, i+1, b.ID)
		}
		ids[b.ID] = i
	}
	return nil
}

func validateBatchID(id string) error {
	if len(id) > batchIDBytesMax {
		return wire.Errorf(wire.CodeInvalid, "the \"id\" has %d bytes, at most %d are allowed", len(id), batchIDBytesMax)
	}
	return nil
}

// writeBatch carries out one batch with an id of several. Once begun, it is
// carried through though its client goes away: it will ask again, and must
// be told what became of it.
func (s *Server) writeBatch(ctx context.Context, batch wire.Batch) (wire.BatchResult, token) {
	ops, err := compile(nil, batch.Ops, s.node.Name())
	if err != nil {
		return failedBatch(batch, err), nil
	}
	written, err := s.answers.once(batch.ID, batch.Ops, func() (node.Written, error) {
		return s.write(context.WithoutCancel(ctx), batch.Ops, ops)
	})
	if err != nil {
		return failedBatch(batch, err), nil
	}
	token := written.Token()
	return wire.BatchResult{ID: batch.ID, Results: resultsOf(batch.Ops, written.Results), Token: tokenOf(token)}, token
}

func failedBatch(batch wire.Batch, err error) wire.BatchResult {
	answer := errorOf(err)
	return wire.BatchResult{ID: batch.ID, Error: answer.Message, Code: answer.Code}
}
