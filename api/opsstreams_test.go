package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/scalesmall/ssnode/api"
	"github.com/scalesmall/ssnode/wire"
)

// lineOf returns the line of a place, and a part of its answer, with which no
// other line of any stream is answered.
func lineOf(stream string, place int) (line, part string) {
	key := fmt.Sprintf("%s-%d", stream, place)
	switch place % 8 {
	case 0: // in words that are read elsewhere
		return fmt.Sprintf(`{"ops":[{"op":"register", "from":%q,"to":"z"}],"ref":%d}`, key, place), `"from":"` + key + `"`
	case 1:
		return fmt.Sprintf(`{"ref":%d,"ops":[{"op":"register","from":%q}],"id":%q}`, place, key, key), `"id":"` + key + `"`
	case 2:
		return fmt.Sprintf(`{"ref":%d,"ops":[{"op":"decrease","from":%q,"by":1}]}`, place, key), "decrease default:[" + key + ", +inf) of n1: not found"
	case 3:
		return fmt.Sprintf(`{"ref":%d,"ops":[{"op":"register","from":"a"},{"op":"release","from":%q,"by":1}]}`, place, key), "operation 2 of 2, release default:[" + key
	case 4: // of which every stream has one
		return fmt.Sprintf(`{"ref":%d,"ops":[{"op":"register","from":"of %d"}],"id":"of %[1]d"}`, place, place), fmt.Sprintf(`"id":"of %d"`, place)
	case 5: // several batches, the last of which have the same id
		more := strings.Repeat(fmt.Sprintf(`,{"ops":[{"op":"register","from":%q}],"id":%[1]q}`, key), place%30)
		return fmt.Sprintf(`{"ref":%d,"batches":[{"ops":[{"op":"decrease","from":%q,"by":1}]}%s]}`, place, key, more), "decrease default:[" + key + ", +inf) of n1: not found"
	case 6: // in words that are read elsewhere
		return fmt.Sprintf(`{"batches":[{"ops":[{"op":"register","node":%q,"from":"b"}]},{"ops":[]}], "ref":%d}`, key, place), `"node":"` + key + `"`
	}
	more := strings.Repeat(fmt.Sprintf(`,{"op":"register","keyspace":"k","from":%q}`, key), place%20)
	return fmt.Sprintf(`{"ref":%d,"ops":[{"op":"register","node":%q}%s]}`, place, key, more), `"node":"` + key + `"`
}

// TestServer_OpsStream_ManyStreams_EachHearsItsOwn: the memory of a line serves
// those of all streams, one after the other (L1), also when a client goes away in
// the middle.
func TestServer_OpsStream_ManyStreams_EachHearsItsOwn(t *testing.T) {
	s := serve(t, api.Options{})
	var running sync.WaitGroup
	for w := range 8 {
		running.Go(func() {
			for turn := range 5 {
				writeLines(t, s, fmt.Sprintf("%d.%d", w, turn), 300, (w+turn)%3 == 0)
			}
		})
	}
	running.Wait()
}

// writeLines writes lines over a stream of its own, which it leaves halfway if it
// is cut.
func writeLines(t *testing.T, s *served, stream string, lines int, isCut bool) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all strings.Builder
	parts := make(map[int64]string, lines)
	for i := range lines {
		line, part := lineOf(stream, i)
		all.WriteString(line + "\n")
		parts[int64(i)] = part
	}
	q, err := http.NewRequestWithContext(ctx, "POST", s.url+"/v1/ops/stream", io.NopCloser(strings.NewReader(all.String())))
	if err != nil {
		t.Error(err)
		return
	}
	r, err := s.raw.Do(q)
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Body.Close()
	answers := bufio.NewScanner(r.Body)
	answers.Scan() // the opening
	for answers.Scan() {
		ref, ok := wire.RefOf(answers.Bytes())
		if part, waits := parts[ref]; !ok || !waits || !strings.Contains(answers.Text(), part) {
			t.Errorf("stream %s: %s, want one with %q", stream, answers.Text(), part)
		}
		if delete(parts, ref); isCut && len(parts) < lines/2 {
			return
		}
	}
	if len(parts) > 0 {
		t.Errorf("stream %s: %d lines have no answer, %v", stream, len(parts), answers.Err())
	}
}
