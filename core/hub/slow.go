package hub

import (
	"errors"
	"fmt"
)

// Slow says what happens to a subscriber's messages when its queue is full.
type Slow uint8

const (
	// DropOldest leaves out what has waited longest.
	DropOldest Slow = iota
	// DropNewest leaves out what comes.
	DropNewest
	// Close ends the subscriber's connection with ErrSlow.
	Close
)

var slowNames = [...]string{"drop-oldest", "drop-newest", "close"}

// String returns the policy's name on the command line.
func (s Slow) String() string { return slowNames[s] }

// ParseSlow returns the policy called name.
func ParseSlow(name string) (Slow, error) {
	for i, n := range slowNames {
		if n == name {
			return Slow(i), nil
		}
	}
	return 0, fmt.Errorf("no policy %q for slow subscribers; want one of drop-oldest, drop-newest, close", name)
}

// ErrSlow says that a subscriber did not take messages as fast as they came.
var ErrSlow = errors.New("hub: the queue of the subscriber is full")
