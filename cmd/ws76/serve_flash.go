package main

import (
	"encoding/xml"
	"strings"
)

// flashPolicy returns the policy file that lets Flash pages of the origins' hosts,
// of all where there is no list, open connections to this port.
func flashPolicy(list origins) string {
	hosts := list.hosts()
	if len(list) == 0 {
		hosts = []string{"*"}
	}
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><cross-domain-policy>`)
	for _, host := range hosts {
		b.WriteString(`<allow-access-from domain="`)
		xml.EscapeText(&b, []byte(host))
		b.WriteString(`" to-ports="*"/>`)
	}
	b.WriteString(`</cross-domain-policy>`)
	return b.String()
}
