// Package deadline has the deadline of a stream's reads, or writes, with all who set one: the
// context of a call, a bound of time, a budget that gives up what waits, a caller from outside.
// A net.Conn has only one, which the last setter would have.
package deadline
