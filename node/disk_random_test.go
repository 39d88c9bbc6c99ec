package node_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
)

// TestNode_Converge_DisksFailNowAndThen lets two nodes write, replicate and
// repair by range while every transaction may fail, before or after it reached
// the disk. Replay the faults with SSNODE_SEED; what goroutines do between them
// is not replayed.
func TestNode_Converge_DisksFailNowAndThen(t *testing.T) {
	seed := node.RandomSeed(t)
	nothing := compaction.Retention{Age: 1, Bytes: 1}
	c := newCluster(t)
	disks := map[string]*disk{}
	for i, name := range []string{"n1", "n2"} {
		disks[name] = newDisk()
		c.options = withDisk(disks[name])
		c.options.Retention = compaction.Options{Own: nothing, Other: nothing}
		c.options.SetTrimEvery(20 * time.Millisecond)
		c.start(name)
		for j := range 100 {
			c.write(name, register(numbered(100*i+j), 1))
		}
	}
	for name, d := range disks {
		random := rand.New(rand.NewPCG(seed, uint64(name[1])))
		d.random(func() (before, after error) {
			switch random.IntN(12) {
			case 0:
				return errDisk, nil
			case 1:
				return nil, errDisk
			}
			return nil, nil
		})
	}
	acknowledged, unknown := make([]int64, 4), make([]int64, 4)
	var writers sync.WaitGroup
	for i := range acknowledged {
		n := c.nodes[fmt.Sprintf("n%d", i%2+1)]
		writers.Go(func() {
			for acknowledged[i] < 60 {
				switch _, err := n.Write(t.Context(), []delta.Operation{{Verb: delta.VerbIncrease, Claim: numbered(1000 + i), Amount: 1}}); {
				case err == nil:
					acknowledged[i]++
				case errors.Is(err, node.ErrUnavailable):
					unknown[i]++
				default:
					t.Errorf("a write is answered %v", err)
					return
				}
			}
		})
	}
	writers.Wait()
	for _, d := range disks {
		d.fail(nil, nil)
	}
	c.meet()
	c.eventually("both are ready and equal", func() bool { return c.status("n1").Ready && c.status("n2").Ready && c.equal() })
	shown := c.claimsOf("n1", node.Filter{})
	for i := range acknowledged {
		if got := shown[numbered(1000+i)]; got < acknowledged[i] || got > acknowledged[i]+unknown[i] {
			t.Errorf("%d increases were acknowledged, of %d nobody knows, %d are there", acknowledged[i], unknown[i], got)
		}
	}
	for i := range 200 {
		if shown[numbered(i)] != 1 {
			t.Errorf("claim %d shows %d", i, shown[numbered(i)])
		}
	}
	for name, log := range c.logs {
		if log.has("diverged") {
			t.Errorf("%s took it for corruption: %q", name, log.above())
		}
	}
}
