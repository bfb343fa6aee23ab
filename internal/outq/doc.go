// Package outq asks the system how much of what was written to a file still waits on
// this side, and says which messages that is.
package outq
