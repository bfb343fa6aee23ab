package channels

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/ws76/ws76/core/hub"
)

// Prefix is where all channels are.
const Prefix = "/ws/"

// Mode says which way messages go, as seen by the client.
type Mode string

const (
	ReadWrite Mode = "rw"
	ReadOnly  Mode = "ro" // gets messages, publishes none
	WriteOnly Mode = "wo" // publishes, gets none
)

// Path is what a client asks for: /ws/CHANNEL/MODE, with ?echo=1 to get back what it publishes itself.
type Path struct {
	Channel string
	Mode    Mode
	Echo    bool
}

func (p Path) publishes() bool { return p.Mode != ReadOnly }
func (p Path) gets() bool      { return p.Mode != WriteOnly }

// PathError says why there is nothing at a path below Prefix.
type PathError struct {
	Path string
	Err  error // a *hub.NameError, or why it cannot be read; nil: it has not the right parts
}

func (e *PathError) Error() string {
	const want = "want /ws/CHANNEL/rw, or ro to get messages only, or wo to publish only"
	if e.Err != nil {
		return fmt.Sprintf("no channel at %q: %v; %s", e.Path, e.Err, want)
	}
	return fmt.Sprintf("no channel at %q; %s", e.Path, want)
}

// Unwrap returns e.Err.
func (e *PathError) Unwrap() error { return e.Err }

// ParsePath reads the resource of a request, a path and perhaps a query. ok is false where it is not below Prefix; the
// error of one that is there and wrong is a *PathError.
func ParsePath(resource string) (p Path, ok bool, err error) {
	path, query, _ := strings.Cut(resource, "?")
	rest, below := strings.CutPrefix(path, Prefix)
	if !below && path+"/" != Prefix {
		return Path{}, false, nil
	}
	escaped, mode, _ := strings.Cut(rest, "/")
	switch p.Mode = Mode(mode); p.Mode {
	case ReadWrite, ReadOnly, WriteOnly:
	default:
		return Path{}, true, &PathError{Path: shortened(path)}
	}
	if p.Channel, err = url.PathUnescape(escaped); err == nil {
		err = hub.CheckName(p.Channel)
	}
	if err != nil {
		return Path{}, true, &PathError{shortened(path), err}
	}
	for pair := range strings.SplitSeq(query, "&") {
		switch pair {
		case "echo", "echo=1", "echo=true":
			p.Echo = true
		case "echo=0", "echo=false":
			p.Echo = false
		}
	}
	return p, true, nil
}

// shortened keeps the error about a path shorter than the path may be.
func shortened(path string) string {
	const most = 2 * hub.MaxName
	if len(path) > most {
		return path[:most] + "…"
	}
	return path
}
