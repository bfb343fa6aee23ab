package hub

import "github.com/ws76/ws76/core"

// Backplane carries messages between the hubs of several processes. Its methods
// are called from any goroutine, Publish by one publisher at a time in its order,
// and none of them may wait for the network.
type Backplane interface {
	// Open is called once, before anything else. deliver takes what other hubs
	// have published on a channel that was subscribed to, in order per publisher,
	// and never what this one has; it keeps nothing of the data.
	Open(deliver func(channel string, m core.Message)) error
	// Subscribe and Unsubscribe say what is wanted. They alternate for a channel.
	Subscribe(channel string) error
	Unsubscribe(channel string) error
	// Publish hands a batch on. Its error says that it did not go out whole.
	Publish(channel string, b *core.Shared) error
	// Close delivers what it can and ends the calls of deliver.
	Close() error
}
