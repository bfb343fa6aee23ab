package main

import (
	"path"
	"strings"

	"github.com/ws76/ws76/core/hixie"
)

// origins is the list of --origin: patterns in which * stands for any run of
// characters but a slash. An empty one allows all.
type origins []string

func parseOrigins(patterns []string) (origins, error) {
	list := make(origins, len(patterns))
	for i, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return nil, usagef("--origin %q: %w", p, err)
		}
		list[i] = strings.ToLower(p)
	}
	return list, nil
}

// allow reports whether a page of origin may connect. "" is a client that is no
// page; it is let in only when "null" is listed.
func (o origins) allow(origin string) bool {
	if len(o) == 0 {
		return true
	}
	if origin == "" {
		origin = "null"
	}
	origin = strings.ToLower(strings.TrimSpace(origin))
	for _, pattern := range o {
		if match, _ := path.Match(pattern, origin); match {
			return true
		}
	}
	return false
}

// hosts returns the host parts of the patterns, for the policy file of Flash.
func (o origins) hosts() []string {
	var hosts []string
	for _, pattern := range o {
		if _, host, ok := strings.Cut(pattern, "://"); ok {
			host, _, _ = strings.Cut(host, ":")
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// originOf returns the origin of a request, "" for none. RFC 6455's older drafts
// call the field Sec-WebSocket-Origin.
func originOf(fields hixie.Fields) string {
	for _, name := range []string{"Origin", "Sec-WebSocket-Origin"} {
		if origin, ok := fields.Get(name); ok {
			return origin
		}
	}
	return ""
}
