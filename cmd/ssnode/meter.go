package main

import (
	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
)

// meter shows how far some long work on a file is, if somebody watches. The
// bar begins with the work, when its size is known, and anew where there is
// another part with another size.
type meter struct {
	c     *cli.Context
	name  string
	total int64
	bar   *progressbar.ProgressBar
}

func newMeter(c *cli.Context, name string) *meter { return &meter{c: c, name: name} }

// show says how many bytes of how many are done. That it cannot be shown is no
// reason to stop.
func (m *meter) show(done, total int64) {
	if !isTerminal(m.c.App.ErrWriter) {
		return
	}
	if m.bar == nil || m.total != total {
		m.end()
		m.total, m.bar = total, newBar(m.c.App.ErrWriter, m.name, total)
	}
	_ = m.bar.Set64(done)
}

func (m *meter) showUint(done, total uint64) { m.show(int64(done), int64(total)) }

// end takes the bar away.
func (m *meter) end() {
	if m.bar != nil {
		_ = m.bar.Clear()
		m.bar = nil
	}
}
