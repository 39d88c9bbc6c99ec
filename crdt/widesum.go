package crdt

// wideSum is high·2³² + low, which 2³¹ terms cannot overflow. Terms are added
// exactly and the bound is applied once, at the end: clamping on the way would
// make the sum depend on the order of the origins.
type wideSum struct{ high, low int64 }

func (s *wideSum) add(v int64) {
	s.high += v >> 32
	s.low += v & (1<<32 - 1)
}

func (s *wideSum) clamped() int64 {
	high, low := s.high+s.low>>32, s.low&(1<<32-1)
	const bound = (TotalMax + 1) >> 32
	switch {
	case high >= bound:
		return TotalMax
	case high < -bound:
		return -TotalMax
	}
	return max(-TotalMax, high<<32+low)
}
