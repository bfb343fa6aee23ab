// Package interop tests ws76 against other implementations: the peers of the folder
// peers, and HAProxy and nginx in front of ws76 serve. It holds tests only.
//
// They take minutes and install packages of Debian and npm, so they run under
// make interop and in CI, and are skipped by a plain go test.
package interop
