package ranges

// ordered is what a heap can hold.
type ordered[T any] interface{ before(T) bool }

var (
	_ ordered[withinClaim] = withinClaim{}
	_ ordered[withinEnd]   = withinEnd{}
)

// heap is a binary heap whose top is before all others. Unlike the one of the
// standard library it boxes nothing.
type heap[T ordered[T]] []T

func (h heap[T]) top() T { return h[0] }

func (h *heap[T]) push(v T) {
	*h = append(*h, v)
	s := *h
	for i := len(s) - 1; i > 0; {
		parent := (i - 1) / 2
		if !s[i].before(s[parent]) {
			return
		}
		s[i], s[parent] = s[parent], s[i]
		i = parent
	}
}

func (h *heap[T]) pop() T {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	clear(s[last:])
	*h = s[:last]
	(*h).sink(0)
	return top
}

func (h heap[T]) sink(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if h[child].before(h[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
