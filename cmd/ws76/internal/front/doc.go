// Package front is what stands before a command that lets clients in: who may come in,
// certificates, scripts that have a say in it, and the log of whom it refused and what was lost.
package front
