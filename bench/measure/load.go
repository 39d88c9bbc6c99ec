package measure

import (
	"sync"
	"time"
)

// Load has a number of writers call write again and again for a while. It
// returns the writes per second and how long each took. The first error ends
// it.
func Load(writers int, long time.Duration, write func(writer int) error) (rate float64, took Durations, err error) {
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		begin   = time.Now()
	)
	for w := range writers {
		running.Go(func() {
			var mine Durations
			var failure error
			for time.Since(begin) < long && failure == nil {
				start := time.Now()
				failure = write(w)
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			if err == nil {
				err = failure
			}
		})
	}
	running.Wait()
	return float64(len(took)) / time.Since(begin).Seconds(), took, err
}
