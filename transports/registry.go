package transports

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Entry describes a transport to the registry and, through it, to help, man page and completion.
type Entry struct {
	Scheme  string // of its URLs, lower case: "unix"
	Summary string // one line for a list: "a unix socket"
	Example string // a URL: "unix:///run/ws76.sock"
	Opaque  bool   // what follows the scheme is no URL but, say, a command: it is in u.Opaque, as it was written

	// Open makes the transport that u asks for. It checks u and opens nothing yet. Its error need not repeat the URL.
	Open func(u *url.URL, o Options) (Transport, error)
}

// Registry maps schemes to transports. Its zero value is empty and ready.
// Register everything before it is used from several goroutines.
type Registry struct {
	entries []Entry
}

// Register adds a transport. It panics when the entry is incomplete or its
// scheme is already there: both are mistakes in the program.
func (r *Registry) Register(e Entry) {
	if e.Scheme == "" || e.Scheme != strings.ToLower(e.Scheme) || e.Summary == "" || e.Example == "" || e.Open == nil {
		panic(fmt.Sprintf("transports: incomplete entry %q", e.Scheme))
	}
	if _, ok := r.find(e.Scheme); ok {
		panic(fmt.Sprintf("transports: scheme %q registered twice", e.Scheme))
	}
	r.entries = append(r.entries, e)
}

// Entries returns the transports in the order in which they were registered. The slice is the caller's.
func (r *Registry) Entries() []Entry {
	return append([]Entry(nil), r.entries...)
}

// ErrUnknown is wrapped by the error of Open for a scheme that is not registered.
var ErrUnknown = errors.New("unknown transport")

// Open makes the transport that raw, a URL, asks for. Nothing is dialled or opened yet. What has no scheme is refused:
// a bare path could be a socket, a serial device or a mistake.
func (r *Registry) Open(raw string, o Options) (Transport, error) {
	scheme, _, ok := strings.Cut(raw, ":")
	if !ok || strings.ContainsAny(scheme, "/?#") {
		return nil, fmt.Errorf("transport %q: it does not say which transport; write it like %s", Redact(raw), r.examples())
	}
	e, ok := r.find(strings.ToLower(scheme))
	if !ok {
		return nil, fmt.Errorf("transport %q: %w %q; there are %s", Redact(raw), ErrUnknown, scheme, r.examples())
	}
	u, err := e.parse(raw)
	if err != nil {
		return nil, fmt.Errorf("transport %q: %w", Redact(raw), err)
	}
	t, err := e.Open(u, o)
	if err != nil {
		return nil, fmt.Errorf("transport %q: %w; an example is %s", Redact(raw), err, e.Example)
	}
	return t, nil
}

// parse parses a URL of the entry's scheme.
func (e *Entry) parse(raw string) (*url.URL, error) {
	if e.Opaque {
		_, rest, _ := strings.Cut(raw, ":")
		return &url.URL{Scheme: e.Scheme, Opaque: rest}, nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		// url.Error repeats the URL in full.
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err
		}
		return nil, err
	}
	if u.Fragment != "" {
		return nil, errors.New("a # has no meaning here; write %23 where it belongs to a name")
	}
	return u, nil
}

// Redact puts xxxxx in place of the password of a URL, which may be none that parses.
func Redact(raw string) string {
	before, rest, ok := strings.Cut(raw, "//")
	at := strings.LastIndexByte(rest, '@')
	if !ok || at < 0 {
		return raw
	}
	user, _, ok := strings.Cut(rest[:at], ":")
	if !ok {
		return raw
	}
	return before + "//" + user + ":xxxxx" + rest[at:]
}

func (r *Registry) find(scheme string) (Entry, bool) {
	for _, e := range r.entries {
		if e.Scheme == scheme {
			return e, true
		}
	}
	return Entry{}, false
}

// examples lists one URL of each transport.
func (r *Registry) examples() string {
	var list []string
	for _, e := range r.entries {
		list = append(list, e.Example)
	}
	return strings.Join(list, ", ")
}
