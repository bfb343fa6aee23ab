// Package output reads the form of messages on standard output.
package output
