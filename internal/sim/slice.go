package sim

import "github.com/scalesmall/ssnode/delta"

// Slice is what happened in a part of a run.
type Slice struct {
	// From is when it began, in simulated milliseconds.
	From uint64
	// Up members were running at its end, Agreeing of them held the most
	// common state. Members is how many there were.
	Members, Up, Agreeing int
	// Faulted says that there were faults still.
	Faulted bool
	// Writes, Frames, Bytes and Repairs are those within it.
	Writes, Frames, Bytes, Repairs uint64

	length uint64
}

// sent counts a frame for the time slice.
func (k *cluster) sent(bytes int) {
	k.slice.Frames++
	k.slice.Bytes += uint64(bytes)
	k.report.Frames++
	k.report.Bytes += uint64(bytes)
}

// closeSlices ends the time slices that are over.
func (k *cluster) closeSlices() {
	for k.slice.length > 0 && k.now >= k.slice.From+k.slice.length {
		k.endSlice()
		k.slice.From += k.slice.length
	}
}

func (k *cluster) endSlice() {
	s := &k.slice
	s.Members, s.Faulted = len(k.members), k.faulting
	s.Up, s.Agreeing = 0, 0
	common := map[delta.Fingerprint]int{}
	for _, m := range k.members {
		if m.up {
			s.Up++
			f := m.dir.replica.Fingerprint
			common[f]++
			s.Agreeing = max(s.Agreeing, common[f])
		}
	}
	s.Writes, s.Repairs = k.report.Writes-k.writesBefore, k.report.Marks[MarkSessionCompleted]-k.repairsBefore
	k.writesBefore, k.repairsBefore = k.report.Writes, k.report.Marks[MarkSessionCompleted]
	k.report.Slices = append(k.report.Slices, *s)
	s.Frames, s.Bytes = 0, 0
}

func (k *cluster) endSlices() {
	if k.slice.length > 0 {
		k.closeSlices()
		k.endSlice()
	}
}
