// Package hooks makes what messages go through of a command line: plugins, scripts, their
// permissions and limits, and a recorder.
package hooks
