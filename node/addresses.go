package node

import (
	"net/netip"
	"slices"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/delta"
)

// addressesMax bounds the gossip addresses that are remembered.
const addressesMax = 1000

// addresses are where members were met.
//
// An address is dropped when its owner is met at another one, has left, or was
// forgotten: an address of nobody would be tried for ever.
type addresses struct {
	// remembered are those on disk, ascending.
	remembered []string
	// owners maps addresses to the names of members that were met there, as
	// far as known.
	owners map[string]string
	// self are addresses that turned out to be this node's own, and where nobody else
	// was met since.
	self map[string]bool
}

func newAddresses(remembered []string, nodes []delta.NodeRecord) addresses {
	a := addresses{remembered: remembered, owners: map[string]string{}, self: map[string]bool{}}
	for _, n := range nodes {
		if n.Gossip != "" {
			a.owners[n.Gossip] = n.Name
		}
	}
	return a
}

func (a *addresses) areSelf(address string) { a.self[address] = true }

// areOthers notes that others were met at an address.
func (a *addresses) areOthers(address string) { delete(a.self, address) }

// ownNames returns the configured addresses that turned out to be this node's own, and
// may stand for others by now, ascending: those with a name.
func (a *addresses) ownNames(configured []string) []string {
	return slices.DeleteFunc(slices.Sorted(slices.Values(configured)), func(address string) bool {
		_, err := netip.ParseAddrPort(address)
		return err == nil || !a.self[address]
	})
}

// after returns what is to be remembered now that these are the members, nil
// if that is no change.
func (a *addresses) after(members []gossip.Member, isRetired func(string) bool) []string {
	here, left := map[string]string{}, map[string]bool{}
	for _, m := range members {
		if m.Reachable() {
			here[m.Name] = m.Gossip
			a.owners[m.Gossip] = m.Name
		}
		left[m.Name] = m.Liveness == gossip.Left
	}
	next := slices.DeleteFunc(slices.Clone(a.remembered), func(address string) bool {
		owner, known := a.owners[address]
		if !known {
			return false
		}
		at, isHere := here[owner]
		return isHere && at != address || left[owner] || isRetired(owner)
	})
	for _, address := range here {
		if !slices.Contains(next, address) {
			next = append(next, address)
		}
	}
	next = bounded(next, here)
	slices.Sort(next)
	if slices.Equal(next, a.remembered) {
		return nil
	}
	return next
}

// bounded keeps as many addresses as may be remembered, those first at which
// somebody is now.
func bounded(list []string, here map[string]string) []string {
	if len(list) <= addressesMax {
		return list
	}
	present := map[string]bool{}
	for _, address := range here {
		present[address] = true
	}
	slices.SortStableFunc(list, func(x, y string) int {
		switch {
		case present[x] == present[y]:
			return 0
		case present[x]:
			return -1
		}
		return +1
	})
	return list[:addressesMax]
}

// missing returns the addresses, configured or remembered, at which no member
// is listed as reachable, ascending.
func (a *addresses) missing(configured []string, members []gossip.Member) []string {
	present := map[string]bool{}
	for _, m := range members {
		if m.Self || m.Reachable() || m.Liveness == gossip.Left {
			present[m.Gossip] = true
		}
	}
	wanted := slices.Concat(configured, a.remembered)
	slices.Sort(wanted)
	return slices.DeleteFunc(slices.Compact(wanted), func(address string) bool {
		return present[address] || a.self[address]
	})
}
