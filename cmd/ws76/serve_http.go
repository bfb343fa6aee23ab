package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/core/serve/channels"
	"github.com/ws76/ws76/core/serve/dashboard"
)

// newHTTP is what answers requests that ask for no WebSocket.
func (s *service) newHTTP(c *cli.Context) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("/healthz", s.metrics.Health())
	mux.Handle(channels.Prefix, s.checkPage(&channels.HTTP{
		Hub: s.hub, MaxMessage: s.server.Accept.MaxMessage, MessageTimeout: s.server.Accept.MessageTimeout, Pending: s.server.Accept.Pending, Queue: s.settings.Queue, Slow: s.slow, Stop: s.stopping,
		Dropped: func(channel string, n uint64) {
			s.tooSlow(fmt.Sprintf("channel %q", channel), n, "a client of its HTTP stream reads slowly")
		},
		Hooks: s.httpHooks,
	}))
	switch path := c.String("metrics"); {
	case path == "off" || path == "":
	case !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " {}"):
		return nil, usagef("--metrics %q: want a path like /metrics, or off", path)
	case path == "/" || path == "/healthz" || strings.HasPrefix(path, channels.Prefix) || strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/dashboard/"):
		return nil, usagef("--metrics %q: something else is there", path)
	default:
		mux.Handle(path, s.metrics)
	}
	var page http.Handler = http.HandlerFunc(s.nothing)
	if s.dashboard {
		public, err := publicURL(c)
		if err != nil {
			return nil, err
		}
		if public != nil {
			s.publicHosts = []string{public.Hostname()}
		}
		page = dashboard.New(dashboard.Options{Source: s, Version: buildVersion(), Hosts: s.publicHosts})
		mux.Handle("/dashboard/", page)
		mux.Handle("/api/", page)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.static != nil && s.static.Has(r.URL.Path):
			s.static.ServeHTTP(w, r)
		case r.URL.Path == "/":
			page.ServeHTTP(w, r)
		default:
			s.nothing(w, r)
		}
	})
	return s.authenticated(mux), nil
}

// nothing answers for paths where there is a WebSocket at most.
func (s *service) nothing(w http.ResponseWriter, r *http.Request) {
	if s.echo || s.exec != nil || s.shared != nil || len(s.scripts) > 0 || r.URL.Path == "/echo" {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "This is a WebSocket server; the request asks for no upgrade.", http.StatusUpgradeRequired)
		return
	}
	http.Error(w, "Nothing is here. Channels are at /ws/CHANNEL/rw.", http.StatusNotFound)
}

// checkPage refuses what a page asks for that may not: one of another site, unless
// --origin allows it.
func (s *service) checkPage(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		listed := len(s.origins) > 0 && origin != "" && s.origins.allow(origin)
		if err := dashboard.CheckSite(r); err != nil && !listed {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}
