// Package run is ws76 run: a script as a program.
package run
