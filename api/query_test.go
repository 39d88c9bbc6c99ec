package api

import (
	"net/url"
	"testing"
)

func TestQuery_Done_UnknownParameter(t *testing.T) {
	q := &query{values: url.Values{"x": {"1"}}}
	if err := q.done(); err == nil || err.Error() != `unknown parameter "x": this takes no parameters` {
		t.Errorf("where there are none: %v", err)
	}
	q.known = []string{"from", "to"}
	if err := q.done(); err == nil || err.Error() != `unknown parameter "x": here are from, to` {
		t.Errorf("where there are two: %v", err)
	}
}
