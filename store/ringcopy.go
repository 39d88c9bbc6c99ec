package store

import "io"

// ringCopy writes a copy of a file as it was at the instant of a view. The pages of the
// ring may be written meanwhile, so they are replaced by what they were. That the last
// frame is whole is not for whoever reads the copy to doubt: one that changes nothing is
// behind it (S19), for which ring.hasRoom leaves a page. Where that is the last one
// already, in a copy that was opened, there may be no page for another.
type ringCopy struct {
	to io.Writer
	// at is where the next byte is from, base where the ring begins.
	at, base int64
	ring     []byte
}

func newRingCopy(to io.Writer, v *View) (*ringCopy, error) {
	base, pages, err := ringOf(v.tables.tx)
	c := &ringCopy{to: to, base: base, ring: make([]byte, len(pages))}
	frames := v.journaled.unfolded(v.state.journal.sequence)
	for _, f := range frames {
		c.put(f)
	}
	if n := len(frames); n > 0 && !frames[n-1].isEnd() {
		c.put(frames[n-1].end(uint64(len(pages)) / pageBytes))
	}
	return c, err
}

// put has the copy have a frame. It names no transaction (S20): the first that is written
// to the copy may replace the newer one of its heads, which are where bbolt puts them.
func (c *ringCopy) put(f *frame) {
	s, _ := wholeFrame(f.sealed())
	copy(c.ring[f.at.page*pageBytes:], s.seal(0))
}

// Write implements io.Writer.
func (c *ringCopy) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		part, end := b, c.base+int64(len(c.ring))
		switch {
		case c.at < c.base:
			part = b[:min(int64(len(b)), c.base-c.at)]
		case c.at < end:
			part = c.ring[c.at-c.base:][:min(int64(len(b)), end-c.at)]
		}
		var written int
		written, err = c.to.Write(part)
		n, c.at, b = n+written, c.at+int64(written), b[len(part):]
	}
	return n, err
}
