// Package measure takes figures of rivals in turn and says what they are.
//
// A turn runs every rival once; the order changes from turn to turn, so that
// none is always the one after a pause. What counts is the ratio within a turn:
// whatever slowed the machine down then slowed down both.
package measure

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"
)

// Series are the figures of one thing, in the order taken.
type Series []float64

// Median returns the middle figure, the mean of both if there are two, NaN
// without any.
func (s Series) Median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Spread returns the lowest and the highest figure, NaN without any.
func (s Series) Spread() (low, high float64) {
	if len(s) == 0 {
		return math.NaN(), math.NaN()
	}
	return slices.Min(s), slices.Max(s)
}

// Over returns s divided by t, turn by turn. Both must have as many figures.
func (s Series) Over(t Series) Series {
	if len(s) != len(t) {
		panic(fmt.Sprintf("%d figures over %d", len(s), len(t)))
	}
	ratios := make(Series, len(s))
	for i := range s {
		ratios[i] = s[i] / t[i]
	}
	return ratios
}

// String returns the median with its spread, as "1.23 [1.10–1.41]".
func (s Series) String() string {
	low, high := s.Spread()
	return fmt.Sprintf("%s [%s–%s]", digits(s.Median()), digits(low), digits(high))
}

// digits writes a figure with three significant digits, or whole.
func digits(x float64) string {
	switch size := math.Abs(x); {
	case size >= 100 || x == 0:
		return fmt.Sprintf("%.0f", x)
	case size >= 10:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}

// Turns runs every rival once per turn, the order rotated by one each time,
// and returns the figures of each. What is garbage of one rival is collected
// before the next begins.
func Turns(turns int, rivals ...func() (float64, error)) ([]Series, error) {
	all := make([]Series, len(rivals))
	for turn := range turns {
		for i := range rivals {
			j := (turn + i) % len(rivals)
			runtime.GC()
			figure, err := rivals[j]()
			if err != nil {
				return nil, fmt.Errorf("turn %d: %w", turn+1, err)
			}
			all[j] = append(all[j], figure)
		}
	}
	return all, nil
}

// Durations collect how long single operations took.
type Durations []time.Duration

// Quantile returns the duration that a share q of all does not exceed, 0
// without any. It sorts d.
func (d Durations) Quantile(q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[min(len(d)-1, int(q*float64(len(d))))]
}
