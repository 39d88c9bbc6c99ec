package store

import (
	"github.com/scalesmall/ssnode/delta"
	"pgregory.net/rapid"
)

// drawAnswer returns the peer's state under some span, or in a session its whole state.
func (w *twins) drawAnswer(t *rapid.T) delta.Answer {
	a := delta.Answer{Span: delta.Whole, Context: w.peer.replica.Context.Clone(), InSession: rapid.Bool().Draw(t, "in session")}
	if !a.InSession {
		a.Span = delta.Span{From: "\x01", To: "\x01default\x00a\x00\x02"}
	}
	if err := w.peer.Scan(a.Span, func(e delta.Entry) error { a.Entries = append(a.Entries, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return a
}

// taking joins an answer, within a session of its own if it is of one.
func taking(c *delta.Commit, a delta.Answer) error {
	if a.InSession {
		if err := c.OpenSession(a.Context); err != nil {
			return err
		}
	}
	if err := c.Take(a); err != nil {
		return err
	}
	if a.InSession {
		return c.CompleteSession()
	}
	return nil
}

// take joins the peer's state under some span, and in the end of a session its
// whole state.
func (w *twins) take(t *rapid.T) {
	a := w.drawAnswer(t)
	w.both(t, func(c *delta.Commit) error { return taking(c, a) })
}

// takeAndWrite does so in one commit with a write, before it or after it.
func (w *twins) takeAndWrite(t *rapid.T) {
	a := w.drawAnswer(t)
	o := drawOperation(t)
	o.Verb = delta.VerbRegister // which may always be written
	isFirst := rapid.Bool().Draw(t, "writes first")
	w.both(t, func(c *delta.Commit) error {
		if !isFirst {
			if err := taking(c, a); err != nil {
				return err
			}
		}
		if _, _, err := c.Write([]delta.Operation{o}); err != nil || !isFirst {
			return err
		}
		return taking(c, a)
	})
}
