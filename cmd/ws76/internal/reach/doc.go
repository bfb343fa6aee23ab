// Package reach reads how a command is to reach its peer, URL, dialect, head, TLS and the
// way there, and dials it.
package reach
