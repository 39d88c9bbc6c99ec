package node

import (
	"sync"
	"testing"
)

func TestMailbox_Take_NothingIsLostOrWokenInVain(t *testing.T) {
	m := newMailbox[int](1 << 20)
	const writers, each = 8, 500
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				if err := m.put(w*each+i, 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() {
		writing.Wait()
		m.close()
	}()
	last := map[int]int{}
	count := 0
	for open := true; open; {
		<-m.wake // would wait for ever if a wake-up were lost
		var items []int
		items, open = m.take(7)
		for _, x := range items {
			if at, ok := last[x/each]; ok && x <= at {
				t.Errorf("%d comes after %d", x, at)
			}
			last[x/each] = x
			count++
		}
	}
	if count != writers*each {
		t.Errorf("%d of %d were taken", count, writers*each)
	}
	if err := m.put(1, 1); err != ErrClosed {
		t.Errorf("put after close: %v", err)
	}
	if err := m.force(1); err != ErrClosed {
		t.Errorf("force after close: %v", err)
	}
}

func TestMailbox_Put_IsBoundedByWeight(t *testing.T) {
	m := newMailbox[string](10)
	for _, x := range []struct {
		item   string
		weight int
		want   error
	}{{"larger than all, and alone", 25, nil}, {"one more", 1, ErrBusy}} {
		if err := m.put(x.item, x.weight); err != x.want {
			t.Errorf("%s: %v", x.item, err)
		}
	}
	if err := m.force("goes over the bound"); err != nil || !m.isFull() {
		t.Errorf("force: %v, full: %t", err, m.isFull())
	}
	if items, open := m.take(1); len(items) != 1 || !open {
		t.Errorf("taken %q, open: %t", items, open)
	}
	for i, want := range []error{nil, nil, nil, ErrBusy} {
		if err := m.put("", 3); err != want {
			t.Errorf("put %d beside what was forced: %v", i, err)
		}
	}
	if _, open := m.take(2); !open {
		t.Error("it is closed with something in it")
	}
	m.close()
	if items, open := m.take(1); len(items) != 1 || !open {
		t.Errorf("closed, with more to come: %q, open: %t", items, open)
	}
	if items, open := m.take(9); len(items) != 1 || open {
		t.Errorf("the last: %q, open: %t", items, open)
	}
}

// listed hands over items as putAll wants them.
func listed[T any](items ...T) (int, func(i int) T) {
	return len(items), func(i int) T { return items[i] }
}

// TestMailbox_PutAll_TakesWhatHasRoom: the first ones, as one, and says why no
// more.
func TestMailbox_PutAll_TakesWhatHasRoom(t *testing.T) {
	m := newMailbox[int](3)
	if n, err := m.putAll(listed(1, 2)); n != 2 || err != nil {
		t.Errorf("two of three: %d, %v", n, err)
	}
	if n, err := m.putAll(listed(3, 4)); n != 1 || err != ErrBusy {
		t.Errorf("two where one has room: %d, %v", n, err)
	}
	if items, open := m.take(9); len(items) != 3 || !open {
		t.Errorf("taken are %v, %v", items, open)
	}
	m.close()
	if n, err := m.putAll(listed(5)); n != 0 || err != ErrClosed {
		t.Errorf("one after the end: %d, %v", n, err)
	}
}
