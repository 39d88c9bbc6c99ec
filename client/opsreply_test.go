package client_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

// expectedAnswer is what a node answers to a line that it has carried out.
func expectedAnswer(line wire.OpsLine) string {
	a := wire.OpsAnswer{Ref: line.Ref, BatchResult: wire.BatchResult{ID: line.ID, Token: wire.Token("of-" + line.Ops[0].From)}}
	for i, o := range line.Ops {
		a.Results = append(a.Results, wire.Result{Operation: o.WithDefaults("n1"), Changed: i%2 == 0, Priority: int64(i + 5)})
	}
	return string(a.Append(nil))
}

// gather begins so many writes of two operations each, and returns their lines in
// the order of their keys.
func (x *streams) gather(t *testing.T, c *client.Client, writers int, ended chan<- outcome) []wire.OpsLine {
	t.Helper()
	for i := range writers {
		ops := []wire.Operation{
			{Op: wire.OpIncrease, Bounds: wire.Bounds{From: fmt.Sprint(i), To: new("b")}, By: new(int64(i + 1))},
			{Op: wire.OpSet, Keyspace: "k", Node: "n2", Bounds: wire.Bounds{From: "x"}, Priority: new(int64(4))},
		}
		go func() {
			results, err := c.Write(t.Context(), ops, client.WriteOptions{})
			ended <- outcome{ops[0].From, results, err}
		}()
	}
	lines := make([]wire.OpsLine, writers)
	for range writers {
		line := <-x.lines
		lines[line.Ops[0].From[0]-'0'] = line
	}
	return lines
}

// TestClient_Write_AnswersComeTogether: each finds its writer and says to it what
// it would alone, whether it is as expected or not.
func TestClient_Write_AnswersComeTogether(t *testing.T) {
	x := newStreams()
	c := x.client(t, client.Options{})
	x.open(t, c)
	ended := make(chan outcome, 6)
	lines := x.gather(t, c, 6, ended)
	refused := fmt.Sprintf(`{"ref":%d,"results":[],"error":"no claim","code":"not_found"}`, lines[1].Ref)
	otherWords := strings.Replace(expectedAnswer(lines[2]), `"results":`, `"news":7, "results": `, 1)
	twoNumbers := strings.Replace(expectedAnswer(lines[3]), `{`, fmt.Sprintf(`{"ref":%d,`, lines[4].Ref), 1)
	x.say <- strings.Join([]string{
		expectedAnswer(lines[0]), refused, otherWords, twoNumbers, expectedAnswer(lines[4]), expectedAnswer(lines[5]), expectedAnswer(lines[0]),
	}, "\n")
	for range lines {
		o := <-ended
		if o.from == "1" {
			if wire.CodeOf(o.err) != wire.CodeNotFound {
				t.Errorf("the refused: %+v, %v", o.results, o.err)
			}
			continue
		}
		var i int
		_, _ = fmt.Sscan(o.from, &i)
		want := wire.Results{
			Results: wire.List[wire.Result]{
				{Operation: wire.Operation{Op: wire.OpIncrease, Keyspace: "default", Node: "n1", Bounds: wire.Bounds{From: o.from, To: new("b")}, By: new(int64(i + 1))}, Changed: true, Priority: 5},
				{Operation: wire.Operation{Op: wire.OpSet, Keyspace: "k", Node: "n2", Bounds: wire.Bounds{From: "x"}}, Priority: 6},
			},
			Token: wire.Token("of-" + o.from), OnDisk: wire.List[string]{"n1"}, Missing: wire.List[string]{},
		}
		if o.err != nil || !reflect.DeepEqual(o.results, want) {
			t.Errorf("%s: %+v, %v\nwant %+v", o.from, o.results, o.err, want)
		}
	}
}

// TestClient_Write_OneOfManyAnswersIsNone: those before it count, and nothing is
// known of the others; unless the node says so: then they go elsewhere.
func TestClient_Write_OneOfManyAnswersIsNone(t *testing.T) {
	for name, words := range map[string]string{
		`{"ref":%d,"results":7}`:                        "is not what a node says",
		`{"error":"it stops","code":"unavailable"}%.0d`: "",
	} {
		x := newStreams()
		c := x.client(t, client.Options{})
		x.open(t, c)
		ended := make(chan outcome, 4)
		lines := x.gather(t, c, 4, ended)
		x.say <- strings.Join([]string{expectedAnswer(lines[0]), fmt.Sprintf(name, lines[1].Ref), expectedAnswer(lines[2])}, "\n")
		x.say <- theEnd
		for range lines {
			o := <-ended
			switch {
			case o.from == "0":
				if o.err != nil || o.results.Token != "of-0" {
					t.Errorf("%s: the first has become %+v, %v", name, o.results, o.err)
				}
			case words != "" && (!errors.Is(o.err, client.ErrUnreachable) || !strings.Contains(o.err.Error(), words)):
				t.Errorf("%s: %s has become %+v, %v", name, o.from, o.results, o.err)
			case words == "" && (o.err != nil || o.results.Token != "of a request"):
				t.Errorf("%s: %s has become %+v, %v; want it carried out elsewhere", name, o.from, o.results, o.err)
			}
		}
	}
}

// TestWriter_Write_EachHasItsTime: who runs out of it does not hear what became of
// the batch, and others do, though they began before and after.
func TestWriter_Write_EachHasItsTime(t *testing.T) {
	x := newStreams()
	c := x.client(t, client.Options{})
	x.open(t, c)
	patient, hasty := c.NewWriter(client.WriterOptions{}), c.NewWriter(client.WriterOptions{Timeout: 20 * time.Millisecond})
	ended, late := make(chan outcome, 4), make(chan outcome, 4)
	write := func(w *client.Writer, from string, ended chan<- outcome) wire.OpsLine {
		begin(t.Context(), w, ended, batchOf("default", from))
		return <-x.lines
	}
	for range 3 {
		lines := []wire.OpsLine{write(patient, "a", ended), write(hasty, "b", late), write(hasty, "c", late), write(patient, "d", ended)}
		for range 2 {
			if o := <-late; !errors.Is(o.err, context.DeadlineExceeded) || !errors.Is(o.err, client.ErrOutcome) || !strings.HasPrefix(o.err.Error(), client.ErrOutcome.Error()+": ask http") {
				t.Errorf("%s has become %+v, %v", o.from, o.results, o.err)
			}
		}
		for _, line := range lines {
			x.say <- expectedAnswer(line)
		}
		for range 2 {
			if o := <-ended; o.err != nil || o.results.Token != wire.Token("of-"+o.from) {
				t.Errorf("%s has become %+v, %v", o.from, o.results, o.err)
			}
		}
	}
}

// TestWriter_Write_WhoIsLateIsStillAwaited: a node that has not answered it is
// silent, not idle, though it has answered others since.
func TestWriter_Write_WhoIsLateIsStillAwaited(t *testing.T) {
	x := newStreams()
	c := x.client(t, client.Options{SilenceMax: 300 * time.Millisecond})
	x.open(t, c)
	w, ended := c.NewWriter(client.WriterOptions{Timeout: 10 * time.Millisecond}), make(chan outcome, 1)
	begin(t.Context(), w, ended, batchOf("default", "a"))
	<-x.lines
	<-ended
	begin(t.Context(), c.NewWriter(client.WriterOptions{}), ended, batchOf("default", "b"))
	x.say <- expectedAnswer(<-x.lines)
	if o := <-ended; o.err != nil {
		t.Error(o.err)
	}
	for deadline := time.Now().Add(20 * time.Second); x.running.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the stream of a node that says nothing is kept")
		}
	}
}
