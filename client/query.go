package client

import (
	"net/url"
	"strconv"

	"github.com/scalesmall/ssnode/wire"
)

// Query chooses what a listing has. The zero value is everything of the
// keyspace "default".
type Query struct {
	// Keyspace is "default" if empty. AllKeyspaces stands in its place.
	Keyspace     string
	AllKeyspaces bool
	// Bounds are the range of keys, in text form; the zero Bounds are all.
	Bounds wire.Bounds
	// Node leaves only what belongs to one node.
	Node string
	// Limit bounds the rows, 0 for all. After continues a listing that was cut
	// by it: the Next of its answer.
	Limit int
	After string
}

func (q Query) values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("keyspace", q.Keyspace)
	set("from", q.Bounds.From)
	set("node", q.Node)
	set("after", q.After)
	if q.Bounds.To != nil {
		v.Set("to", *q.Bounds.To)
	}
	if q.AllKeyspaces {
		v.Set("all_keyspaces", "true")
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}
