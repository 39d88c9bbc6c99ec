package sim

import (
	"fmt"
	"slices"
	"strings"
)

// profile is a kind of trouble: how likely what is.
type profile struct {
	name                   string
	about                  string
	loss, repeat           int // percent, at most
	delayMax, diskMax      uint64
	readFails, commitFails int // percent, at most
	weights                [actions]int
	// tiny logs force range repair at any time; small options make sessions of
	// many rounds of a handful of claims.
	tinyLogs, smallOptions bool
}

var profiles = []profile{{
	name: "none", about: "only writes, over a network that orders nothing",
	delayMax: 20, diskMax: 5,
	weights: [actions]int{doWrite: 90, doAdvertise: 3, doAwait: 2},
}, {
	name: "light", about: "a little loss, delay and repetition, now and then a crash",
	loss: 5, repeat: 5, delayMax: 60, diskMax: 10, readFails: 1, commitFails: 1,
	weights: [actions]int{doWrite: 80, doAdvertise: 2, doCrash: 2, doStart: 6, doAwait: 2, doRepair: 1},
}, {
	name: "partition", about: "cuts in one direction and in two, halves with and without a bridge, swizzle",
	loss: 10, repeat: 10, delayMax: 100, diskMax: 10,
	weights: [actions]int{doWrite: 70, doCut: 8, doSplit: 5, doSwizzle: 3, doReconnect: 7, doSuspect: 3, doTrim: 3, doAwait: 1},
}, {
	name: "sessions", about: "logs of almost nothing: range repair while users write, cut and resumed",
	loss: 15, repeat: 15, delayMax: 80, diskMax: 20, readFails: 2, commitFails: 2, tinyLogs: true, smallOptions: true,
	weights: [actions]int{doWrite: 60, doTrim: 20, doRepair: 14, doPiece: 6, doCut: 3, doReconnect: 4, doCrash: 2, doStart: 5, doJoin: 1},
}, {
	name: "churn", about: "members join, leave, are restored from backups, forgotten and come back",
	loss: 15, repeat: 10, delayMax: 80, diskMax: 15, commitFails: 2, smallOptions: true,
	weights: [actions]int{doWrite: 60, doAdvertise: 4, doTrim: 8, doCrash: 5, doStart: 10, doJoin: 3, doLeave: 2, doBackup: 3, doRestore: 3, doForget: 4, doCut: 3, doReconnect: 4, doClone: 1},
}, {
	name: "identity", about: "directories rolled back behind the back of their node, lost, cloned",
	loss: 15, repeat: 10, delayMax: 60, diskMax: 15, smallOptions: true,
	weights: [actions]int{doWrite: 60, doTrim: 6, doCrash: 3, doStart: 10, doBackup: 8, doRestore: 1, doRollBack: 8, doLose: 2, doClone: 2, doCut: 2, doReconnect: 3, doRepair: 3},
}, {
	name: "heavy", about: "everything at once, but directories rolled back",
	loss: 40, repeat: 30, delayMax: 150, diskMax: 30, readFails: 5, commitFails: 7, tinyLogs: true, smallOptions: true,
	weights: [actions]int{doWrite: 64, doAdvertise: 1, doTrim: 8, doCut: 6, doSplit: 2, doSwizzle: 2, doReconnect: 6, doSuspect: 2, doCrash: 4, doStart: 6, doRepair: 5, doPiece: 3, doAwait: 1, doJoin: 2, doLeave: 1, doBackup: 1, doRestore: 1, doForget: 1, doLose: 1, doClone: 1},
}}

// Fault is a profile of faults: its name and what it is about.
type Fault struct{ Name, About string }

// Faults are the profiles that a Config may name, the mildest first.
func Faults() []Fault {
	out := make([]Fault, len(profiles))
	for i, p := range profiles {
		out[i] = Fault{Name: p.name, About: p.about}
	}
	return out
}

func profileOf(name string) (profile, error) {
	i := slices.IndexFunc(profiles, func(p profile) bool { return p.name == name })
	if i < 0 {
		var names []string
		for _, p := range profiles {
			names = append(names, p.name)
		}
		return profile{}, fmt.Errorf("there are no faults of the name %q: choose one of %s, or %s", name, strings.Join(names, ", "), Drawn)
	}
	return profiles[i], nil
}
