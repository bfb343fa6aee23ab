package hub

import "github.com/ws76/ws76/core"

// Member is one who is in a channel. Queue, Flush and Publish are for one goroutine
// at a time; they and Leave are not to be called from within Deliver.
type Member struct {
	hub     *Hub
	channel *channel
	sub     Subscriber
	o       JoinOptions
	index   int // in channel.subs, guarded by the channel's lock

	pending *core.Shared
}

// Channel returns the name of the channel.
func (m *Member) Channel() string { return m.channel.name }

// Queue copies a message, which is on its way with Flush. Errors: ErrReadOnly, a
// *core.InvalidUTF8Error.
func (m *Member) Queue(msg core.Message) error {
	if !m.o.Publish {
		return ErrReadOnly
	}
	if m.pending == nil {
		m.pending = m.hub.batch()
	}
	return m.pending.Add(msg)
}

// Queued returns how many bytes wait for Flush.
func (m *Member) Queued() int {
	if m.pending == nil {
		return 0
	}
	return m.pending.Size()
}

// Flush publishes what was queued, as one batch. What the backplane does not take
// is counted, and told to Options.Failed.
func (m *Member) Flush() {
	b := m.pending
	if b == nil || b.Len() == 0 {
		return
	}
	m.pending = nil
	h, except := m.hub, m
	if m.o.Echo {
		except = nil
	}
	h.deliverTo(m.channel, b, except)
	h.handOn(m.channel.name, b)
}

// Publish is Queue and Flush.
func (m *Member) Publish(msg core.Message) error {
	if err := m.Queue(msg); err != nil {
		return err
	}
	m.Flush()
	return nil
}

// Leave flushes and leaves the channel. No Deliver runs or comes once it has
// returned. Call it once.
func (m *Member) Leave() {
	m.Flush()
	if m.sub != nil {
		m.channel.remove(m)
	}
	m.hub.exit(m.channel, m.sub != nil, m.o.Publish)
}
