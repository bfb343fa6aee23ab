package transports

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

type fake struct{ url string }

func (fake) Dial(context.Context, string) (net.Conn, error) { return nil, errors.New("unused") }

func entry(scheme string) Entry {
	return Entry{
		Scheme: scheme, Summary: "for tests", Example: scheme + ":",
		Open: func(u *url.URL, _ Options) (Transport, error) {
			if u.Host == "bad" {
				return nil, errors.New("bad host")
			}
			return fake{u.String()}, nil
		},
	}
}

func TestRegistry(t *testing.T) {
	var r Registry
	r.Register(entry("one"))
	r.Register(entry("two"))
	var schemes []string
	for _, e := range r.Entries() {
		schemes = append(schemes, e.Scheme)
	}
	if want := []string{"one", "two"}; !slices.Equal(schemes, want) {
		t.Errorf("entries %v, want %v in order of registration", schemes, want)
	}
	for _, raw := range []string{"one:", "two:///dev/x?y=1", "one://host:1"} {
		tr, err := r.Open(raw, Options{})
		if err != nil || tr.(fake).url != raw {
			t.Errorf("%s: opened %v, %v", raw, tr, err)
		}
	}
	if tr, err := r.Open("ONE://x", Options{}); err != nil || tr.(fake).url != "one://x" {
		t.Errorf("a scheme in capitals: %v, %v", tr, err)
	}
	for raw, want := range map[string]string{
		"":             "does not say which transport",
		"/dev/ttyUSB0": "does not say which transport",
		"/a:b":         "does not say which transport",
		"COM3":         "does not say which transport",
		"three:":       `unknown transport "three"; there are one:, two:`,
		"host:80":      `unknown transport "host"`,
		"one://bad":    "bad host; an example is one:",
		"one://x#y":    "%23",
		"one://[::1":   "missing ']' in host",
		"one://%zz":    "invalid URL escape",
	} {
		_, err := r.Open(raw, Options{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), fmt.Sprintf("transport %q: ", raw)) {
			t.Errorf("%q: %v, want the URL and %q in it", raw, err, want)
		}
		if errors.Is(err, ErrUnknown) != strings.Contains(want, "unknown transport") {
			t.Errorf("%q: errors.Is ErrUnknown is wrong for %v", raw, err)
		}
	}
}

func TestRegisterPanics(t *testing.T) {
	incomplete := entry("x")
	incomplete.Open = nil
	for name, e := range map[string]Entry{
		"duplicate": entry("one"), "no scheme": entry(""), "capitals": entry("X"), "no Open": incomplete,
	} {
		t.Run(name, func(t *testing.T) {
			var r Registry
			r.Register(entry("one"))
			defer func() {
				if recover() == nil {
					t.Error("Register did not panic")
				}
				if n := len(r.Entries()); n != 1 {
					t.Errorf("%d entries are left, want 1", n)
				}
			}()
			r.Register(e)
		})
	}
}

func TestResolve(t *testing.T) {
	r := Resolve{}
	for _, e := range []string{
		"one.example:80:192.0.2.1",
		"One.Example.:443:192.0.2.2,[2001:db8::2],2001:db8::3",
		"v6.example:80:2001:db8::1",
		"v6.example:81:[2001:db8::1]",
		"+expiring.example:80:192.0.2.3",
		"[2001:DB8:0::9]:80:192.0.2.9",
		"*:80:192.0.2.99",
		"link.example:80:[fe80::1%eth0]",
		"again.example:80:192.0.2.4",
		"again.example:80:192.0.2.5",
		"Bücher.example:80:192.0.2.6",
		"xn--mller-kva.example.:80:192.0.2.7",
		"under_score.example:80:192.0.2.8",
	} {
		if err := r.Add(e); err != nil {
			t.Errorf("%s: %v", e, err)
		}
	}
	for addr, want := range map[string]string{
		"one.example:80":      "[192.0.2.1]",
		"ONE.example.:80":     "[192.0.2.1]",
		"one.example:443":     "[192.0.2.2 2001:db8::2 2001:db8::3]",
		"v6.example:80":       "[2001:db8::1]",
		"v6.example:81":       "[2001:db8::1]",
		"expiring.example:80": "[192.0.2.3]",
		"[2001:db8::9]:80":    "[192.0.2.9]",
		"link.example:80":     "[fe80::1%eth0]",
		"again.example:80":    "[192.0.2.5]",
		"any.example:80":      "[192.0.2.99]",

		"xn--bcher-kva.example:80": "[192.0.2.6]",
		"bücher.EXAMPLE.:80":       "[192.0.2.6]",
		"müller.example:80":        "[192.0.2.7]",
		"XN--MLLER-kva.example:80": "[192.0.2.7]",
		"Under_Score.example:80":   "[192.0.2.8]",
		"any.example:443":          "",
		"no port":                  "",
	} {
		got := ""
		if addrs, ok := r.Lookup(addr); ok {
			got = fmt.Sprint(addrs)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
	if _, ok := Resolve(nil).Lookup("one.example:80"); ok {
		t.Error("a nil Resolve found something")
	}
}

func TestResolveRefuses(t *testing.T) {
	for e, want := range map[string]string{
		"":                          "no port",
		"host":                      "no port",
		"host:80":                   "no address",
		":80:192.0.2.1":             "no host",
		"host:http:192.0.2.1":       `port "http"`,
		"host:0:192.0.2.1":          `port "0"`,
		"host:65536:192.0.2.1":      `port "65536"`,
		"host:80:":                  `"" is no IP address`,
		"host:80:other.example":     `"other.example" is no IP address`,
		"host:80:192.0.2.1,":        `"" is no IP address`,
		"[2001:db8::1:80:192.0.2.1": "no ]:",
	} {
		r := Resolve{}
		err := r.Add(e)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", e, err, want)
		}
		if len(r) != 0 {
			t.Errorf("%q: refused, but added %v", e, r)
		}
	}
}

func TestCheckQuery(t *testing.T) {
	for raw, want := range map[string]string{
		"x:":         "",
		"x:?a=1":     "",
		"x:?a=1&b=":  "",
		"x:?c=1":     `unknown parameter "c"; x: has a, b`,
		"x:?a=1&a=2": `parameter "a" is given 2 times`,
		"x:?a=%zz":   "invalid URL escape",
		"x:?a=1;b=2": "semicolon",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		err = CheckQuery(u, "a", "b")
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && !strings.Contains(got, want) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
	if err := CheckQuery(&url.URL{Scheme: "x", RawQuery: "a=1"}); err == nil || !strings.Contains(err.Error(), "x: has none") {
		t.Errorf("no parameters known: %v", err)
	}
}

func TestErrors(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	one := &DialError{Transport: "tcp", Addr: "192.0.2.1:80", Tried: []string{"192.0.2.1:80"}, Err: refused}
	two := &DialError{Transport: "tcp", Addr: "host:80", Tried: []string{"[2001:db8::1]:80", "192.0.2.1:80"}, Err: refused, Hint: "try again"}
	text := syscall.ECONNREFUSED.Error()
	for _, c := range []struct{ got, want string }{
		{one.Error(), "connect to 192.0.2.1:80: connect: " + text},
		{two.Error(), "connect to host:80: 192.0.2.1:80: connect: " + text + " (tried [2001:db8::1]:80, 192.0.2.1:80); try again"},
		{(&ListenError{Addr: ":80", Err: refused, Hint: "h"}).Error(), "listen on :80: connect: " + text + "; h"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	if !Refused(one) || !Refused(fmt.Errorf("x: %w", &ListenError{Err: refused})) || Refused(errors.New("refused")) {
		t.Error("Refused is wrong")
	}
	if !Timeout(context.DeadlineExceeded) || !Timeout(&DialError{Err: os.ErrDeadlineExceeded}) || Timeout(context.Canceled) {
		t.Error("Timeout is wrong")
	}
}

// FuzzResolve checks that no entry panics and that what is accepted is found again.
func FuzzResolve(f *testing.F) {
	for _, e := range []string{"a:1:1.2.3.4", "[::1]:80:[::1],::2", "*:443:fe80::1%x", "+h:1:::", "[]:1:::1", "h:00080:1.1.1.1", "[[]]:1:::"} {
		f.Add(e)
	}
	f.Fuzz(func(t *testing.T, e string) {
		r := Resolve{}
		if err := r.Add(e); err != nil {
			if len(r) != 0 {
				t.Fatalf("%q: refused with %v, but added %v", e, err, r)
			}
			return
		}
		for key, addrs := range r {
			if len(addrs) == 0 {
				t.Fatalf("%q: entry %q without an address", e, key)
			}
			if got, ok := r.Lookup(key); !ok || !slices.Equal(got, addrs) {
				// A host with a colon or bracket within is never asked for.
				if _, _, err := net.SplitHostPort(key); err == nil {
					t.Fatalf("%q: entry %q is not found", e, key)
				}
			}
		}
	})
}

// TestOpaque gives a transport what follows its scheme as it was written.
func TestOpaque(t *testing.T) {
	var got string
	var r Registry
	r.Register(Entry{Scheme: "raw", Summary: "s", Example: "raw:", Opaque: true, Open: func(u *url.URL, _ Options) (Transport, error) {
		got = u.Scheme + "|" + u.Opaque
		return nil, nil
	}})
	for _, rest := range []string{"", "a b", "//x/%zz?#", "/bin/sh -c 'a:b'"} {
		if _, err := r.Open("RAW:"+rest, Options{}); err != nil || got != "raw|"+rest {
			t.Errorf("%q: %q, %v", rest, got, err)
		}
	}
}

// TestNoPassword looks for the password of a URL in every error of Open.
func TestNoPassword(t *testing.T) {
	var r Registry
	r.Register(Entry{Scheme: "p", Summary: "s", Example: "p:", Open: func(*url.URL, Options) (Transport, error) {
		return nil, errors.New("no")
	}})
	for _, raw := range []string{"p://u:secret@h", "q://u:secret@h", "p://u:secret@h#x", "p://u:sec@ret@h:x", "//u:secret@h", "p://u:secret%zz@h"} {
		_, err := r.Open(raw, Options{})
		if err == nil || strings.Contains(err.Error(), "sec") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
