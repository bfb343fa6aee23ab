// Package listen reads where a command listens, who may come in, and what a client may hold.
package listen
