// Package app is the frame of the program: its environment, exit codes, log, help,
// arguments, configuration and terminal.
package app
