package permit

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/ws76/ws76/internal/glob"
)

// Grant is one thing that is allowed: all of a kind where it has no value.
type Grant struct {
	kind  Kind
	value string // of paths absolute; of addresses the host

	port string   // of addresses; "" for all
	by   []string // for Net: only in these ways; nil for all

	own  bool   // a folder of the script's own, where names that begin with a dot, and code that is written, are left out
	main string // of such a folder: the script itself
	make bool   // the folder is made when something is written in it

	base, rest string // of a pattern of paths, as glob.Split splits it; rest is "" where value is none
}

// Own allows the files below a script's folder to be read and, where main is its file and not "", to be written. There are none where
// that is no folder of anybody's: the root of the file system, or where the system shows its devices, as of /dev/stdin.
func Own(dir, main string) []Grant {
	dir, err := filepath.Abs(dir)
	if err != nil || filepath.Dir(dir) == dir || slices.ContainsFunc([]string{"/dev", "/proc", "/sys"}, func(system string) bool { return below(system, dir) != "" }) {
		return nil
	}
	grants := folder(dir, false)
	if main == "" {
		return grants[:1]
	}
	if grants[1].main, err = filepath.Abs(main); err != nil {
		return grants[:1]
	}
	return grants
}

// Data allows the files below a folder that is made when the script writes in it first.
func Data(dir string) []Grant { return folder(dir, true) }

func folder(dir string, make bool) []Grant {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil
	}
	return []Grant{{kind: Read, value: dir, own: true}, {kind: Write, value: dir, own: true, make: make}}
}

// Streams allows TCP, with and without TLS, to any address.
func Streams() Grant { return Grant{kind: Net, by: []string{"tcp", "tls"}} }

// KeepStore allows a store.
func KeepStore() Grant { return Grant{kind: Store} }

// Named allows an effect whose target the user has named: exactly this one.
func Named(e Effect) Grant {
	g := Grant{kind: e.Kind, value: e.Target}
	if e.Kind == Net || e.Kind == Listen {
		if g.value, g.port = splitAddress(e.Target); strings.HasPrefix(g.value, "*") || g.value == "" && g.kind == Net {
			g.by = []string{} // it is no pattern: there is no such host
		}
	}
	return g
}

// Path allows a path, or what fits a pattern of paths, that the user has named to be read; of a folder what is below it, but
// for names that begin with a dot. The root of the file system is no path in this sense: "/" names other things, too.
func Path(path string) []Grant {
	absolute, err := filepath.Abs(path)
	if err != nil || path == "" || strings.ContainsRune(path, 0) || filepath.Dir(absolute) == absolute {
		return nil
	}
	base, rest := glob.Split("", absolute)
	return []Grant{{kind: Read, value: absolute, own: true, base: base, rest: rest}}
}

// parse reads one value of --allow.
func parse(spec string) (Grant, error) {
	name, value, has := strings.Cut(spec, "=")
	g := Grant{kind: Kind(name), value: value}
	if !slices.Contains(Kinds, g.kind) {
		return g, fmt.Errorf("%q: there is no permission %q; there are %s", spec, name, names())
	}
	switch {
	case !has:
		return g, nil
	case value == "" || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return g, fmt.Errorf("%q: want %s for all, or %[2]s=WHAT", spec, name)
	}
	var err error
	switch g.kind {
	case Net, Listen:
		if strings.Contains(value, "/") {
			return g, fmt.Errorf("%q: want %s=HOST, %[2]s=HOST:PORT or %[2]s=:PORT", spec, name)
		}
		g.value, g.port = splitAddress(value)
		switch _, e := strconv.Atoi(value); {
		case strings.ContainsAny(value, ", \t"):
			return g, fmt.Errorf("%q: a host has no comma and no space; repeat --allow for each", spec)
		case e == nil:
			return g, fmt.Errorf("%q: %[2]s is no host; a port is %[3]s=:%[2]s", spec, value, name)
		case strings.Contains(g.value, "*") && g.value != "*" && strings.LastIndex(g.value, "*.") != 0:
			return g, fmt.Errorf("%q: * stands for all hosts, or before a dot, as in *.example.com", spec)
		}
		if n, e := strconv.ParseUint(g.port, 10, 16); g.port != "" && (e != nil || g.kind == Net && n == 0) {
			err = fmt.Errorf("%q: %q is no port", spec, g.port)
		}
	case Read, Write:
		g.value, err = filepath.Abs(value)
	case Unix, Serial:
		if g.value[0] != '@' && (g.kind == Unix || strings.ContainsAny(value, `/\`)) {
			g.value, err = filepath.Abs(value)
		}
	case FD:
		if _, e := strconv.ParseUint(value, 10, 31); e != nil {
			err = fmt.Errorf("%q: want fd=NUMBER", spec)
		}
	case Env:
		if strings.ContainsAny(value, ", ") || strings.Contains(strings.TrimSuffix(value, "*"), "*") {
			err = fmt.Errorf("%q: want env=NAME or env=PREFIX*, and one --allow for each", spec)
		}
	case Stdio:
		err = fmt.Errorf("%q: want stdio alone", spec)
	}
	return g, err
}

// splitAddress splits HOST, HOST:PORT or :PORT and writes the host in the one form that it is compared in: names in any
// case and with or without the dot of the root are the same, as are an international one and its ASCII form, and so are
// the spellings of an IPv6 address.
func splitAddress(text string) (host, port string) {
	host = text
	if _, err := netip.ParseAddr(text); err != nil {
		if h, p, err := net.SplitHostPort(text); err == nil {
			host, port = h, p
		}
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	host = strings.ToLower(strings.TrimRight(host, "."))
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		host = addr.Unmap().String()
	}
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		port = strconv.FormatUint(n, 10)
	}
	return host, port
}

// matches reports whether the grant allows an effect.
func (g Grant) matches(e Effect) bool {
	if g.kind != e.Kind || g.by != nil && !slices.Contains(g.by, e.By) {
		return false
	}
	switch g.kind {
	case Net, Listen:
		host, port := splitAddress(e.Target)
		if host == "" && g.kind == Net {
			host = "localhost" // what is dialled then
		}
		return (g.port == "" || g.port == port) && sameHost(g.value, host)
	}
	if g.value == "" || g.value == e.Target {
		return true
	}
	switch g.kind {
	case Exec:
		return program(g.value) == program(e.Target)
	case Env:
		prefix, ok := strings.CutSuffix(g.value, "*")
		return ok && strings.HasPrefix(e.Target, prefix)
	case Unix:
		return g.value[0] != '@' && !strings.HasPrefix(e.Target, "@") && below(realParent(g.value), realParent(e.Target)) != ""
	case Serial:
		return real(g.value) == real(e.Target)
	case Read, Write:
		_, _, ok := g.place(e.Target)
		return ok
	}
	return false
}

// covers reports whether all that h allows is allowed by g.
func (g Grant) covers(h Grant) bool {
	if g.kind != h.kind || g.value != "" && h.value == "" && h.port == "" {
		return false
	}
	target := h.value
	if g.kind == Net || g.kind == Listen {
		target = net.JoinHostPort(h.value, h.port)
	}
	return g.value == "" && g.port == "" || g.value == h.value && g.port == h.port || g.matches(Effect{Kind: h.kind, Target: target})
}

func sameHost(grant, host string) bool {
	suffix, wild := strings.CutPrefix(grant, "*")
	switch {
	case grant == "", grant == "*":
		return true
	case wild && strings.HasPrefix(suffix, "."):
		return strings.HasSuffix(host, suffix)
	}
	return grant == host
}

// program is the path of a program. The last link of it stays: what a program of many names does goes by the name.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		name = path
	}
	if !strings.ContainsAny(name, `/\`) {
		return name
	}
	return realParent(name)
}
