package hub

import "errors"

// ErrSlow says that a subscriber did not take messages as fast as they came.
var ErrSlow = errors.New("hub: the queue of the subscriber is full")
