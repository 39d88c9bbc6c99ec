package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

// TestServer_OpsStream_Several_EachBatchHasItsOwnPart: what is wrong with a batch
// harms no other of its line, and the token names what all have done.
func TestServer_OpsStream_Several_EachBatchHasItsOwnPart(t *testing.T) {
	s := serve(t, api.Options{})
	x := s.stream(t)
	x.send(`{"ref":5,"batches":[` +
		`{"ops":[{"op":"register","from":"a","to":"b"}]},` +
		`{"ops":[{"op":"decrease","from":"x","to":"y","by":1}]},` +
		`{"ops":[]},` +
		`{"ops":[{"op":"register","from":"c","to":"d"},{"op":"split"}]},` +
		`{"ops":[{"op":"register","from":"c","to":"d"}],"id":"` + strings.Repeat("x", 256) + `"},` +
		`{"ops":[{"op":"increase","from":"e","to":"f","by":3}],"id":"once"},` +
		`{"ops":[{"op":"increase","from":"e","to":"f","by":3}],"id":"once"},` +
		`{"ops":[{"op":"increase","from":"e","to":"f","by":4}],"id":"once"},` +
		`{"ops":[{"op":"register","from":"g","to":"h"},{"op":"increase","from":"g","to":"h","by":1}]}]}`)
	a := x.answer()
	wants := []struct {
		words    string
		code     wire.Code
		priority int64
	}{
		{priority: 1},
		{"decrease default:[x, y) of n1", wire.CodeNotFound, 0},
		{"no operations", wire.CodeInvalid, 0},
		{"operation 2 of 2", wire.CodeInvalid, 0},
		{"256 bytes", wire.CodeInvalid, 0},
		{priority: 3},
		{priority: 3},
		{"was used for other operations", wire.CodeConflict, 0},
		{priority: 2},
	}
	if a.Ref != 5 || len(a.Batches) != len(wants) || a.Results != nil || a.Err() != nil || a.Token == "" {
		t.Fatalf("the answer is %+v", a)
	}
	for i, want := range wants {
		got := a.Batches[i]
		switch err := got.Err(); {
		case want.code == "" && (err != nil || got.Results[len(got.Results)-1].Priority != want.priority || got.Token != ""):
			t.Errorf("batch %d: %+v", i, got)
		case want.code != "" && (wire.CodeOf(err) != want.code || !strings.Contains(err.Error(), want.words) || len(got.Results) != 0):
			t.Errorf("batch %d: %+v, want %s with %q", i, got, want.code, want.words)
		}
	}
	if a.Batches[5].ID != "once" || a.Batches[7].ID != "once" || a.Batches[0].ID != "" {
		t.Errorf("the ids are not repeated: %+v", a.Batches)
	}
	waited, err := s.Wait(t.Context(), a.Token, client.WriteOptions{})
	if err != nil || fmt.Sprint(waited.OnDisk) != "[n1]" {
		t.Errorf("the token: %+v, %v", waited, err)
	}
	x.body.Close()
	if last := x.next(); last != "" {
		t.Errorf("after the last answer comes %s", last)
	}
	if _, text := s.ask(t, "GET", "/metrics", ""); !strings.Contains(text, `ssnode_http_stream_lines_total{code="ok"} 4`) || !strings.Contains(text, `ssnode_http_stream_lines_total{code="invalid"} 3`) {
		t.Error("the metrics do not tell of the batches")
	}
	s.awaitIdle(t)
}

// TestServer_OpsStream_Several_RefusedAsAWhole: a line that is none, or larger than
// may be, is refused by its number, and others go on.
func TestServer_OpsStream_Several_RefusedAsAWhole(t *testing.T) {
	s := serve(t, api.Options{})
	x := s.stream(t)
	one := `{"ops":[{"op":"register","from":"a","to":"b"}]}`
	for line, want := range map[string]string{
		`"batches":[]`:                                           "no batches",
		`"batches":[` + one + `],"ops":[]`:                       `beside \"ops\"`,
		`"batches":[` + one + `],"id":"x"`:                       `beside \"ops\" or \"id\"`,
		`"batches":[` + one + `,{"op":1}]`:                       "is not known here",
		`"batches":[` + one + `,7]`:                              "give an object",
		`"batches":[` + strings.Repeat(one+",", 256) + one + `]`: "257 batches, at most 256",
	} {
		x.send(`{"ref":3,` + line + `}`)
		if got := x.next(); !strings.HasPrefix(got, `{"ref":3,`) || !strings.Contains(got, `"results":[],"error":`) || !strings.Contains(got, want) {
			t.Errorf("%.60s is answered %s, want %q", line, got, want)
		}
	}
	x.send(`{"ref":4,"batches":[` + strings.Repeat(one+",", 255) + one + `]}`)
	if a := x.answer(); len(a.Batches) != 256 || a.Batches[255].Err() != nil {
		t.Errorf("256 batches: %+v", a)
	}
	if claims, err := s.Claims(t.Context(), client.Query{Keyspace: "default"}); err != nil || len(claims.Claims) != 1 {
		t.Errorf("claims are %+v, %v", claims.Claims, err)
	}
}

// TestServer_OpsStream_Several_ManyAtOnce has more under way than may be, in lines
// of any number.
func TestServer_OpsStream_Several_ManyAtOnce(t *testing.T) {
	s := serve(t, api.Options{})
	x := s.stream(t)
	sizes := []int{1, 100, 7, 256, 30}
	var lines []string
	for i := range 60 {
		line := wire.OpsLine{Ref: int64(i)}
		for j := range sizes[i%len(sizes)] {
			key := fmt.Sprintf("%03d-%03d", i, j)
			line.Batches = append(line.Batches, wire.Batch{Ops: wire.List[wire.Operation]{{Op: wire.OpRegister, Bounds: bounds(key, key+"~")}}})
		}
		lines = append(lines, string(line.Append(nil)))
	}
	go func() {
		_, _ = io.WriteString(x.body, strings.Join(lines, "\n"))
		x.body.Close()
	}()
	total := 0
	for range lines {
		a := x.answer()
		if len(a.Batches) != sizes[int(a.Ref)%len(sizes)] {
			t.Fatalf("%+v", a)
		}
		for j, part := range a.Batches {
			if want := fmt.Sprintf("%03d-%03d", a.Ref, j); part.Err() != nil || part.Results[0].From != want {
				t.Fatalf("line %d, batch %d: %+v", a.Ref, j, part)
			}
		}
		total += len(a.Batches)
	}
	if last := x.next(); last != "" {
		t.Errorf("after all answers comes %s", last)
	}
	if status, err := s.node.Status(); err != nil || status.Claims != total {
		t.Errorf("%d batches were answered, %d carried out, %v", total, status.Claims, err)
	}
}

// TestServer_OpsStream_Several_Shutdown: each batch of a line says for itself
// whether it was carried out.
func TestServer_OpsStream_Several_Shutdown(t *testing.T) {
	s := serve(t, api.Options{})
	x := s.stream(t)
	for i := range 100 {
		x.send(fmt.Sprintf(`{"ref":%d,"batches":[{"ops":[{"op":"register","from":"a%03[1]d"}]},{"ops":[{"op":"register","from":"b%03[1]d"}]}]}`, i))
	}
	first := x.answer()
	stopped := make(chan error, 1)
	go func() { stopped <- s.server.Shutdown(context.Background()) }()
	answered := 0
	count := func(a wire.OpsAnswer) {
		for _, part := range a.Batches {
			if part.Err() == nil {
				answered++
			}
		}
	}
	for count(first); ; {
		line := x.next()
		if strings.HasPrefix(line, `{"error":`) {
			break
		}
		var a wire.OpsAnswer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%q instead of a last line", line)
		}
		count(a)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if status, err := s.node.Status(); err != nil || status.Claims != answered {
		t.Errorf("%d batches were answered, %d carried out, %v", answered, status.Claims, err)
	}
}

// TestWriter_Write_ToANode: many writers of a Go client share lines, and the claim
// shows what each was told.
func TestWriter_Write_ToANode(t *testing.T) {
	const writers, each = 30, 40
	s := serve(t, api.Options{})
	w := s.NewWriter(client.WriterOptions{})
	var running sync.WaitGroup
	for i := range writers {
		running.Go(func() {
			key := fmt.Sprintf("%03d", i)
			for n := range int64(each) {
				op := wire.Operation{Op: wire.OpIncrease, Bounds: bounds(key, key+"~"), By: new(int64(1))}
				r, err := w.Write(t.Context(), wire.Batch{Ops: wire.List[wire.Operation]{op}})
				if err != nil || r.Results[0].From != key || r.Results[0].Priority != n+1 {
					t.Errorf("%s, the %dth: %+v, %v", key, n+1, r, err)
				}
				if n == each-1 {
					if lookup, err := s.Lookup(t.Context(), "default", key, r.Token); err != nil || lookup.Servers[0].Priority != each {
						t.Errorf("%s shows %+v, %v", key, lookup, err)
					}
				}
			}
		})
	}
	running.Wait()
	w.Close()
}
