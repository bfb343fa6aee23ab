// Package demo is ws76 demo: a server, a module in software and a device, to be tried.
package demo
