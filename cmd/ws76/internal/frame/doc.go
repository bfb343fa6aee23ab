// Package frame is ws76 frame: messages and frames on pipes, dumps and captures.
package frame
