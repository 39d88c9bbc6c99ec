package sim

import "github.com/scalesmall/ssnode/compaction"

// shape draws the options and faults of a run.
func (k *cluster) shape(p profile) {
	o := &k.options
	o.RequestTimeout = 100 + k.upTo(300) + 2*p.delayMax + 2*p.diskMax
	o.Retry = 20 + k.upTo(200)
	o.SmallCluster = 1 + k.random.IntN(8)
	o.FanOut = 1 + k.random.IntN(4)
	o.Symbols = []int{0, 16, shapeOfFingerprints.Symbols}[k.random.IntN(3)]
	if p.smallOptions {
		o.SplitFanOut = 2 + k.random.IntN(3)
		o.LeafRecords = 1 + k.random.IntN(4)
		o.RangeBytesMax = 1 + k.random.IntN(600)
		o.PullBytesMax = 1 + k.random.IntN(600)
		o.PacketBytesMax = 256 + k.random.IntN(600)
		o.EarlyBytesMax = 1 + k.random.IntN(2000)
	}
	k.tickEvery = 20 + k.upTo(20)
	k.net.loss, k.net.repeat = k.percentUpTo(p.loss), k.percentUpTo(p.repeat)
	k.net.delayMax, k.diskMax = 1+k.upTo(p.delayMax), 1+k.upTo(p.diskMax)
	k.readFails, k.commitFails = k.percentUpTo(p.readFails), k.percentUpTo(p.commitFails)
	k.weights = p.weights
	k.tinyLogs = p.tinyLogs
	k.cautious = p.weights[doRollBack] > 0
	k.claims = drawClaims(k)
}

func (k *cluster) percentUpTo(n int) int { return k.random.IntN(n + 1) }

// drawRetention gives every member a retention of its own.
func (k *cluster) drawRetention() compaction.Options {
	age, bytes := int64(20_000), uint64(20_000)
	if k.tinyLogs {
		age, bytes = 800, 400
	}
	draw := func() compaction.Retention {
		return compaction.Retention{Age: 1 + k.random.Int64N(age), Bytes: 1 + k.random.Uint64N(bytes)}
	}
	return compaction.Options{Own: draw(), Other: draw()}
}
