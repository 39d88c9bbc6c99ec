package api

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/wire"
)

// query reads the parameters of a URL. The first thing that is wrong is kept,
// and done reports it together with parameters that nobody asked for.
type query struct {
	values url.Values
	known  []string
	err    error
}

// query parses the URL of the request.
func (e *exchange) query() *query {
	values, err := url.ParseQuery(e.r.URL.RawQuery)
	if err != nil {
		err = wire.Errorf(wire.CodeInvalid, "the query of the URL is malformed (%v): percent-encode keys and tokens", err)
	}
	return &query{values: values, err: err}
}

func (q *query) fail(err error) {
	if q.err == nil {
		q.err = err
	}
}

// all returns every value of a parameter.
func (q *query) all(name string) []string {
	q.known = append(q.known, name)
	return q.values[name]
}

// text returns the one value of a parameter, and whether it is there.
func (q *query) text(name string) (string, bool) {
	values := q.all(name)
	if len(values) > 1 {
		q.fail(wire.Errorf(wire.CodeInvalid, "the parameter %q is given %d times, give it once", name, len(values)))
	}
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

// textOr returns the value of a parameter, or what stands for it if it is not
// there.
func (q *query) textOr(name, absent string) string {
	if value, ok := q.text(name); ok {
		return value
	}
	return absent
}

func (q *query) boolean(name string) bool {
	text, ok := q.text(name)
	if !ok {
		return false
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		q.fail(wire.Errorf(wire.CodeInvalid, "the parameter %q is %q, give true or false", name, text))
	}
	return value
}

// number returns the value of a parameter between 1 and max.
func (q *query) number(name string, absent, max int) int {
	text, ok := q.text(name)
	if !ok {
		return absent
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > max {
		q.fail(wire.Errorf(wire.CodeInvalid, "the parameter %q is %q, give a number from 1 to %d", name, text, max))
	}
	return n
}

// keyspace returns the keyspace that is asked for, "" for all of them.
func (q *query) keyspace() string {
	all := q.boolean("all_keyspaces")
	name, given := q.text("keyspace")
	q.fail(validateKeyspace(name, given, all))
	return chooseKeyspace(name, all)
}

// validateKeyspace refuses a bad name, and a name beside all keyspaces.
func validateKeyspace(name string, given, all bool) error {
	switch {
	case given && all:
		return wire.Errorf(wire.CodeInvalid, "both \"keyspace\" and \"all_keyspaces\": give one of them")
	case given:
		return ranges.ValidateName("keyspace", name)
	}
	return nil
}

func chooseKeyspace(name string, all bool) string {
	switch {
	case all:
		return ""
	case name == "":
		return ranges.DefaultKeyspace
	}
	return name
}

// within returns the range that from and to say, nil if neither is there.
func (q *query) within() *ranges.Range {
	from, _ := q.text("from")
	to, bounded := q.text("to")
	b := wire.Bounds{From: from}
	if bounded {
		b.To = &to
	}
	return q.bounds(b)
}

func (q *query) bounds(b wire.Bounds) *ranges.Range {
	r, err := b.Range()
	if err != nil {
		q.fail(err)
		return nil
	}
	if r == ranges.Everything() {
		return nil
	}
	return &r
}

// nodeName returns the name of a node, "" if none is asked for.
func (q *query) nodeName() string {
	name, ok := q.text("node")
	if ok {
		q.fail(ranges.ValidateName("node", name))
	}
	return name
}

// done returns the first thing that was wrong.
func (q *query) done() error {
	if q.err != nil {
		return q.err
	}
	for _, name := range slices.Sorted(maps.Keys(q.values)) {
		switch {
		case len(q.known) == 0:
			return wire.Errorf(wire.CodeInvalid, "unknown parameter %q: this takes no parameters", name)
		case !slices.Contains(q.known, name):
			return wire.Errorf(wire.CodeInvalid, "unknown parameter %q: here are %s", name, strings.Join(q.known, ", "))
		}
	}
	return nil
}

// none refuses every parameter.
func (e *exchange) noQuery() error { return e.query().done() }
