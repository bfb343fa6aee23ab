// Package replay is ws76 replay: recordings of connections, printed and played.
package replay
