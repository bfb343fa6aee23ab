// Package dashboard is a page that shows a server's channels, connections and
// messages, and plots the values among them.
//
// The page is in the binary and asks nobody else for anything. What it shows of the server it asks for every second
// under /api/; messages it gets and sends as any client does, over WebSockets of the same port.
package dashboard

import (
	"crypto/rand"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed page
var page embed.FS

// Source is what the page shows. Its methods are called from one goroutine at a
// time, at most twice a second and only while somebody looks.
type Source interface {
	Status() Status
	// Channels yields the channels that have somebody in them, Conns the open
	// connections, both in any order and until yield returns false.
	Channels(yield func(Channel) bool)
	Conns(yield func(Conn) bool)
}

// Status is totals since the server started, which never go down.
type Status struct {
	Started             time.Time
	MessagesIn, BytesIn uint64
	MessagesOut         uint64
	BytesOut            uint64
	Dropped             uint64 // messages
	Refused             uint64 // opening handshakes
}

// Channel is a channel of the server; the counts are of what was published.
type Channel struct {
	Name                     string
	Publishers, Subscribers  int
	Messages, Bytes, Dropped uint64
}

// Conn is an open WebSocket connection.
type Conn struct {
	ID                    uint64 // no other has it while the server runs
	Channel, Mode         string // Mode is "rw", "ro", "wo" or ""
	Dialect, Transport    string
	Address               string // of the peer
	Secure                bool   // over TLS
	Opened                time.Time
	MessagesIn, BytesIn   uint64
	MessagesOut, BytesOut uint64
	Dropped               uint64
	Queued                int // messages that wait to be sent
}

// Options say what a Handler shows. Source must be set.
type Options struct {
	Source  Source
	Version string // of the program, for the page's foot
}

// Handler serves the page at /, what it consists of under /dashboard/ and what it asks for under /api/. Who may ask is
// decided before, by core/serve/gate. It has no goroutines and no state but a cache.
type Handler struct {
	options Options
	run     string // another one after a restart, so that the page can tell
	mux     *http.ServeMux

	mu     sync.Mutex
	cached snapshot
}

// New returns a Handler.
func New(o Options) *Handler {
	var run [8]byte
	rand.Read(run[:])
	h := &Handler{options: o, run: hex.EncodeToString(run[:]), mux: http.NewServeMux()}
	h.mux.HandleFunc("GET /{$}", servePage)
	h.mux.HandleFunc("GET /dashboard/{file}", serveFile)
	h.mux.HandleFunc("GET /api/state", h.serveState)
	return h
}

// ServeHTTP answers for the page.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Cache-Control", "no-cache")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("X-Frame-Options", "DENY")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.mux.ServeHTTP(w, r)
}

// policy is what the page may do: nothing but use what is served beside it, and scripts only from files. Trusted types
// refuse text that is made into elements, whoever tries.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'; " +
	"connect-src 'self'"

func servePage(w http.ResponseWriter, r *http.Request) {
	// 'self' is no WebSocket in older browsers.
	sources := ""
	if host := r.Host; isHost(host) {
		sources = " ws://" + host + " wss://" + host
	}
	w.Header().Set("Content-Security-Policy", policy+sources)
	serve(w, r, "index.html")
}

func serveFile(w http.ResponseWriter, r *http.Request) { serve(w, r, r.PathValue("file")) }

func serve(w http.ResponseWriter, r *http.Request, name string) {
	file := path.Join("page", name)
	body, err := fs.ReadFile(page, file)
	if err != nil || strings.Contains(name, "/") {
		http.Error(w, "the dashboard has no such file", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", contentType(name))
	w.Header().Set("ETag", etag(body))
	http.ServeContent(w, r, name, time.Time{}, strings.NewReader(string(body)))
}

// contentType does not ask the system, whose table may be anything.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/plain; charset=utf-8"
}
