package node_test

import (
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
)

func TestOptions_Validate_TellsEachProblem(t *testing.T) {
	good := func() node.Options { return node.Options{DataDir: "d", Node: "n1", Gossip: "127.0.0.1:0"} }
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	key := make([]byte, 32)
	for want, change := range map[string]func(*node.Options){
		"data directory":    func(o *node.Options) { o.DataDir = "" },
		"node":              func(o *node.Options) { o.Node = "n 1" },
		"cluster":           func(o *node.Options) { o.Cluster = strings.Repeat("x", 300) },
		"HOST:PORT":         func(o *node.Options) { o.Gossip = "127.0.0.1" },
		"gossip key is set": func(o *node.Options) { o.Gossip = "0.0.0.0:7480" },
		"16, 24 or 32":      func(o *node.Options) { o.GossipKeys = [][]byte{key, key[:5]} },
		"wait":              func(o *node.Options) { o.IdentityWait = -1 },
		"without progress":  func(o *node.Options) { o.StallAfter = 1 },
		"retention":         func(o *node.Options) { o.Retention.Own = compaction.Retention{Age: -1, Bytes: 1} },
		"label":             func(o *node.Options) { o.Labels = map[string]string{"": "x"} },
		"4096 are allowed":  func(o *node.Options) { o.Service = strings.Repeat("x", 5000) },
		"amount":            func(o *node.Options) { o.Claims = []ranges.Weighted{{Claim: claimOf("", "a", "b")}} },
		"range":             func(o *node.Options) { o.Claims = []ranges.Weighted{{Claim: claimOf("", "b", "a"), Priority: 1}} },
	} {
		o := good()
		change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it should tell of %q: %v", want, err)
		}
	}
	for name, change := range map[string]func(*node.Options){
		"a key":      func(o *node.Options) { o.Gossip, o.GossipKeys = "0.0.0.0:7480", [][]byte{key} },
		"insecure":   func(o *node.Options) { o.Gossip, o.Insecure = "0.0.0.0:7480", true },
		"a name":     func(o *node.Options) { o.Gossip = "localhost:7480" },
		"own claims": func(o *node.Options) { o.Claims = []ranges.Weighted{{Claim: claimOf("", "a", "b"), Priority: 1}} },
	} {
		o := good()
		if change(&o); o.Validate() != nil {
			t.Errorf("%s: %v", name, o.Validate())
		}
	}
}
