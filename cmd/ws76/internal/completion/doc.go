// Package completion is ws76 completion, and the words that shells ask for.
package completion
