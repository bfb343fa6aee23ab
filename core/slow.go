package core

// Slow says what happens to messages for a peer or subscriber that does not take them as fast as they come, once its queue is full.
type Slow uint8

const (
	DropOldest Slow = iota // leave out what has waited longest, and count it
	DropNewest             // leave out what would have to wait, and count it
	CloseSlow              // close the connection
)

// SlowNames are the names of the policies, in their order.
var SlowNames = []string{"drop-oldest", "drop-newest", "close"}

// String returns the policy's name.
func (s Slow) String() string { return SlowNames[s] }
