package api_test

import (
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

// TestServer_Ops_Refusals holds that what is wrong is named, and that nothing
// of such a request is carried out.
func TestServer_Ops_Refusals(t *testing.T) {
	s := serve(t, api.Options{})
	key := func(n int) string { return strings.Repeat("k", n) }
	many := strings.Repeat(`{"op":"register"},`, wire.OperationsMax)
	tests := map[string]struct {
		body, words string
		status      int
		code        wire.Code
	}{
		"nothing":            {``, "no operations", 400, wire.CodeInvalid},
		"an empty object":    {`{}`, "no operations", 400, wire.CodeInvalid},
		"no operations":      {`{"ops":[]}`, "no operations", 400, wire.CodeInvalid},
		"no batches":         {`{"batches":[]}`, "no batches", 400, wire.CodeInvalid},
		"both":               {`{"ops":[{"op":"register"}],"batches":[{"ops":[{"op":"register"}]}]}`, "both", 400, wire.CodeInvalid},
		"no JSON":            {`{"ops":[`, "", 400, wire.CodeInvalid},
		"more than JSON":     {`{"ops":[{"op":"register"}]} {}`, "more after", 400, wire.CodeInvalid},
		"an unknown field":   {`{"ops":[{"op":"register","prio":3}]}`, "prio", 400, wire.CodeInvalid},
		"another case":       {`{"ops":[{"OP":"register"}]}`, "OP", 400, wire.CodeInvalid},
		"a wrong type":       {`{"ops":[{"op":"register","priority":"3"}]}`, "priority", 400, wire.CodeInvalid},
		"a fraction":         {`{"ops":[{"op":"register","priority":1.5}]}`, "priority", 400, wire.CodeInvalid},
		"no op":              {`{"ops":[{"from":"a"}]}`, `"op"`, 400, wire.CodeInvalid},
		"an unknown op":      {`{"ops":[{"op":"split"}]}`, `unknown "op" "split"`, 400, wire.CodeInvalid},
		"a misplaced field":  {`{"ops":[{"op":"release","by":3}]}`, `"by" does not belong to release`, 400, wire.CodeInvalid},
		"no amount":          {`{"ops":[{"op":"increase"}]}`, `"by"`, 400, wire.CodeInvalid},
		"an amount of 2^31":  {`{"ops":[{"op":"increase","by":2147483648}]}`, "2147483648", 400, wire.CodeInvalid},
		"an amount of 0":     {`{"ops":[{"op":"register","priority":0}]}`, "from 1", 400, wire.CodeInvalid},
		"a key of 5 KiB":     {`{"ops":[{"op":"register","from":"` + key(5120) + `"}]}`, "5120 bytes", 400, wire.CodeInvalid},
		"an empty to":        {`{"ops":[{"op":"register","to":""}]}`, "empty key", 400, wire.CodeInvalid},
		"a reversed range":   {`{"ops":[{"op":"register","from":"b","to":"a"}]}`, "reversed", 400, wire.CodeInvalid},
		"a bad node":         {`{"ops":[{"op":"register","node":"a b"}]}`, "node name", 400, wire.CodeInvalid},
		"a bad keyspace":     {`{"ops":[{"op":"register","keyspace":"a:b"}]}`, "keyspace name", 400, wire.CodeInvalid},
		"a tighten outside":  {`{"ops":[{"op":"tighten","from":"a","to":"m","new_to":"z"}]}`, "smaller part", 400, wire.CodeInvalid},
		"a bad wait":         {`{"ops":[{"op":"register"}],"wait":"some"}`, "number of members", 400, wire.CodeInvalid},
		"a bad timeout":      {`{"ops":[{"op":"register"}],"timeout":"soon"}`, `"timeout"`, 400, wire.CodeInvalid},
		"a long timeout":     {`{"ops":[{"op":"register"}],"timeout":"11m"}`, `"timeout"`, 400, wire.CodeInvalid},
		"10,001 operations":  {`{"ops":[` + many + `{"op":"register"}]}`, "10001 operations", 413, wire.CodeTooLarge},
		"the second of two":  {`{"ops":[{"op":"register"},{"op":"decrease","from":"x","by":1}]}`, "operation 2 of 2, decrease default:[x, +inf) of n1: not found", 404, wire.CodeNotFound},
		"not there":          {`{"ops":[{"op":"increase","by":1,"if_visible":true}]}`, "not found", 404, wire.CodeNotFound},
		"ids that repeat":    {`{"batches":[{"id":"x","ops":[{"op":"register"}]},{"id":"x","ops":[{"op":"register"}]}]}`, "same \"id\"", 400, wire.CodeInvalid},
		"an id of 256 bytes": {`{"batches":[{"id":"` + key(256) + `","ops":[{"op":"register"}]}]}`, "256 bytes", 400, wire.CodeInvalid},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s.refused(t, "POST", "/v1/ops", test.body, test.status, test.code, test.words)
		})
	}
	if claims, err := s.Claims(t.Context(), client.Query{AllKeyspaces: true}); err != nil || len(claims.Claims) != 0 {
		t.Errorf("%v %v, want no claims", claims, err)
	}
}

func TestServer_Ops_BodyBeyondTheLimit_IsTooLarge(t *testing.T) {
	s := serve(t, api.Options{})
	s.refused(t, "POST", "/v1/ops", strings.Repeat(" ", wire.BodyBytesMax+1), 413, wire.CodeTooLarge, "smaller parts")
	// The same without a length said beforehand.
	r := s.send(t, "POST", "/v1/ops", &endless{left: wire.BodyBytesMax + 1})
	r.Body.Close()
	if r.StatusCode != 413 {
		t.Errorf("streamed: %d", r.StatusCode)
	}
}

// endless is so many spaces.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	n := min(len(p), e.left)
	e.left -= n
	for i := range n {
		p[i] = ' '
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestServer_Ops_Gap_IsAConflict(t *testing.T) {
	s := serve(t, api.Options{})
	s.register(t, "default", "n1", "a", "m")
	s.refused(t, "POST", "/v1/ops", `{"ops":[{"op":"tighten","from":"a","to":"m","new_to":"c"}]}`, 409, wire.CodeConflict, "would leave a gap")
	status, text := s.ask(t, "POST", "/v1/ops", `{"ops":[{"op":"tighten","from":"a","to":"m","new_to":"c","allow_gap":true}]}`)
	if status != 200 || !strings.Contains(text, `"new_to":"c","allow_gap":true,"changed":true,"priority":1}`) {
		t.Errorf("%d %s", status, text)
	}
}

func batch(id string, by int64) wire.Batch {
	return wire.Batch{ID: id, Ops: []wire.Operation{{Op: wire.OpIncrease, By: &by}}}
}

func (s *served) priority(t *testing.T) int64 {
	t.Helper()
	found, err := s.Lookup(t.Context(), "", "foo", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Servers) == 0 {
		return 0
	}
	return found.Servers[0].Priority
}

// TestServer_Ops_IDSeenBefore_IsAnsweredNotApplied is what lets a client that
// heard no answer ask again.
func TestServer_Ops_IDSeenBefore_IsAnsweredNotApplied(t *testing.T) {
	s := serve(t, api.Options{})
	var answers []wire.BatchResults
	for range 3 {
		r, err := s.WriteBatches(t.Context(), []wire.Batch{batch("x", 5)}, client.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, r)
	}
	if got := s.priority(t); got != 5 {
		t.Errorf("the priority is %d, want 5: the batch was applied more than once", got)
	}
	for _, a := range answers {
		if first, again := wireText(t, answers[0]), wireText(t, a); first != again || a.Batches[0].Token == "" {
			t.Errorf("answered %s, then %s", first, again)
		}
	}
	other, err := s.WriteBatches(t.Context(), []wire.Batch{batch("x", 6)}, client.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if other.Batches[0].Code != wire.CodeConflict {
		t.Errorf("the id of another batch: %+v", other.Batches[0])
	}
	if got := s.priority(t); got != 5 {
		t.Errorf("the priority is %d, want 5", got)
	}
}

func TestServer_Ops_SameIDAtOnce_IsAppliedOnce(t *testing.T) {
	s := serve(t, api.Options{})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			r, err := s.WriteBatches(t.Context(), []wire.Batch{batch("x", 5), batch("", 1)}, client.WriteOptions{})
			if err != nil || r.Batches[0].Err() != nil || r.Batches[0].Results[0].Priority < 5 {
				t.Errorf("%+v %v", r, err)
			}
		})
	}
	all.Wait()
	if got := s.priority(t); got != 25 {
		t.Errorf("the priority is %d, want 5 once and 1 twenty times", got)
	}
}

func TestServer_Ops_RefusedBatch_MayBeSentAgain(t *testing.T) {
	s := serve(t, api.Options{})
	by := int64(1)
	decrease := wire.Batch{ID: "x", Ops: []wire.Operation{{Op: wire.OpDecrease, By: &by}}}
	send := func(b wire.Batch) wire.BatchResult {
		r, err := s.WriteBatches(t.Context(), []wire.Batch{b}, client.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Batches[0]
	}
	if r := send(decrease); r.Code != wire.CodeNotFound {
		t.Errorf("before the claim is there: %+v", r)
	}
	if r := send(batch("y", 3)); r.Err() != nil || r.ID != "y" {
		t.Errorf("the claim: %+v", r)
	}
	if r := send(decrease); r.Err() != nil || r.Results[0].Priority != 2 {
		t.Errorf("afterwards: %+v", r)
	}
}

// TestServer_Ops_OneBatchFails_OthersDoNot holds that batches of one request
// share nothing but the request.
func TestServer_Ops_OneBatchFails_OthersDoNot(t *testing.T) {
	s := serve(t, api.Options{})
	by, none := int64(1), int64(0)
	r, err := s.WriteBatches(t.Context(), []wire.Batch{
		{Ops: []wire.Operation{{Op: wire.OpRegister}, {Op: wire.OpDecrease, Bounds: bounds("x", "y"), By: &by}}},
		{Ops: []wire.Operation{{Op: wire.OpRegister, Bounds: bounds("a", "m")}}},
		{Ops: []wire.Operation{{Op: wire.OpRegister, Priority: &none}}},
	}, client.WriteOptions{Wait: wire.MemberCount{All: true}})
	if err != nil {
		t.Fatal(err)
	}
	if got := []wire.Code{r.Batches[0].Code, r.Batches[1].Code, r.Batches[2].Code}; got[0] != wire.CodeNotFound || got[1] != "" || got[2] != wire.CodeInvalid {
		t.Errorf("the codes are %q", got)
	}
	if r.Token != r.Batches[1].Token || len(r.OnDisk) != 1 || len(r.Missing) != 0 {
		t.Errorf("%+v", r)
	}
	if claims, err := s.Claims(t.Context(), client.Query{}); err != nil || len(claims.Claims) != 1 || claims.Claims[0].From != "a" {
		t.Errorf("%+v %v, want the claim of the second batch alone", claims, err)
	}
}

// TestServer_Wait_IncompleteIsNeverWithoutMissing waits for more members than
// there are: who looks at "missing" must not take that for done.
func TestServer_Wait_IncompleteIsNeverWithoutMissing(t *testing.T) {
	s := serve(t, api.Options{})
	const incomplete, complete = `"on_disk":["n1"],"missing":["(98 unknown members)"],"needed":99}`, `"on_disk":["n1"],"missing":[]}`
	const op = `{"op":"register","from":"a","to":"b"}`
	token := string(s.register(t, "default", "n1", "c", "d").Token)
	for _, test := range []struct{ path, body, want string }{
		{"/v1/ops", `{"ops":[` + op + `],"wait":99,"timeout":"1ms"}`, incomplete},
		{"/v1/ops", `{"batches":[{"ops":[` + op + `]}],"wait":99,"timeout":"1ms"}`, incomplete},
		{"/v1/wait", `{"token":"` + token + `","members":99,"timeout":"1ms"}`, incomplete},
		{"/v1/wait", `{"token":"` + token + `","members":2,"timeout":"1ms"}`, `"missing":["(1 unknown member)"],"needed":2}`},
		{"/v1/ops", `{"ops":[` + op + `]}`, complete},
		{"/v1/ops", `{"ops":[` + op + `],"wait":1}`, complete},
		{"/v1/ops", `{"ops":[` + op + `],"wait":"all"}`, `"missing":[],"needed":1}`},
	} {
		if status, text := s.ask(t, "POST", test.path, test.body); status != 200 || !strings.HasSuffix(text, test.want) {
			t.Errorf("%s %s: %d %s, want …%s", test.path, test.body, status, text, test.want)
		}
	}
}

func TestServer_Wait_NamesWhoIsMissing(t *testing.T) {
	s := serve(t, api.Options{WaitTimeout: time.Hour}) // of a wait that names none
	began := time.Now()
	r, err := s.Write(t.Context(), []wire.Operation{{Op: wire.OpRegister}}, client.WriteOptions{Wait: wire.MemberCount{N: 2}, Timeout: 50 * time.Millisecond})
	if err != nil || len(r.OnDisk) != 1 || r.OnDisk[0] != "n1" {
		t.Errorf("%+v %v", r, err)
	}
	if took := time.Since(began); took < 50*time.Millisecond || took > time.Minute {
		t.Errorf("it took %s", took)
	}
	w, err := s.Wait(t.Context(), r.Token, client.WriteOptions{Wait: wire.MemberCount{All: true}})
	if err != nil || len(w.OnDisk) != 1 || len(w.Missing) != 0 || w.Token != r.Token {
		t.Errorf("%+v %v", w, err)
	}
	status, text := s.ask(t, "GET", "/v1/wait?members=all&timeout=1s&token="+string(r.Token), "")
	if status != 200 || !strings.Contains(text, `"on_disk":["n1"],"missing":[],"needed":1}`) {
		t.Errorf("%d %s", status, text)
	}
	s.refused(t, "GET", "/v1/wait", "", 400, wire.CodeInvalid, `no "token"`)
	s.refused(t, "GET", "/v1/wait?token=zzz", "", 400, wire.CodeInvalid, "token")
	s.refused(t, "GET", "/v1/wait?token="+string(r.Token)+"&members=few", "", 400, wire.CodeInvalid, "number of members")
	s.refused(t, "POST", "/v1/wait", `{"tokens":"x"}`, 400, wire.CodeInvalid, "tokens")
}
