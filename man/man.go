// Package man has the manual pages of ws76, which go generate makes from man/src, the command tree and the transports.
package man

import "embed"

// Pages has the pages by their names: "ws76-connect.1".
//
//go:embed *.1 *.7
var Pages embed.FS
