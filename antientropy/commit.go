package antientropy

import (
	"errors"
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// StepKind says what a step of a commit does.
type StepKind uint8

// The kinds of steps; the values name the fields of Step that they use.
const (
	// StepReceive applies Delta.
	StepReceive StepKind = 1 + iota
	// StepOpen opens the complete session with the starting context Context,
	// or narrows an open one to it.
	StepOpen
	// StepTake joins the range answer Answer.
	StepTake
	// StepMatched notes that a span was found equal to that of a sender with
	// the context Context.
	StepMatched
	// StepComplete ends the session, widening the replica's context.
	StepComplete
	// StepAbandon ends the session without.
	StepAbandon
	// StepIdentify renames the replica if Context knows more of it than it
	// does itself.
	StepIdentify
)

// String returns the name of the kind.
func (k StepKind) String() string {
	names := [...]string{"receive", "open", "take", "matched", "complete", "abandon", "identify"}
	if k == 0 || int(k) > len(names) {
		return fmt.Sprintf("step(%d)", uint8(k))
	}
	return names[k-1]
}

// Step is one step of a commit.
type Step struct {
	Kind    StepKind
	Delta   delta.Packed
	Answer  delta.Answer
	Context crdt.Context
}

// CommitRequest asks for steps to be carried out, in order, in one commit.
type CommitRequest struct {
	ID    uint64
	Steps []Step
}

// StepResult is what became of one step.
type StepResult struct {
	// Outcome is that of a StepReceive.
	Outcome delta.Outcome
	// Lost says how the step proved the replica's identity lost, if it did:
	// delta.ErrAmnesia or delta.ErrForgotten. The replica was renamed, and the
	// step then carried out.
	Lost error
}

// CommitResult is what became of one request.
type CommitResult struct {
	ID uint64
	// Steps has one result for each step. Empty if Err is set.
	Steps []StepResult
	// Err says that the request was not carried out: nothing of it is durable.
	Err error
}

// Run carries out the request on c. Where a step proves that the replica's
// identity is lost, the commit is renamed to newID() first; newID must draw an
// id that nobody has ever used.
//
// Requests come first in a transaction: a local write that was numbered under
// the old id in the same commit could bear a dot that is used already.
//
// An error comes from reading the state and ends the whole commit.
func (r CommitRequest) Run(c *delta.Commit, newID func() crdt.ReplicaID) (CommitResult, error) {
	result := CommitResult{ID: r.ID, Steps: make([]StepResult, len(r.Steps))}
	for i, s := range r.Steps {
		outcome, err := s.run(c)
		switch {
		case errors.Is(err, delta.ErrForgotten):
			c.Rename(newID())
			result.Steps[i].Lost = delta.ErrForgotten
			outcome, err = s.run(c)
		case errors.Is(err, delta.ErrAmnesia):
			result.Steps[i].Lost = delta.ErrAmnesia
			if err = c.Disown(newID()); err == nil {
				outcome, err = s.run(c)
			}
		}
		if err != nil {
			return CommitResult{ID: r.ID, Err: err}, fmt.Errorf("commit step %d (%s): %w", i+1, s.Kind, err)
		}
		result.Steps[i].Outcome = outcome
	}
	return result, nil
}

func (s Step) run(c *delta.Commit) (delta.Outcome, error) {
	switch s.Kind {
	case StepReceive:
		return c.Receive(s.Delta)
	case StepOpen:
		return 0, c.OpenSession(s.Context)
	case StepTake:
		return 0, c.Take(s.Answer)
	case StepMatched:
		c.Matched(s.Context)
	case StepComplete:
		return 0, c.CompleteSession()
	case StepAbandon:
		c.AbandonSession()
	case StepIdentify:
		if own := c.ID(); !c.Covers(crdt.Context{own: s.Context.Get(own)}) {
			return 0, delta.ErrAmnesia
		}
	default:
		return 0, fmt.Errorf("unknown kind of step %d", s.Kind)
	}
	return 0, nil
}

// Committed tells the Core of one transaction that has become durable, its own
// requests or not, and of the requests in it, in order. Effects that are empty
// matter too: a session may have been opened or closed. The Core keeps
// effects; nobody changes them afterwards.
func (c *Core) Committed(effects *delta.Effects, requests ...CommitResult) {
	c.adopt(effects)
	for _, r := range requests {
		c.settle(r)
	}
	c.completeIfDurable()
	c.spread(effects)
	c.flushSources()
	c.answerAsks()
}

// Lost returns how one of the steps proved the replica's identity lost, or nil.
func (r CommitResult) Lost() error {
	for _, s := range r.Steps {
		if s.Lost != nil {
			return s.Lost
		}
	}
	return nil
}

// Failed tells the Core that requests were not carried out.
func (c *Core) Failed(err error, ids ...uint64) {
	for _, id := range ids {
		c.settle(CommitResult{ID: id, Err: err})
	}
	c.flushSources()
}
