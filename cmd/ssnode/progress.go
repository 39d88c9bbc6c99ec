package main

import (
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"
)

// newBar returns a bar of how much of a file of that many bytes, -1 if that is
// not known, is carried out. It shows no rate and no time that is left: chunks
// are too few and too uneven for either to mean something. It moves only when
// it is told how far it is: one that turns by itself has a goroutine, which
// draws on after the bar was cleared, and never ends.
func newBar(w io.Writer, name string, size int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(size, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(name),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetSpinnerChangeInterval(0))
}

// showProgress shows how far a file is carried out. That it cannot be shown is
// no reason to stop.
func (b *batcher) showProgress() {
	if b.bar == nil {
		return
	}
	b.bar.Describe(fmt.Sprintf("%s: %s", b.file, plural(b.operations, "operation")))
	_ = b.bar.Set64(b.bytes)
}
