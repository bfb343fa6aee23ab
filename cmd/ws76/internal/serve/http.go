package serve

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/front"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve/channels"
	"github.com/ws76/ws76/core/serve/dashboard"
	"github.com/ws76/ws76/core/serve/metrics"
)

// newHTTP is what answers requests that ask for no WebSocket. What is a channel is told by
// the path as it was sent, as for a WebSocket.
func (s *service) newHTTP(at string) (http.Handler, error) {
	accept := &s.server.Accept
	messages := &channels.HTTP{
		Hub: s.hub, Queue: s.settings.Queue, Slow: s.slow, Stop: s.stopping, Hooks: s.httpHooks,
		MaxMessage: accept.MaxMessage, MessageTimeout: accept.MessageTimeout, Pending: accept.Pending,
		Dropped: func(channel string, n uint64) {
			s.tooSlow(fmt.Sprintf("channel %q", channel), n, "a client of its HTTP stream reads slowly")
		},
		Unsent: func(_ string, n uint64) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.handlers.unsent += n
		},
	}
	switch {
	case at == "off":
		at = ""
	case at == "":
	case !strings.HasPrefix(at, "/") || strings.ContainsAny(at, " {}"):
		return nil, app.Usagef("--metrics %q: want a path like /metrics, or off", at)
	case at == "/", at == "/healthz", strings.HasPrefix(at, channels.Prefix),
		strings.HasPrefix(at, "/api/"), strings.HasPrefix(at, "/dashboard/"):
		return nil, app.Usagef("--metrics %q: something else is there", at)
	}
	var page http.Handler = http.HandlerFunc(s.nothing)
	if s.dashboard {
		page = dashboard.New(dashboard.Options{Source: s, Version: s.Program.Version})
	}
	health := s.metrics.Health()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case front.IsChannel(r.RequestURI):
			messages.ServeHTTP(w, r)
		case path == "/healthz":
			if s.Guard != nil { // who is no user keeps no connection
				w.Header().Set("Connection", "close")
			}
			health.ServeHTTP(w, r)
		case path == at:
			s.metrics.ServeHTTP(w, r)
		case s.dashboard && (strings.HasPrefix(path, "/dashboard/") || strings.HasPrefix(path, "/api/")):
			page.ServeHTTP(w, r)
		case s.static != nil && s.static.Has(path):
			s.static.ServeHTTP(w, r)
		case path == "/":
			page.ServeHTTP(w, r)
		default:
			s.nothing(w, r)
		}
	}), nil
}

// quickHealth answers for health, as metrics.Health does.
func (s *service) quickHealth(r *hixie.Request) (status int, fields hixie.Fields, body string) {
	if r.Resource != "/healthz" {
		return 0, nil, ""
	}
	status, body = s.metrics.Healthy()
	return status, healthFields, body
}

var healthFields = func() (fields hixie.Fields) {
	for name, value := range metrics.Uncached {
		fields = append(fields, hixie.Field{Name: name, Value: value})
	}
	return append(fields, hixie.Field{Name: "Content-Type", Value: metrics.HealthType})
}()

// nothing answers for paths where there is a WebSocket at most.
func (s *service) nothing(w http.ResponseWriter, r *http.Request) {
	if s.echo || s.exec != nil || s.shared != nil || len(s.Scripts) > 0 || r.URL.Path == "/echo" {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "This is a WebSocket server; the request asks for no upgrade.", http.StatusUpgradeRequired)
		return
	}
	http.Error(w, "Nothing is here. Channels are at /ws/CHANNEL/rw.", http.StatusNotFound)
}

// remoteOf is remoteName for a request over HTTP.
func (s *service) remoteOf(r *http.Request) string {
	var fields hixie.Fields
	for _, value := range r.Header.Values("X-Forwarded-For") {
		fields = append(fields, hixie.Field{Name: "X-Forwarded-For", Value: value})
	}
	return s.RemoteName(textAddr(r.RemoteAddr), fields)
}

// textAddr is an address as net/http has it.
type textAddr string

func (a textAddr) Network() string { return "" }
func (a textAddr) String() string  { return string(a) }
