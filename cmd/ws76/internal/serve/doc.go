// Package serve is ws76 serve: channels, echo, programs and scripts for clients.
package serve
