// Package connect is ws76 connect: messages to a server and back, on a pipe or a terminal.
package connect
