package ranges

import "slices"

// Sweep derives the subranges of one keyspace from its claims: what Index and
// Table do at scale, said as simply as it can be. The claims may come in any
// order; their keyspace is not looked at.
//
// What it returns:
//
//	S1  tiles the key space: the first subrange begins at "", every next one
//	    where the one before ends, and the last is unbounded;
//	S2  is maximal: neighbours have different server lists;
//	S3  lists for every key exactly the nodes whose claims contain it, each
//	    once, with the largest priority of its claims, in Server order.
//
// O(b·k·log k) for b distinct bounds and at most k claims over one key.
func Sweep(claims []Weighted) []Subrange {
	claims = slices.SortedFunc(slices.Values(claims), func(a, b Weighted) int {
		return a.Range.Compare(b.Range)
	})
	var out []Subrange
	var active []Weighted
	next := 0
	for _, from := range bounds(claims) {
		active = slices.DeleteFunc(active, func(c Weighted) bool { return !c.Range.To.After(from) })
		for next < len(claims) && claims[next].Range.From == from {
			active = append(active, claims[next])
			next++
		}
		out = appendSubrange(out, from, serversOf(active))
	}
	return out
}

// bounds returns the beginning of the key space and every key at which some
// claim begins or ends, ascending.
func bounds(claims []Weighted) []string {
	out := []string{""}
	for _, c := range claims {
		out = append(out, c.Range.From)
		if !c.Range.To.Unbounded {
			out = append(out, c.Range.To.Key)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// serversOf returns the server list of a key contained in exactly these
// claims.
func serversOf(claims []Weighted) []Server {
	highest := make(map[string]int64, len(claims))
	for _, c := range claims {
		highest[c.Node] = max(highest[c.Node], c.Priority)
	}
	var out []Server
	for node, priority := range highest {
		out = append(out, Server{Node: node, Priority: priority})
	}
	slices.SortFunc(out, Server.Compare)
	return out
}

// appendSubrange ends the last subrange at from and begins a new one there,
// unless that would have the same servers.
func appendSubrange(out []Subrange, from string, servers []Server) []Subrange {
	if n := len(out); n > 0 {
		if slices.Equal(out[n-1].Servers, servers) {
			return out
		}
		out[n-1].Range.To = Before(from)
	}
	return append(out, Subrange{Range: Range{From: from, To: Unbounded()}, Servers: servers})
}
