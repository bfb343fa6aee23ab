// Package program makes the options of scripts that open connections themselves.
package program
