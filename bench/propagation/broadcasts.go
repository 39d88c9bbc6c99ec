package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/scalesmall/ssnode/bench/measure"
)

// broadcastMax bounds how long a broadcast may take to arrive everywhere.
const broadcastMax = 10 * time.Second

// payloadBytes is how large a broadcast is: as large as a push of one Register.
const payloadBytes = 100

// rival is a bare member that broadcasts with memberlist's own queue, and
// passes on what is new to it, as its users do.
type rival struct {
	list  *memberlist.Memberlist
	queue memberlist.TransmitLimitedQueue
	last  atomic.Uint64
	shown func()
}

func (r *rival) NodeMeta(int) []byte               { return nil }
func (r *rival) LocalState(bool) []byte            { return nil }
func (r *rival) MergeRemoteState([]byte, bool)     {}
func (r *rival) GetBroadcasts(o, max int) [][]byte { return r.queue.GetBroadcasts(o, max) }

func (r *rival) NotifyMsg(b []byte) {
	number := uint64(b[0])<<8 | uint64(b[1])
	if r.last.Load() >= number {
		return
	}
	r.last.Store(number)
	r.shown()
	r.queue.QueueBroadcast(message(append([]byte(nil), b...)))
}

type message []byte

func (m message) Invalidates(memberlist.Broadcast) bool { return false }
func (m message) Message() []byte                       { return m }
func (m message) Finished()                             {}

// broadcasts measures memberlist alone, with its defaults for a LAN.
func broadcasts(ctx context.Context, s settings) (took measure.Durations, lost int, err error) {
	if s.broadcasts == 0 {
		return nil, 0, nil
	}
	var left atomic.Int64
	done := make(chan time.Time, 1)
	var rivals []*rival
	defer func() {
		for _, r := range rivals {
			err = errors.Join(err, r.list.Shutdown())
		}
	}()
	for i := range s.nodes {
		r := &rival{shown: func() {
			if left.Add(-1) == 0 {
				done <- time.Now()
			}
		}}
		o := memberlist.DefaultLANConfig()
		o.Name, o.BindAddr, o.BindPort, o.AdvertisePort = fmt.Sprint("m", i), "127.0.0.1", 0, 0
		o.Delegate, o.LogOutput = r, io.Discard
		if r.list, err = memberlist.Create(o); err != nil {
			return nil, 0, err
		}
		r.queue.NumNodes, r.queue.RetransmitMult = r.list.NumMembers, o.RetransmitMult
		rivals = append(rivals, r)
		if i > 0 {
			if _, err := r.list.Join([]string{rivals[0].list.LocalNode().Address()}); err != nil {
				return nil, 0, err
			}
		}
	}
	for _, r := range rivals {
		for r.list.NumMembers() < s.nodes {
			if err := ctx.Err(); err != nil {
				return nil, 0, err
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	for i := range s.broadcasts {
		b := make([]byte, payloadBytes)
		b[0], b[1] = byte((i+1)>>8), byte(i+1)
		left.Store(int64(s.nodes))
		begun := time.Now()
		rivals[rand.IntN(len(rivals))].NotifyMsg(b)
		select {
		case at := <-done:
			took = append(took, at.Sub(begun))
		case <-time.After(broadcastMax):
			lost++
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
	return took, lost, nil
}
