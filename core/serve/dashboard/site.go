package dashboard

import (
	"slices"
	"strings"
)

// isHost tells whether a Host field can be quoted in a policy: a name or an
// address with or without a port, and nothing that would begin another directive.
func isHost(host string) bool {
	return host != "" && !slices.ContainsFunc([]byte(host), func(c byte) bool {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		return !letter && (c < '0' || c > '9') && !strings.ContainsRune(".-_:[]", rune(c))
	})
}
