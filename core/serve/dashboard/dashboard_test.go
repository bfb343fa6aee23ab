package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ws76/ws76/internal/testenv"
)

// server is a Source of given channels and connections.
type server struct {
	channels []Channel
	conns    []Conn
	asked    atomic.Int32
}

func (s *server) Status() Status {
	s.asked.Add(1)
	return Status{Started: time.Unix(1, 0), MessagesIn: 1, BytesIn: 2, MessagesOut: 3, BytesOut: 4, Dropped: 5, Refused: 6}
}

func (s *server) Channels(yield func(Channel) bool) {
	for _, c := range s.channels {
		if !yield(c) {
			return
		}
	}
}

func (s *server) Conns(yield func(Conn) bool) {
	for _, c := range s.conns {
		if !yield(c) {
			return
		}
	}
}

var twoChannels = &server{
	channels: []Channel{{Name: "kitchen", Publishers: 1, Subscribers: 2, Messages: 7, Bytes: 70, Dropped: 1}, {Name: "attic"}},
	conns: []Conn{
		{ID: 1, Channel: "kitchen", Mode: "rw", Dialect: "hixie-76", Transport: "tcp", Address: "192.0.2.1:5", Opened: time.Unix(2, 0), MessagesIn: 3, Queued: 4},
		{ID: 3, Channel: "attic", Mode: "ro", Dialect: "rfc6455", Transport: "tls", Address: "192.0.2.3:5"},
		{ID: 2, Dialect: "hixie-76", Transport: "unix", Address: "@"},
	},
}

func get(t *testing.T, h http.Handler, target string, change ...func(*http.Request)) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", target, nil)
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func getState(t *testing.T, h http.Handler, query string) (s state) {
	t.Helper()
	r := get(t, h, "/api/state"+query)
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s: %s %v", query, r.Status, r.Header)
	}
	if err := json.Unmarshal([]byte(body(t, r)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestState(t *testing.T) {
	h := New(Options{Source: twoChannels, Version: "1.2"})
	names := func(s state) string {
		var b strings.Builder
		for _, c := range s.Channels {
			fmt.Fprint(&b, c.Name, " ")
		}
		for _, c := range s.Conns {
			fmt.Fprint(&b, c.ID, " ")
		}
		return strings.TrimSpace(b.String())
	}
	for _, test := range []struct{ query, want string }{
		{"", "attic kitchen 3 2 1"},
		{"?q=KIT", "kitchen 1"},
		{"?q=rfc", "3"},
		{"?q=unix", "2"},
		{"?q=192.0.2.1", "1"},
		{"?channel=attic", "attic kitchen 3"},
		{"?channel=attic&q=kit", "attic kitchen 3"},
		{"?q=none", ""},
	} {
		if got := names(getState(t, h, test.query)); got != test.want {
			t.Errorf("%q: got %q, want %q", test.query, got, test.want)
		}
	}
	s := getState(t, h, "")
	if s.Version != "1.2" || s.Run == "" || s.Status.MessagesIn != 1 || s.Status.Refused != 6 || s.ConnsTotal != 3 || s.ChannelsTotal != 2 ||
		s.Dialects["hixie-76"] != 2 || s.Dialects["rfc6455"] != 1 {
		t.Errorf("got %+v", s)
	}
	if c := s.Conns[2]; c.ID != 1 || c.Channel != "kitchen" || c.Mode != "rw" || c.MessagesIn != 3 || c.Queued != 4 || !c.Opened.Equal(time.Unix(2, 0)) {
		t.Errorf("got %+v", c)
	}
	if c := s.Channels[1]; c != (channelJSON{"kitchen", 1, 2, 7, 70, 1}) {
		t.Errorf("got %+v", c)
	}
	if other := getState(t, New(Options{Source: twoChannels}), ""); other.Run == s.Run {
		t.Error("two runs of a server have the same name")
	}
}

// TestStateIsBounded: many connections, long filters, many who look.
func TestStateIsBounded(t *testing.T) {
	many := &server{}
	for i := range 5000 {
		many.channels = append(many.channels, Channel{Name: fmt.Sprintf("c%04d", i)})
		many.conns = append(many.conns, Conn{ID: uint64(i), Channel: fmt.Sprintf("c%04d", i)})
	}
	h := New(Options{Source: many})
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			r := httptest.NewRequest("GET", "/api/state?channel=c4999", nil)
			h.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	all.Wait()
	s := getState(t, h, "?channel=c4999")
	if len(s.Channels) != maxRows+1 || s.Channels[maxRows].Name != "c4999" || s.ChannelsMatched != 5000 || len(s.Conns) != 1 {
		t.Errorf("got %d channels of %d, %d connections", len(s.Channels), s.ChannelsMatched, len(s.Conns))
	}
	if s := getState(t, h, ""); len(s.Conns) != maxRows || s.ConnsMatched != 5000 || s.Conns[0].ID != 4999 {
		t.Errorf("got %d connections of %d", len(s.Conns), s.ConnsMatched)
	}
	// Only a machine that needs more than half a second for the above asks again.
	if n := many.asked.Load(); n > 4 {
		t.Errorf("the source was asked %d times", n)
	}
	if r := get(t, h, "/api/state?q="+strings.Repeat("x", maxFilter+1)); r.StatusCode != 400 {
		t.Errorf("a long filter: %s", r.Status)
	}
}

func TestPage(t *testing.T) {
	h := New(Options{Source: twoChannels})
	r := get(t, h, "/")
	text := body(t, r)
	csp := r.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "connect-src 'self' ws://example.com wss://example.com"} {
		if !strings.Contains(csp, want) {
			t.Errorf("no %q in the policy %q", want, csp)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
		t.Errorf("the policy lets through too much: %q", csp)
	}
	if inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|\son\w+=|<style|style=|https?://`).FindString(text); inline != "" {
		t.Errorf("the page has %q in it", inline)
	}
	// Whatever the page asks for is there, and with its type: nosniff is on.
	links := regexp.MustCompile(`(?:src|href)="(dashboard/[^"]+)"`).FindAllStringSubmatch(text, -1)
	if len(links) < 5 {
		t.Fatalf("found only %v", links)
	}
	for _, m := range links {
		r := get(t, h, "/"+m[1])
		if kind := r.Header.Get("Content-Type"); r.StatusCode != 200 || strings.HasPrefix(kind, "text/plain") || r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s %s", m[1], r.Status, kind)
		}
	}
	r = get(t, h, "/dashboard/app.js")
	again := get(t, h, "/dashboard/app.js", func(q *http.Request) { q.Header.Set("If-None-Match", r.Header.Get("ETag")) })
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("a known file: %s", again.Status)
	}
	for _, target := range []string{"/x", "/dashboard/", "/dashboard/nothing.js", "/dashboard/..%2fdashboard.go", "/dashboard/%2e%2e", "/api/", "/api/x"} {
		if r := get(t, h, target); r.StatusCode < 300 {
			t.Errorf("%s: %s", target, r.Status)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/api/state", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// TestPageAsksNobodyElse finds addresses of other hosts in what is served.
func TestPageAsksNobodyElse(t *testing.T) {
	address := regexp.MustCompile(`https?://[\w.-]+`)
	err := fs.WalkDir(page, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(page, path)
		for _, found := range address.FindAllString(string(text), -1) {
			// The name of SVG, and the home of uPlot in its licence line.
			if found != "http://www.w3.org" && (found != "https://github.com" || !strings.Contains(path, "uPlot")) {
				t.Errorf("%s: %s", path, found)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPageMakesNoMarkup holds the page to what its policy demands too.
func TestPageMakesNoMarkup(t *testing.T) {
	files, err := fs.Glob(page, "page/*.js")
	if err != nil || len(files) < 8 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, _ := fs.ReadFile(page, file)
		if found := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function`).Find(text); found != nil {
			t.Errorf("%s: %s", file, found)
		}
	}
}

func TestPolicyQuotesHosts(t *testing.T) {
	for _, host := range []string{"a; script-src *", "a b", "a,b", "a'b", ""} {
		r := get(t, New(Options{Source: twoChannels}), "/", func(r *http.Request) { r.Host = host })
		if csp := r.Header.Get("Content-Security-Policy"); csp != policy {
			t.Errorf("%q: %q", host, csp)
		}
	}
}

// TestScripts runs the tests of the page's modules that need no browser.
func TestScripts(t *testing.T) {
	node := testenv.Need(t, "node", "nodejs")
	files, err := filepath.Glob("testdata/*.test.js")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, node, append([]string{"--test"}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if !regexp.MustCompile(`(?m)^(#|ℹ) pass [1-9]`).Match(out) {
		t.Errorf("no test ran:\n%s", out)
	}
}

// BenchmarkState is an answer to the page on a server with 10 000 channels and
// 19 000 connections: "asked" walks them, "cached" is what another page gets
// within half a second.
func BenchmarkState(b *testing.B) {
	many := &server{}
	for i := range 10000 {
		many.channels = append(many.channels, Channel{Name: fmt.Sprintf("device-%05d", i), Publishers: 1, Subscribers: 1})
	}
	for i := range 19000 {
		many.conns = append(many.conns, Conn{ID: uint64(i), Channel: many.channels[i%10000].Name, Mode: "rw", Dialect: "hixie-76", Transport: "tcp", Address: "192.0.2.1:12345"})
	}
	for _, cached := range []bool{false, true} {
		name := map[bool]string{false: "asked", true: "cached"}[cached]
		b.Run(name, func(b *testing.B) {
			h := New(Options{Source: many})
			r := httptest.NewRequest("GET", "/api/state", nil)
			b.ReportAllocs()
			for b.Loop() {
				if !cached {
					h.cached.at = time.Time{}
				}
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
