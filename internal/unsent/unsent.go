// Package unsent bounds what the system keeps of a TCP connection for a peer that takes
// nothing. Without a bound Linux takes up to 4 MiB from us, of which nothing can be sent
// while the window of the peer is closed: memory that no limit of ours counts, messages
// that are said not to be known when the connection breaks, and work for a client that
// asks on and on and never reads. What is on its way is not bounded, so a fast peer far
// away is as fast as before.
package unsent

// Most is how many bytes may wait in the system for a window to open. The system takes
// more once half of them have been sent.
const Most = 256 << 10
