// Package outq asks the system how much of what was written to a file still waits on
// this side, and says which messages that is, and whether the peer reads.
package outq
