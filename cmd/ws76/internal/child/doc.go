// Package child runs a program for a client: with its environment, and messages as lines.
package child
