// Package hub is channels: named places where what one connection publishes
// reaches the others.
//
//	h := hub.New(nil)
//	m, err := h.Join("lab", subscriber, hub.JoinOptions{Publish: true})
//	m.Publish(core.Message{Data: []byte("hello")}) // to all the others
//	m.Leave()
//
// A channel is there while somebody is in it. What a publisher has queued goes to
// every subscriber as one [core.Shared], which is encoded at most once per dialect and
// shared by all. Subscribers never make a publisher wait: what one of them does
// not take in time is its own business, by a bounded queue and a [core.Slow] policy.
//
// Messages of one publisher arrive in the order in which it published them, and
// in one process all subscribers see the same order. A [Backplane] joins the hubs
// of several processes.
package hub
