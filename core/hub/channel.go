package hub

import (
	"sync"
	"time"

	"github.com/ws76/ws76/core"
)

// Subscriber is given what is published on a channel. Deliver is called from the
// goroutine of the publisher, one call at a time for a channel, and the next
// subscriber waits for it: it must not wait itself, nor call the hub.
type Subscriber interface {
	Deliver(b *core.Shared)
}

// Waiter is a Subscriber who may let messages wait.
type Waiter interface {
	Subscriber
	// Waits returns how many bytes do. It is called like Deliver.
	Waits() int
	// GiveUp ends the subscriber: too much waits for all. When it returns nothing is held
	// for it any more, see core.Shared.Hold. It must not wait, nor call the hub.
	GiveUp()
}

// channel is the members of one name.
type channel struct {
	name  string
	since time.Time

	// Guarded by the hub's lock.
	members, listeners, publishers int

	mu   sync.Mutex
	subs []seat

	last                       time.Time
	messages, bytes, delivered uint64
	rate                       rate
}

// seat is a subscriber, with what the loop over all of them needs at hand.
type seat struct {
	sub    Subscriber
	member *Member
}

func (ch *channel) add(m *Member) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	m.index = len(ch.subs)
	ch.subs = append(ch.subs, seat{m.sub, m})
}

func (ch *channel) remove(m *Member) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	last := len(ch.subs) - 1
	ch.subs[m.index] = ch.subs[last]
	ch.subs[m.index].member.index = m.index
	ch.subs[last] = seat{}
	ch.subs = ch.subs[:last]
}

// deliver gives b to all subscribers but the one of except, and returns how many
// that are.
func (ch *channel) deliver(b *core.Shared, except *Member, now time.Time) int {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	n := len(ch.subs)
	for i := range ch.subs {
		s := &ch.subs[i]
		if s.member == except {
			n--
			continue
		}
		s.sub.Deliver(b)
	}
	ch.last = now
	ch.messages += uint64(b.Len())
	ch.bytes += uint64(b.Size())
	ch.delivered += uint64(b.Len() * n)
	ch.rate.add(now.Unix(), uint64(b.Len()), uint64(b.Size()))
	return n
}

// counts is the part of info that the hub's lock guards.
func (ch *channel) counts() ChannelInfo {
	return ChannelInfo{Name: ch.name, Since: ch.since, Subscribers: ch.listeners, Members: ch.members, Publishers: ch.publishers}
}

func (ch *channel) info(i *ChannelInfo, now time.Time) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	i.Last = ch.last
	i.Messages, i.Bytes, i.Delivered = ch.messages, ch.bytes, ch.delivered
	i.Rate, i.ByteRate = ch.rate.last(now.Unix())
}

// rate counts messages and bytes by the second.
type rate struct {
	second            int64 // that this is counted in
	messages, bytes   uint64
	messages0, bytes0 uint64 // in the second before
}

func (r *rate) advance(second int64) {
	switch second {
	case r.second:
		return
	case r.second + 1:
		r.messages0, r.bytes0 = r.messages, r.bytes
	default:
		r.messages0, r.bytes0 = 0, 0
	}
	r.second, r.messages, r.bytes = second, 0, 0
}

func (r *rate) add(second int64, messages, bytes uint64) {
	r.advance(second)
	r.messages += messages
	r.bytes += bytes
}

// last returns what came in the last full second.
func (r *rate) last(second int64) (messages, bytes uint64) {
	r.advance(second)
	return r.messages0, r.bytes0
}
