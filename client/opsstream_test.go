package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

// streams is a node that takes writes as requests, which it counts, and over
// streams, where the test says what it answers.
type streams struct {
	// lines are what was written over streams, say what is answered.
	lines chan wire.OpsLine
	say   chan string
	// singles counts requests of their own, opened the streams.
	singles, opened atomic.Int64
	// running are streams under way.
	running atomic.Int64
	// isCurt says that it does not tell who expects it to go on.
	isCurt bool
	// status is what it answers to who wants a stream, 0 to open one.
	status int
	// opening is what it says then.
	opening string
}

const opening = `{"node":"n1","line_bytes_max":1000,"lines_max":10}`

// cutShort and theEnd are said to end a stream, theEnd as it should be.
const (
	cutShort = "cut off"
	theEnd   = "the end"
)

func newStreams() *streams {
	return &streams{lines: make(chan wire.OpsLine, 1000), say: make(chan string, 1000), opening: opening}
}

func (x *streams) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/ops/stream" {
		x.singles.Add(1)
		_, _ = io.WriteString(w, `{"results":[],"token":"of a request","on_disk":["n1"],"missing":[]}`)
		return
	}
	x.opened.Add(1)
	if x.status != 0 {
		says(x.status, `{"error":"no","code":"`+string(wire.CodeOfStatus(x.status))+`"}`)(w, r)
		return
	}
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex()
	if !x.isCurt {
		w.WriteHeader(http.StatusContinue)
	}
	x.running.Add(1)
	defer x.running.Add(-1)
	x.tell(w, x.opening)
	var failed error // to be read when ended is closed
	ended, unanswered := make(chan struct{}), atomic.Int64{}
	go func() {
		defer close(ended)
		failed = x.read(r, &unanswered)
	}()
	for reading := ended; reading != nil || unanswered.Load() > 0; {
		select {
		case text := <-x.say:
			if text == theEnd || text == cutShort {
				_ = control.SetReadDeadline(time.Unix(1, 0)) // nobody may read when it returns
				<-ended
			}
			switch text {
			case theEnd:
				return
			case cutShort:
				panic(http.ErrAbortHandler)
			}
			unanswered.Add(-1 - int64(strings.Count(text, "\n"))) // some are said together
			x.tell(w, text)
		case <-r.Context().Done():
			return
		case <-reading:
			if reading = nil; failed != nil {
				return
			}
		}
	}
}

func (x *streams) tell(w http.ResponseWriter, line string) {
	_, _ = io.WriteString(w, line+"\n")
	_ = http.NewResponseController(w).Flush()
}

func (x *streams) read(r *http.Request, unanswered *atomic.Int64) error {
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		var line wire.OpsLine
		if err := wire.Unmarshal(lines.Bytes(), &line); err != nil {
			return err
		}
		unanswered.Add(1)
		x.lines <- line
	}
	return lines.Err()
}

// answerTo is a good answer to a line.
func answerTo(line wire.OpsLine) string {
	return fmt.Sprintf(`{"ref":%d,"results":[],"token":"of %s"}`, line.Ref, line.Ops[0].From)
}

func writeOne(ctx context.Context, c *client.Client, from string) (wire.Results, error) {
	return c.Write(ctx, batchOf("default", from).Ops, client.WriteOptions{})
}

// open has a client open its stream: it writes until a write goes over it.
func (x *streams) open(t *testing.T, c *client.Client) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		ended := make(chan error, 1)
		go func() { _, err := writeOne(t.Context(), c, "opener"); ended <- err }()
		select {
		case line := <-x.lines:
			x.say <- answerTo(line)
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			return
		case err := <-ended:
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("no stream: %v", err)
			}
		}
	}
}

func (x *streams) client(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	return against(t, o, x.serve)
}

// TestClient_Write_SharesAStream: from the second write on there is one, each
// has its own answer, in whatever order they come, and a refusal is the node's.
func TestClient_Write_SharesAStream(t *testing.T) {
	x := newStreams()
	c := x.client(t, client.Options{})
	if r, err := writeOne(t.Context(), c, "first"); err != nil || r.Token != "of a request" || x.opened.Load() != 0 {
		t.Errorf("the first write: %+v, %v, and %d streams", r, err, x.opened.Load())
	}
	x.open(t, c)
	before := x.singles.Load()
	const writers = 20
	ended := make(chan outcome, writers)
	for i := range writers {
		go func() {
			from := fmt.Sprint(i)
			results, err := writeOne(t.Context(), c, from)
			ended <- outcome{from, results, err}
		}()
	}
	var lines []wire.OpsLine
	for range writers {
		lines = append(lines, <-x.lines)
	}
	for i := range lines { // the last first
		line := lines[len(lines)-1-i]
		text := answerTo(line)
		if line.Ops[0].From == "7" {
			text = fmt.Sprintf(`{"ref":%d,"results":[],"error":"no claim","code":"not_found"}`, line.Ref)
		}
		x.say <- text
	}
	for range writers {
		o := <-ended
		isBad := o.from == "7"
		switch {
		case isBad && (wire.CodeOf(o.err) != wire.CodeNotFound || errors.Is(o.err, client.ErrUnreachable)):
			t.Errorf("the refused: %v", o.err)
		case !isBad && (o.err != nil || o.results.Token != wire.Token("of "+o.from) || fmt.Sprint(o.results.OnDisk) != "[n1]" || o.results.Missing == nil):
			t.Errorf("%s: %+v, %v", o.from, o.results, o.err)
		}
	}
	if x.opened.Load() != 1 || x.singles.Load() != before {
		t.Errorf("%d streams and %d requests", x.opened.Load(), x.singles.Load()-before)
	}
}

// TestClient_Write_NotOverTheStream: what waits for others, what is large and
// what is told so goes as a request.
func TestClient_Write_NotOverTheStream(t *testing.T) {
	x := newStreams()
	c := x.client(t, client.Options{})
	x.open(t, c)
	for name, write := range map[string]func() (wire.Results, error){
		"waits for all": func() (wire.Results, error) {
			return c.Write(t.Context(), batchOf("default", "a").Ops, client.WriteOptions{Wait: wire.MemberCount{All: true}})
		},
		"waits for two": func() (wire.Results, error) {
			return c.Write(t.Context(), batchOf("default", "a").Ops, client.WriteOptions{Wait: wire.MemberCount{N: 2}})
		},
		"a long line": func() (wire.Results, error) { return writeOne(t.Context(), c, strings.Repeat("k", 1000)) },
		"many operations": func() (wire.Results, error) {
			return c.Write(t.Context(), make([]wire.Operation, 1000), client.WriteOptions{})
		},
	} {
		before := x.singles.Load()
		if _, err := write(); err != nil || x.singles.Load() != before+1 || len(x.lines) != 0 {
			t.Errorf("%s: %v, %d requests, %d lines", name, err, x.singles.Load()-before, len(x.lines))
		}
	}
	plain := newStreams()
	c = plain.client(t, client.Options{NoStream: true})
	for range 5 {
		if _, err := writeOne(t.Context(), c, "a"); err != nil {
			t.Error(err)
		}
	}
	if plain.singles.Load() != 5 || plain.opened.Load() != 0 {
		t.Errorf("without streams: %d requests, %d streams", plain.singles.Load(), plain.opened.Load())
	}
}

// TestClient_Write_WhereNobodyKnowsStreams goes on as requests, and asks for a
// stream once.
func TestClient_Write_WhereNobodyKnowsStreams(t *testing.T) {
	for _, status := range []int{404, 405, 403, 503} {
		x := newStreams()
		x.status = status
		c := x.client(t, client.Options{})
		for i := range 50 {
			if r, err := writeOne(t.Context(), c, "a"); err != nil || r.Token != "of a request" {
				t.Fatalf("%d: write %d: %+v, %v", status, i, r, err)
			}
		}
		c.Close()
		if x.singles.Load() != 50 || x.opened.Load() > 1 {
			t.Errorf("%d: %d requests, %d streams", status, x.singles.Load(), x.opened.Load())
		}
	}
}

// TestClient_Write_ProxyHoldsBodiesBack: a stream over which the node was not
// heard takes no write.
func TestClient_Write_ProxyHoldsBodiesBack(t *testing.T) {
	arrived := make(chan struct{}, 10)
	x := newStreams()
	c := against(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/ops/stream" {
			arrived <- struct{}{}
			_, _ = io.Copy(io.Discard, r.Body) // as if it were to pass it on as one
			return
		}
		x.serve(w, r)
	})
	for i := 0; i < 3 || len(arrived) == 0; i++ {
		if r, err := writeOne(t.Context(), c, "a"); err != nil || r.Token != "of a request" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	for range 20 {
		if r, err := writeOne(t.Context(), c, "a"); err != nil || r.Token != "of a request" {
			t.Errorf("%+v, %v", r, err)
		}
	}
	c.Close()
}

// TestClient_Write_StreamEnds: who has no answer when the stream is cut off, or
// the node falls silent, does not know what became of the write; who has none
// when the node has said why it ends is sent elsewhere.
func TestClient_Write_StreamEnds(t *testing.T) {
	for name, test := range map[string]struct {
		says    []string
		words   string // of the error, empty if it goes elsewhere
		silence time.Duration
	}{
		"cut off":          {[]string{cutShort}, "its answer was cut off", 0},
		"no last line":     {[]string{theEnd}, "its answer was cut off", 0},
		"silent":           {nil, "said nothing for 1s", time.Second},
		"no answer":        {[]string{`{"ref":true}`}, "is not what a node says", 0},
		"answers nobody":   {[]string{`{"ref":-1,"results":[]}`, cutShort}, "its answer was cut off", 0},
		"refuses":          {[]string{`{"error":"this node stops","code":"unavailable"}`, theEnd}, "", 0},
		"refuses, is cut":  {[]string{`{"error":"this node stops","code":"unavailable"}`, cutShort}, "", 0},
		"half a last line": {[]string{`{"error":"this`, cutShort}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			x := newStreams()
			c := x.client(t, client.Options{SilenceMax: test.silence})
			x.open(t, c)
			before := x.singles.Load()
			const writers = 10
			ended := make(chan outcome, writers)
			for range writers {
				go func() {
					results, err := writeOne(t.Context(), c, "a")
					ended <- outcome{"a", results, err}
				}()
			}
			for range writers {
				<-x.lines
			}
			for _, text := range test.says {
				x.say <- text
			}
			for range writers {
				o := <-ended
				switch isUnknown := test.words != ""; {
				case isUnknown && (!errors.Is(o.err, client.ErrUnreachable) || !strings.Contains(o.err.Error(), test.words)):
					t.Errorf("%+v, %v; want it unknown, for %q", o.results, o.err, test.words)
				case !isUnknown && (o.err != nil || o.results.Token != "of a request"):
					t.Errorf("%+v, %v; want it carried out elsewhere", o.results, o.err)
				}
			}
			if got := x.singles.Load() - before; test.words != "" && got != 0 {
				t.Errorf("%d were written twice", got)
			}
			for x.running.Load() > 0 {
				time.Sleep(time.Millisecond)
			}
			x.open(t, c) // another one
		})
	}
}

// TestClient_Write_NobodyTakesTheBody: the transport may drop the body of who
// was not told to go on; then writes go as requests, and none waits.
func TestClient_Write_NobodyTakesTheBody(t *testing.T) {
	x := newStreams()
	x.isCurt = true
	c := x.client(t, client.Options{})
	go func() {
		for {
			select {
			case line := <-x.lines:
				x.say <- answerTo(line)
			case <-t.Context().Done():
				return
			}
		}
	}()
	for x.opened.Load() == 0 {
		if _, err := writeOne(t.Context(), c, "a"); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	for range 200 {
		if _, err := writeOne(t.Context(), c, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("writes waited for %s", took)
	}
}

// TestClient_Write_ContextEnds: who gives up hurts nobody else.
func TestClient_Write_ContextEnds(t *testing.T) {
	x := newStreams()
	c := x.client(t, client.Options{})
	x.open(t, c)
	ctx, leave := context.WithCancel(t.Context())
	gone, stays := make(chan error, 1), make(chan error, 1)
	go func() { _, err := writeOne(ctx, c, "gone"); gone <- err }()
	abandoned := <-x.lines
	go func() { _, err := writeOne(t.Context(), c, "stays"); stays <- err }()
	kept := <-x.lines
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrUnreachable) {
		t.Errorf("who gave up: %v", err)
	}
	x.say <- answerTo(abandoned)
	x.say <- answerTo(kept)
	if err := <-stays; err != nil {
		t.Errorf("who stayed: %v", err)
	}
	if _, err := writeOne(ctx, c, "never"); !errors.Is(err, context.Canceled) || len(x.lines) != 0 {
		t.Errorf("after the end of its context: %v, %d lines", err, len(x.lines))
	}
}

// TestClient_Write_AnswersWhoGaveUp: an answer that nobody waits for any more
// is not taken for that of the next line, nor is what it was refused for.
func TestClient_Write_AnswersWhoGaveUp(t *testing.T) {
	x := newStreams()
	c := x.client(t, client.Options{})
	x.open(t, c)
	hasty := c.NewWriter(client.WriterOptions{Timeout: time.Millisecond})
	for i := range 20 {
		if _, err := hasty.Write(t.Context(), batchOf("default", "gone")); !errors.Is(err, client.ErrOutcome) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("who ran out of time: %v", err)
		}
		abandoned, stays := <-x.lines, make(chan wire.Results, 1)
		go func() {
			r, err := writeOne(t.Context(), c, fmt.Sprint(i))
			if err != nil {
				t.Errorf("who stayed: %v", err)
			}
			stays <- r
		}()
		kept := <-x.lines
		x.say <- fmt.Sprintf(`{"ref":%d,"results":[],"error":"late","code":"unavailable"}`, abandoned.Ref)
		x.say <- answerTo(kept)
		if r := <-stays; r.Token != wire.Token("of "+fmt.Sprint(i)) {
			t.Errorf("who stayed has the answer %+v", r)
		}
	}
}

// TestClient_Write_NewerNode: an answer with what is not known here is read as
// well, and has nothing of the one before.
func TestClient_Write_NewerNode(t *testing.T) {
	x := newStreams()
	c := x.client(t, client.Options{})
	x.open(t, c)
	ended := make(chan wire.Results, 1)
	go func() {
		r, err := writeOne(t.Context(), c, "a")
		if err != nil {
			t.Error(err)
		}
		ended <- r
	}()
	x.say <- fmt.Sprintf(`{"ref":%d,"results":[],"since":1}`, (<-x.lines).Ref)
	if r := <-ended; r.Token != "" || len(r.Results) != 0 {
		t.Errorf("the answer is %+v", r)
	}
}

// TestClient_Close_EndsTheStream: at once if nobody waits, else when everybody
// has an answer; later writes go as requests.
func TestClient_Close_EndsTheStream(t *testing.T) {
	x := newStreams()
	c := x.client(t, client.Options{})
	x.open(t, c)
	ended := make(chan error, 1)
	go func() { _, err := writeOne(t.Context(), c, "a"); ended <- err }()
	line := <-x.lines
	c.Close()
	if r, err := writeOne(t.Context(), c, "b"); err != nil || r.Token != "of a request" {
		t.Errorf("after Close: %+v, %v", r, err)
	}
	x.say <- answerTo(line)
	if err := <-ended; err != nil {
		t.Errorf("under way at Close: %v", err)
	}
	for x.running.Load() > 0 { // else it may take what is said to the next
		time.Sleep(time.Millisecond)
	}
	idle := x.client(t, client.Options{})
	x.open(t, idle)
	idle.Close()
	idle.Close()
}

// TestClient_Write_ManyAtOnce holds the stream under load: every answer finds
// its writer.
func TestClient_Write_ManyAtOnce(t *testing.T) {
	x := newStreams()
	c := x.client(t, client.Options{})
	x.open(t, c)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case line := <-x.lines:
				x.say <- answerTo(line)
			case <-done:
				return
			}
		}
	}()
	var writing sync.WaitGroup
	for w := range 50 {
		writing.Go(func() {
			for i := range 40 {
				from := fmt.Sprint(w, ".", i)
				if r, err := writeOne(t.Context(), c, from); err != nil || r.Token != wire.Token("of "+from) {
					t.Errorf("%s: %+v, %v", from, r, err)
				}
			}
		})
	}
	writing.Wait()
	close(done)
	if x.opened.Load() != 1 {
		t.Errorf("%d streams", x.opened.Load())
	}
}
