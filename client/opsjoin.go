package client

import "github.com/scalesmall/ssnode/wire"

// Batches become lines while they wait to be taken. Those that may share one join
// the line that is open, or open one; so what comes while the transport is busy goes
// together, and what comes alone at once.

// add has the transport take a batch, and reports whether it will.
func (s *opsStream) add(x *pending, isShared bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	bytes := wire.LineFrameMax + len(x.text) + len("\n")
	if s.mu.hasEnded || bytes > s.lineMax || s.ahead()+bytes > unsentBytesMax {
		return false
	}
	if len(s.mu.waiting) == 0 {
		s.mu.alarm.set(s.client.options.SilenceMax)
	}
	if !x.due.IsZero() {
		s.mu.lateness.by(x.due)
	}
	if isShared && s.batchesMax > 0 {
		s.join(x, bytes)
	} else {
		s.addAlone(x)
	}
	s.more.Signal()
	return true
}

// ahead returns how much waits to be taken, in bytes. The caller holds mu, of all
// that follow, too.
func (s *opsStream) ahead() int { return len(s.mu.unsent) - s.mu.sent }

// addAlone adds a line of one batch.
func (s *opsStream) addAlone(x *pending) {
	s.closeLine()
	of := s.addLine(false)
	of.batches = append(of.batches, x)
	s.mu.unsent = append(wire.AppendLineOf(s.mu.unsent, of.ref), x.text[len("{"):]...)
	s.mu.unsent = append(s.mu.unsent, '\n')
}

// join adds a batch to the line that is open, if there is one that has room. Bytes
// are what it takes with the rest of a line.
func (s *opsStream) join(x *pending, bytes int) {
	of := s.mu.open
	if of != nil && of.hasRoom(s, len(x.text)) {
		s.mu.unsent = append(s.mu.unsent, ',')
		of.bytes += len(",") + len(x.text)
	} else {
		s.closeLine()
		of = s.addLine(true)
		of.bytes, s.mu.open = bytes, of
		s.mu.unsent = wire.AppendLineOfSeveral(s.mu.unsent, of.ref)
	}
	of.batches = append(of.batches, x)
	s.mu.unsent = append(s.mu.unsent, x.text...)
}

// hasRoom reports whether the line may have a batch more, of so many bytes.
func (x *line) hasRoom(s *opsStream, bytes int) bool {
	return len(x.batches) < s.batchesMax && x.bytes+len(",")+bytes <= min(s.lineMax, lineBytesShared)
}

// addLine adds an empty line behind all others.
func (s *opsStream) addLine(isSeveral bool) *line {
	s.mu.refs++
	x := newLine(s.mu.refs, s.mu.taken+int64(s.ahead()), isSeveral)
	s.mu.waiting[x.ref] = x
	return x
}

// closeLine ends the line that is open.
func (s *opsStream) closeLine() {
	if s.mu.open != nil {
		s.mu.unsent, s.mu.open = append(append(s.mu.unsent, wire.LineOfSeveralEnd...), '\n'), nil
	}
}
