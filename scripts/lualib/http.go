package lualib

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/internal/tcplimit"
	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luastring"
	"github.com/ws76/ws76/scripts/permit"
)

// httpTimeout bounds a request that does not say its own.
const httpTimeout = 30 * time.Second

const maxRedirects = 10

// watch has peers noticed that are gone without a word.
var watch = tcplimit.New(0)

// HTTP is what ws76.http is asked for.
type HTTP struct {
	permit            *permit.Permissions
	method, url, body string
	header            http.Header
	timeout           time.Duration
	limit             int
	raisedBy          string
}

// ParseHTTP reads the argument of ws76.http at index arg: a URL, or a table with url, method, headers, body and timeout. It
// raises errors.
func ParseHTTP(L *lua.LState, arg int, o *Options) HTTP {
	h := HTTP{permit: o.Permissions, method: http.MethodGet, header: http.Header{}, timeout: httpTimeout, limit: o.Budget.Largest(), raisedBy: luastring.RaisedBy(o.Budget.MaxStringBy)}
	if text, ok := L.Get(arg).(lua.LString); ok {
		h.url = string(text)
		return h
	}
	t := L.CheckTable(arg)
	lauxlib.OnlyKeys(L, t, "ws76.http", "url", "method", "headers", "body", "timeout")
	h.url = lua.LVAsString(t.RawGetString("url"))
	h.body = lua.LVAsString(t.RawGetString("body"))
	if m := lua.LVAsString(t.RawGetString("method")); m != "" {
		h.method = strings.ToUpper(m)
	} else if h.body != "" {
		h.method = http.MethodPost
	}
	if d := seconds(t.RawGetString("timeout")); d > 0 {
		h.timeout = d
	}
	if headers, ok := t.RawGetString("headers").(*lua.LTable); ok {
		headers.ForEach(func(k, v lua.LValue) { h.header.Set(lua.LVAsString(k), lua.LVAsString(v)) })
	}
	if h.url == "" {
		lauxlib.Errorf(L, "ws76.http: want a URL, or a table with url")
	}
	return h
}

// HTTPResult is the answer to a request.
type HTTPResult struct {
	Status int
	Header http.Header
	Body   string
}

// Do sends the request and reads the answer. Any status is an answer; the error is for what brought none.
func (h HTTP) Do(ctx context.Context) (HTTPResult, error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, h.method, h.url, strings.NewReader(h.body))
	if err != nil {
		if parsing, ok := errors.AsType[*url.Error](err); ok {
			err = parsing.Err // the rest is the URL, with a login perhaps
		}
		return HTTPResult{}, fmt.Errorf("http: the URL: %w", err)
	}
	req.Header = h.header
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	if err := h.ask(req.URL); err != nil {
		return HTTPResult{}, fmt.Errorf("http: %w", err)
	}
	// A connection of its own: nothing is left behind when the script ends.
	client := http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: watch.Dial, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
	}}
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if len(via) >= maxRedirects {
			return fmt.Errorf("more than %d redirections", maxRedirects)
		}
		if !sameOrigin(via[0].URL, req.URL) {
			for name := range h.header {
				if !harmless[http.CanonicalHeaderKey(name)] {
					req.Header.Del(name)
				}
			}
		}
		return h.ask(req.URL)
	}
	resp, err := client.Do(req)
	if err != nil {
		return HTTPResult{}, fmt.Errorf("http: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(h.limit)+1))
	if err != nil {
		return HTTPResult{}, fmt.Errorf("http: %s %s: reading the body: %w", h.method, req.URL.Redacted(), err)
	}
	if len(body) > h.limit {
		return HTTPResult{}, fmt.Errorf("http: %s %s: the body is larger than %d bytes%s", h.method, req.URL.Redacted(), h.limit, h.raisedBy)
	}
	return HTTPResult{resp.StatusCode, resp.Header, string(body)}, nil
}

// ask asks for the host of a URL, which may be one that an answer leads to.
func (h HTTP) ask(u *url.URL) error {
	port := portOf(u)
	if port == "" || u.Hostname() == "" {
		return fmt.Errorf("%q is no URL of HTTP; want http://HOST/ or https://HOST/", u.Redacted())
	}
	return h.permit.Ask(permit.Effect{Kind: permit.Net, Target: net.JoinHostPort(u.Hostname(), port), By: "http"})
}

// portOf is the port that a URL leads to, "" where it is none of HTTP.
func portOf(u *url.URL) string {
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if port != "" && u.Port() != "" {
		return u.Port()
	}
	return port
}

// harmless are the fields that a redirection takes to another origin. Any other may hold a secret.
var harmless = map[string]bool{"Accept": true, "Accept-Encoding": true, "Accept-Language": true, "Content-Type": true, "User-Agent": true}

// sameOrigin reports whether a redirection leads to whom the request was for. To go over to TLS at the usual ports is that, too.
func sameOrigin(from, to *url.URL) bool {
	if from.Hostname() != to.Hostname() {
		return false
	}
	a, b := portOf(from), portOf(to)
	return from.Scheme == to.Scheme && a == b || from.Scheme == "http" && a == "80" && to.Scheme == "https" && b == "443"
}

// Push pushes the answer as a table with status, body and headers, whose names are in lower case.
func (r HTTPResult) Push(L *lua.LState) int {
	headers := L.NewTable()
	for name, values := range r.Header {
		headers.RawSetString(strings.ToLower(name), lua.LString(strings.Join(values, ", ")))
	}
	t := L.NewTable()
	t.RawSetString("status", lua.LNumber(r.Status))
	t.RawSetString("headers", headers)
	t.RawSetString("body", lua.LString(r.Body))
	L.Push(t)
	return 1
}
