// Package permit says what a script may do beyond computing. Permissions are asked where the effect is: by the one function
// that dials, listens, opens a file, runs a program or reads a variable, whatever the script has called to get there.
package permit

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Kind is a kind of effect.
type Kind string

const (
	Exec   Kind = "exec"   // a program is run; the target is its name or path
	Net    Kind = "net"    // an address is dialled: "host:port"
	Listen Kind = "listen" // an address is listened on: "host:port"
	Read   Kind = "read"   // a file is read, or watched: its absolute path
	Write  Kind = "write"  // a file is written, renamed or removed
	Env    Kind = "env"    // a variable of the environment is read
	Serial Kind = "serial" // a serial port is opened
	Unix   Kind = "unix"   // a unix socket is dialled or listened on: its path, or "@" and an abstract name
	Stdio  Kind = "stdio"  // the process's own standard input and output are used
	FD     Kind = "fd"     // an inherited descriptor is used: its number
	Store  Kind = "store"  // values are kept; every script has a store of its own
	Debug  Kind = "debug"  // the interpreter is looked into; no flag but --trust-scripts allows it
)

// Kinds are those that --allow takes.
var Kinds = []Kind{Exec, Net, Listen, Read, Write, Env, Serial, Unix, Stdio, FD}

// verbs begin the message of a refusal.
var verbs = map[Kind]string{
	Exec: "running", Net: "connecting to", Listen: "listening on", Read: "reading", Write: "writing", Env: "reading the variable", Serial: "opening",
	Unix: "opening the socket", Stdio: "using", FD: "using descriptor", Store: "using", Debug: "calling",
}

// Effect is one thing that is about to be done.
type Effect struct {
	Kind   Kind
	Target string
	By     string // for Net: how, as in "tcp", "tls", "http"
}

// Denied says what was not allowed.
type Denied struct {
	Effect
	// Unstated says that it is a plugin's, whose manifest does not have it: no flag allows it.
	Unstated bool
}

func (e *Denied) Error() string {
	what := fmt.Sprintf("%s %s is not allowed", verbs[e.Kind], e.Target)
	switch {
	case e.Unstated:
		return fmt.Sprintf("%s: the plugin does not state in its manifest that it needs it, as permissions = {%q}", what, e.spec())
	case !slices.Contains(Kinds, e.Kind):
		return what + "; --trust-scripts would allow it"
	}
	return fmt.Sprintf("%s; --allow %s would allow it", what, e.spec())
}

func (e *Denied) spec() string {
	if e.Kind == Stdio {
		return string(e.Kind)
	}
	return string(e.Kind) + "=" + e.Target
}

// Name is what scripts are given as the name of this kind of error.
const Name = "not allowed"

// Permissions are what is allowed. They do not change, and may be used from several goroutines. A nil *Permissions allows
// nothing.
type Permissions struct {
	all    bool
	grants []Grant
	stated *Permissions // by a plugin's manifest; nil where there is none
	code   func(path string, source []byte) error
}

// All allows everything.
func All() *Permissions { return &Permissions{all: true} }

// Parse reads what --allow takes: KIND, or KIND=TARGET. Relative paths are from the working folder.
func Parse(specs []string) (*Permissions, error) {
	p := &Permissions{}
	for _, spec := range specs {
		g, err := parse(spec)
		if err != nil {
			return nil, err
		}
		p.grants = append(p.grants, g)
	}
	return p, nil
}

// With returns p and more. grants is cut off where it ends.
func (p *Permissions) With(grants ...Grant) *Permissions {
	more := Permissions{}
	if p != nil {
		more = *p
	}
	more.grants = append(more.grants[:len(more.grants):len(more.grants)], grants...)
	return &more
}

// Or returns what p or other allows.
func (p *Permissions) Or(other *Permissions) *Permissions {
	both := p.With(other.grants...)
	both.all = both.all || other.all
	return both
}

// Limit returns what both p and a plugin's manifest allow.
func (p *Permissions) Limit(stated *Permissions) *Permissions {
	both := &Permissions{stated: stated}
	for _, g := range stated.grants {
		if p.all {
			both.grants = append(both.grants, g)
			continue
		}
		for _, h := range p.grants {
			if g.covers(h) {
				both.grants = append(both.grants, h)
			} else if h.covers(g) {
				both.grants = append(both.grants, g)
			}
		}
	}
	return both
}

// ForCode returns p for code from files of which check says nil, and no other.
func (p *Permissions) ForCode(check func(path string, source []byte) error) *Permissions {
	q := p.With()
	q.code = check
	return q
}

// Code returns nil where the code in a file, whose path is absolute, may run with p.
func (p *Permissions) Code(path string, source []byte) error {
	if p == nil || p.code == nil {
		return nil
	}
	return p.code(path, source)
}

// AllowsAll reports whether nothing is refused.
func (p *Permissions) AllowsAll() bool { return p != nil && p.all }

// Ask returns nil where the effect is allowed, and a *Denied where it is not. Files are opened by OpenFile.
func (p *Permissions) Ask(e Effect) error {
	if p.allows(e) {
		return nil
	}
	return p.denied(e)
}

func (p *Permissions) allows(e Effect) bool {
	return p != nil && (p.all || slices.ContainsFunc(p.grants, func(g Grant) bool { return g.matches(e) }))
}

func (p *Permissions) denied(e Effect) *Denied {
	return &Denied{Effect: e, Unstated: p != nil && p.stated != nil && !p.stated.allows(e)}
}

type contextKey struct{}

// NewContext returns a context that carries p to where the effect is.
func NewContext(ctx context.Context, p *Permissions) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// FromContext returns what NewContext was given. Without it nothing is allowed.
func FromContext(ctx context.Context) *Permissions {
	p, _ := ctx.Value(contextKey{}).(*Permissions)
	return p
}

// names lists the kinds for an error.
func names() string {
	var list []string
	for _, k := range Kinds {
		list = append(list, string(k))
	}
	return strings.Join(list, ", ")
}
