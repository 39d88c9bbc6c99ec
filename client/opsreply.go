package client

import "github.com/scalesmall/ssnode/wire"

// repliesMax bounds the answers that are taken together.
const repliesMax = 256

// reply is an answer that has come, as text that is good until the next is
// awaited.
type reply struct {
	text []byte
	// ref is the number of its line, and rest what follows that in the text. They
	// are known where the text begins as a node writes it, line if that waits.
	ref  int64
	rest []byte
	line *line
}

// follow hands answers to who waits for them until there are no more, and
// returns why. isRefusal says that the node has said so: then it has carried
// out nothing that it did not answer.
//
// Answers that have come together are taken together.
func (s *opsStream) follow(lines *lines) (isRefusal bool, err error) {
	for err == nil {
		isRefusal, err = s.readReplies(lines)
		s.takeAll()
		for i := range s.replies {
			if broken := s.hand(&s.replies[i]); broken != nil {
				s.restore(s.replies[i:])
				return false, broken
			}
		}
	}
	return isRefusal, err
}

// readReplies waits for an answer, and reads those that are there. The error says
// why no more will come, isRefusal that the node has said it.
func (s *opsStream) readReplies(lines *lines) (isRefusal bool, err error) {
	clear(s.replies)
	s.replies = s.replies[:0]
	for len(s.replies) == 0 || len(s.replies) < repliesMax && lines.isReady() {
		text, err := lines.next()
		if err != nil {
			return false, err
		}
		if isErrorLine(text) {
			return true, decodeError(text)
		}
		r := reply{text: text}
		r.ref, r.rest, _ = wire.CutRef(text)
		s.replies = append(s.replies, r)
	}
	return false, nil
}

// takeAll takes from those that wait the lines that the replies are for.
func (s *opsStream) takeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.replies {
		if r := &s.replies[i]; r.rest != nil {
			r.line = s.takeLine(r.ref)
		}
	}
	if len(s.replies) > 0 {
		s.heard()
	}
}

// takeLine takes the line of an answer, nil if none waits for it. One of which the
// transport has taken nothing, as of the one that is open, can have none. The caller
// holds mu.
func (s *opsStream) takeLine(ref int64) *line {
	x := s.mu.waiting[ref]
	if x == nil || x.begin >= s.mu.taken {
		return nil
	}
	delete(s.mu.waiting, ref)
	return x
}

// heard notes that the node has said something. The caller holds mu.
func (s *opsStream) heard() {
	quiet := s.client.options.SilenceMax
	if len(s.mu.waiting) == 0 {
		quiet = idleMax
	}
	s.mu.alarm.set(quiet)
}

// restore has the lines of replies wait again.
func (s *opsStream) restore(replies []reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range replies {
		if x := replies[i].line; x != nil {
			s.mu.waiting[x.ref] = x
		}
	}
}

// hand hands an answer to who waits for it, or says what is wrong with it. Mostly
// it is what the line expects; what is not may be about another line, for all
// that is known before it is decoded.
func (s *opsStream) hand(r *reply) error {
	if r.line != nil && r.line.read(r.rest) {
		r.line.free()
		r.line = nil
		return nil
	}
	var answer wire.OpsAnswer
	if err := decodeAnswer(pathOpsStream, r.text, &answer); err != nil {
		return err
	}
	if r.line != nil {
		s.restore([]reply{*r})
		r.line = nil
	}
	s.take(answer)
	return nil
}

// take hands over one answer. Who has given up does not hear of it.
func (s *opsStream) take(answer wire.OpsAnswer) {
	s.mu.Lock()
	x := s.takeLine(answer.Ref)
	s.heard()
	s.mu.Unlock()
	if x != nil {
		x.take(answer)
		x.free()
	}
}
