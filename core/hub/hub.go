package hub

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core"
)

// ErrClosed is returned by calls on a hub that is closed.
var ErrClosed = errors.New("hub: closed")

// ErrReadOnly is returned to a member that publishes and may not.
var ErrReadOnly = errors.New("hub: this member may not publish")

// Options of a Hub. The zero value, like a nil pointer, is ready to use.
type Options struct {
	// Backplane joins other processes; nil: there are none. The hub closes it.
	Backplane Backplane
	// Binary is for binary messages towards subscribers of drafts 75 and 76.
	Binary Binary
	// MaxWaiting bounds the memory of messages that wait for subscribers who are Waiters,
	// over all channels, each counted once. Beyond it those are given up for whom most
	// waits. 0: there is no bound.
	MaxWaiting int64
	// Failed is told of messages that did not reach the backplane, or of a
	// subscription that failed; nil: nobody is. It must not call the hub.
	Failed func(channel string, err error)
}

// Hub is a set of channels. Its methods are safe for concurrent use.
type Hub struct {
	o Options

	mu       sync.RWMutex
	channels map[string]*channel
	closed   bool

	totals counters
	lost   atomic.Uint64

	waiting   atomic.Int64
	relieving sync.Mutex
	givenUp   atomic.Uint64
	now       func() time.Time
}

// New returns a hub without channels. Its error is the backplane's.
func New(o *Options) (*Hub, error) {
	h := &Hub{channels: make(map[string]*channel), now: time.Now}
	if o != nil {
		h.o = *o
	}
	if h.o.Backplane != nil {
		if err := h.o.Backplane.Open(h.deliver); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// JoinOptions say what a member is there for.
type JoinOptions struct {
	// Publish allows it to publish.
	Publish bool
	// Echo gives it its own messages back.
	Echo bool
}

// Join makes sub, unless it is nil, a subscriber of a channel, which begins to
// exist with its first member. Errors: a *NameError, ErrClosed, the backplane's.
func (h *Hub) Join(name string, sub Subscriber, o JoinOptions) (*Member, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	ch, err := h.enter(name, sub != nil, o.Publish)
	if err != nil {
		return nil, err
	}
	m := &Member{hub: h, channel: ch, sub: sub, o: o, index: -1}
	if sub != nil {
		ch.add(m)
	}
	return m, nil
}

// enter counts a member in, and makes the channel for the first.
func (h *Hub) enter(name string, subscribes, publishes bool) (*channel, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	ch := h.channels[name]
	if ch == nil {
		ch = &channel{name: name, since: h.now()}
	}
	if subscribes {
		if ch.listeners == 0 && h.o.Backplane != nil {
			if err := h.o.Backplane.Subscribe(name); err != nil {
				return nil, err
			}
		}
		ch.listeners++
	}
	if publishes {
		ch.publishers++
	}
	ch.members++
	h.channels[name] = ch
	return ch, nil
}

// exit counts a member out. The last one takes the channel along.
func (h *Hub) exit(ch *channel, subscribed, published bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if subscribed {
		ch.listeners--
		if ch.listeners == 0 && h.o.Backplane != nil && !h.closed {
			if err := h.o.Backplane.Unsubscribe(ch.name); err != nil {
				h.failed(ch.name, err)
			}
		}
	}
	if published {
		ch.publishers--
	}
	ch.members--
	if ch.members == 0 {
		delete(h.channels, ch.name)
	}
}

// Publish publishes messages, as one batch, of nobody who is in the channel. It
// need not exist. Errors: a *NameError, a *core.InvalidUTF8Error, ErrClosed, the
// backplane's, which leaves the subscribers here served.
func (h *Hub) Publish(name string, messages ...core.Message) error {
	if err := CheckName(name); err != nil {
		return err
	}
	b := h.batch()
	for _, m := range messages {
		if err := b.Add(m); err != nil {
			return err
		}
	}
	if b.Len() == 0 {
		return nil
	}
	h.mu.RLock()
	ch, closed := h.channels[name], h.closed
	h.mu.RUnlock()
	if closed {
		return ErrClosed
	}
	if ch != nil {
		h.deliverTo(ch, b, nil)
	} else {
		h.totals.add(b, 0)
	}
	return h.handOn(name, b)
}

// deliver takes a message of another hub.
func (h *Hub) deliver(name string, m core.Message) {
	h.mu.RLock()
	ch := h.channels[name]
	h.mu.RUnlock()
	if ch == nil {
		return
	}
	b := h.batch()
	if err := b.Add(m); err != nil {
		h.failed(name, fmt.Errorf("from another machine: %w", err))
		return
	}
	h.deliverTo(ch, b, nil)
}

// handOn gives a batch to the other hubs.
func (h *Hub) handOn(name string, b *core.Shared) error {
	if h.o.Backplane == nil {
		return nil
	}
	err := h.o.Backplane.Publish(name, b)
	if err != nil {
		h.lost.Add(uint64(b.Len()))
		h.failed(name, err)
	}
	return err
}

func (h *Hub) failed(channel string, err error) {
	if h.o.Failed != nil {
		h.o.Failed(channel, err)
	}
}

// Close ends the hub and its backplane. Nobody can join any more, nothing is
// handed on; members leave as ever.
func (h *Hub) Close() error {
	h.mu.Lock()
	closed := h.closed
	h.closed = true
	h.mu.Unlock()
	if closed || h.o.Backplane == nil {
		return nil
	}
	return h.o.Backplane.Close()
}

// ChannelInfo describes a channel.
type ChannelInfo struct {
	Name        string
	Since       time.Time
	Last        time.Time // when the last message came; zero: none has
	Members     int
	Subscribers int
	Publishers  int // members that may publish
	Messages    uint64
	Bytes       uint64
	Delivered   uint64 // messages given to subscribers, of which each counts
	// Rate and ByteRate are messages and bytes in the last full second.
	Rate, ByteRate uint64
}

// Channels returns all channels, by name.
func (h *Hub) Channels() []ChannelInfo {
	h.mu.RLock()
	infos := make([]ChannelInfo, 0, len(h.channels))
	channels := make([]*channel, 0, len(h.channels))
	for _, ch := range h.channels {
		channels = append(channels, ch)
		infos = append(infos, ch.counts())
	}
	h.mu.RUnlock()
	now := h.now()
	for i, ch := range channels {
		ch.info(&infos[i], now)
	}
	slices.SortFunc(infos, func(a, b ChannelInfo) int { return cmp.Compare(a.Name, b.Name) })
	return infos
}

// Channel returns the channel called name, if it is there.
func (h *Hub) Channel(name string) (ChannelInfo, bool) {
	h.mu.RLock()
	ch := h.channels[name]
	if ch == nil {
		h.mu.RUnlock()
		return ChannelInfo{}, false
	}
	info := ch.counts()
	h.mu.RUnlock()
	ch.info(&info, h.now())
	return info, true
}

// Stats counts what has passed through all channels since the hub was made.
type Stats struct {
	Channels  int
	Messages  uint64 // published here, or by other hubs on channels that are here
	Bytes     uint64
	Delivered uint64 // messages given to subscribers, of which each counts
	Lost      uint64 // messages that did not reach the backplane
}

// Stats returns the counters as they are now.
func (h *Hub) Stats() Stats {
	h.mu.RLock()
	n := len(h.channels)
	h.mu.RUnlock()
	return Stats{Channels: n, Messages: h.totals.messages.Load(), Bytes: h.totals.bytes.Load(),
		Delivered: h.totals.delivered.Load(), Lost: h.lost.Load()}
}

type counters struct{ messages, bytes, delivered atomic.Uint64 }

func (c *counters) add(b *core.Shared, subscribers int) {
	c.messages.Add(uint64(b.Len()))
	c.bytes.Add(uint64(b.Size()))
	c.delivered.Add(uint64(b.Len() * subscribers))
}
