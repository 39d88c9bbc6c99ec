package node

import (
	"maps"
	"slices"
	"sync"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
)

// question asks other members whether they have a token on disk.
type question struct {
	id    uint64
	token crdt.Context
	// confirmed has room for every member once.
	confirmed chan string
	// open are the members that have not confirmed it; guarded by questions.
	open map[string]struct{}
}

// questions are those under way. They outlive the core that was asked them,
// and the membership of whom they are about.
type questions struct {
	mu struct {
		sync.Mutex
		last uint64
		all  map[uint64]*question
	}
}

func newQuestions() *questions {
	q := &questions{}
	q.mu.all = map[uint64]*question{}
	return q
}

func (s *questions) begin(token crdt.Context, names []string) *question {
	q := &question{token: token.Clone(), confirmed: make(chan string, len(names)), open: map[string]struct{}{}}
	for _, name := range names {
		q.open[name] = struct{}{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.last++
	q.id = s.mu.last
	s.mu.all[q.id] = q
	return q
}

func (s *questions) end(q *question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.all, q.id)
}

// confirm passes on, once, that a member has what a question is about.
func (s *questions) confirm(id uint64, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, ok := s.mu.all[id]
	if !ok {
		return
	}
	if _, ok := q.open[name]; ok {
		delete(q.open, name)
		q.confirmed <- name // has room: once for each
	}
}

// put asks a core all questions that are open, of those who have not
// confirmed them. It has to be done whenever a core or a member is new: a core
// ignores names that it does not know.
func (s *questions) put(c *antientropy.Core) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.mu.all)) {
		s.putOne(c, s.mu.all[id])
	}
}

// putOne asks one question; mu is held.
func (s *questions) putOne(c *antientropy.Core, q *question) {
	if _, ok := s.mu.all[q.id]; ok {
		c.AwaitEnd(q.id)
		c.Await(q.id, q.token, slices.Sorted(maps.Keys(q.open)))
	}
}

// ask has the core ask a question.
func (p *protocol) ask(q *question) error {
	return p.inbox.force(func(c *antientropy.Core) {
		s := p.node.questions
		s.mu.Lock()
		defer s.mu.Unlock()
		s.putOne(c, q)
	})
}

// askEnd has the core ask it no more.
func (p *protocol) askEnd(q *question) {
	_ = p.inbox.force(func(c *antientropy.Core) { c.AwaitEnd(q.id) }) // fails when all ends
}
