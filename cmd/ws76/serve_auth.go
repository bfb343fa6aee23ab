package main

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/core/serve/auth"
)

// letIn decides for every way in whether a client is a user of --auth-file: from is its
// address for the log, field its Authorization. Without --auth-file there is no grant.
// watch is how to see that the client hangs up.
func (s *service) letIn(watch func() (context.Context, func()), from, field string) (*auth.Grant, *core.Refusal) {
	if s.guard == nil {
		return nil, nil
	}
	ctx := context.Background()
	if s.guard.Waits() {
		var stop func()
		ctx, stop = watch()
		defer stop()
	}
	grant, err := s.guard.Check(ctx, networkOf(from), field)
	var busy *auth.BusyError
	switch {
	case err == nil:
		return grant, nil
	case errors.Is(err, auth.ErrWrong):
		return nil, &core.Refusal{Status: http.StatusUnauthorized, Reason: "Unauthorized", Text: err.Error(),
			Fields: hixie.Fields{{Name: "WWW-Authenticate", Value: auth.Challenge}}}
	case errors.As(err, &busy):
		r := &core.Refusal{Status: http.StatusServiceUnavailable, Reason: "Service Unavailable", Text: err.Error(),
			Fields: hixie.Fields{{Name: "Retry-After", Value: strconv.Itoa(max(1, int(busy.Retry/time.Second)))}}}
		if busy.Address {
			r.Status, r.Reason = http.StatusTooManyRequests, "Too Many Requests"
		}
		return nil, r
	}
	return nil, &core.Refusal{Status: http.StatusServiceUnavailable, Reason: "Service Unavailable", Text: err.Error()}
}

// networkOf is what attempts are counted by: an address, of IPv6 a network of 64 bits,
// which one client may have for itself.
func networkOf(name string) string {
	addr, err := netip.ParseAddr(name)
	if err != nil {
		port, err := netip.ParseAddrPort(name)
		if err != nil {
			return name
		}
		addr = port.Addr()
	}
	if addr = addr.Unmap(); addr.Is6() {
		if network, err := addr.WithZone("").Prefix(64); err == nil {
			return network.String()
		}
	}
	return addr.String()
}

// authenticated lets in users of --auth-file. Whether the server is well is nobody's
// secret. Who is not let in keeps no connection either.
func (s *service) authenticated(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.guard == nil {
			h.ServeHTTP(w, r)
			return
		}
		if r.URL.Path == "/healthz" {
			w.Header().Set("Connection", "close")
			h.ServeHTTP(w, r)
			return
		}
		grant, refusal := s.letIn(func() (context.Context, func()) { return serve.Watch(r) }, s.remoteOf(r), r.Header.Get("Authorization"))
		if refusal != nil {
			for _, f := range refusal.Fields {
				w.Header().Set(f.Name, f.Value)
			}
			w.Header().Set("Connection", "close")
			http.Error(w, refusal.Text, refusal.Status)
			return
		}
		defer context.AfterFunc(grant.Context(), func() { serve.CutOff(r.Context()) })()
		h.ServeHTTP(w, r)
	})
}

// remoteOf is remoteName for a request over HTTP.
func (s *service) remoteOf(r *http.Request) string {
	var fields hixie.Fields
	for _, value := range r.Header.Values("X-Forwarded-For") {
		fields = append(fields, hixie.Field{Name: "X-Forwarded-For", Value: value})
	}
	return s.remoteName(textAddr(r.RemoteAddr), fields)
}

// textAddr is an address as net/http has it.
type textAddr string

func (a textAddr) Network() string { return "" }
func (a textAddr) String() string  { return string(a) }
