// Package live tests ws76 against programs that are too heavy for the main
// module: message brokers in process and a real browser. It is a module of its own
// so that installing ws76 downloads none of them.
package live
