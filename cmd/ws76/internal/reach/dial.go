package reach

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/tcp"
	wstls "github.com/ws76/ws76/transports/tls"
)

// Dialer opens the connections of connect.
type Dialer struct {
	URL     string
	Target  core.Target
	Options core.DialOptions
	Timeout time.Duration
	Origin  string // the flag for another origin; "": there is none
	// reopen makes the dialer of options anew, for another TLS.
	reopen func(*tls.Config) (transports.Transport, error)
}

func (e *Env) NewDialer(c *cli.Context) (*Dialer, error) {
	d, err := e.NewDialerTo(c, c.Args().First(), c.String("via"))
	if err == nil {
		d.Origin = "--origin"
	}
	return d, err
}

// NewDialerTo is newDialer for a URL and a transport that no argument names.
func (e *Env) NewDialerTo(c *cli.Context, url, via string) (*Dialer, error) {
	d := &Dialer{URL: url, Timeout: c.Duration("connect-timeout")}
	var err error
	if d.Target, err = core.ParseURL(d.URL); err != nil {
		return nil, app.Usage(err)
	}
	d.Options = core.DialOptions{
		Dialect: core.Dialect(c.String("dialect")),
		Origin:  c.String("origin"), Protocols: c.StringSlice("protocol"),
		FixedOrder: c.String("header-order") == "fixed", Strict: c.Bool("strict"), Compress: !c.Bool("no-compress"),
		MaxMessage: flags.Bytes(c, "max-message"), CloseTimeout: c.Duration("close-timeout"), Trace: e.Trace("client"),
	}
	if d.Target.Dialect != "" {
		d.Options.Dialect = d.Target.Dialect
	}
	if d.Options.Header, err = headerFields(c); err != nil {
		return nil, err
	}
	if err := d.setChallenge(c); err != nil {
		return nil, err
	}
	WarnOldTLS(e, c.String("tls-min"))
	d.Options.TLS, err = wstls.ClientConfig(wstls.ConfigOptions{
		CAFile: c.String("cacert"), CertFile: c.String("cert"), KeyFile: c.String("key"),
		ServerName: c.String("servername"), Insecure: c.Bool("insecure"), MinVersion: c.String("tls-min"),
	})
	if err != nil {
		return nil, app.Usage(err)
	}
	d.reopen = func(config *tls.Config) (transports.Transport, error) {
		return e.newTransport(c, via, d.Target, config)
	}
	if d.Options.Dialer, err = d.reopen(d.Options.TLS); err != nil {
		return nil, err
	}
	return d, nil
}

// setChallenge takes --key1, --key2 and --key3, which are checked before anything
// is dialled.
func (d *Dialer) setChallenge(c *cli.Context) error {
	o := &d.Options
	switch o.Key1, o.Key2 = c.String("key1"), c.String("key2"); {
	case o.Key1 == "" && o.Key2 == "" && c.String("key3") == "":
		return nil
	case o.Key1 == "" || o.Key2 == "" || c.String("key3") == "":
		return app.Usagef("a fixed challenge is --key1, --key2 and --key3 together")
	}
	key3, err := flags.ParseBytes(c.String("key3"), 8)
	if err != nil {
		return app.Usagef("--key3: %w", err)
	}
	o.Key3 = key3
	challenge := hixie.Challenge{Key1: []byte(o.Key1), Key2: []byte(o.Key2), Key3: [8]byte(key3)}
	_, err = challenge.Answer()
	return err
}

// newTransport opens what --via and --proxy ask for.
func (e *Env) newTransport(c *cli.Context, via string, target core.Target, config *tls.Config) (transports.Transport, error) {
	options := transports.Options{Resolve: transports.Resolve{}, TLS: config}
	for _, entry := range c.StringSlice("resolve") {
		if err := options.Resolve.Add(entry); err != nil {
			return nil, app.Usagef("--resolve: %w", err)
		}
	}
	switch v4, v6 := c.Bool("ipv4"), c.Bool("ipv6"); {
	case v4 && v6:
		return nil, app.Usagef("-4 and -6 exclude each other")
	case v4:
		options.Network = "tcp4"
	case v6:
		options.Network = "tcp6"
	}
	if strings.HasPrefix(strings.ToLower(via), "stdio:") {
		return nil, app.Usagef("--via stdio: connect has its messages on standard input and output; a server can --listen on stdio:")
	}
	t, err := e.OpenTransport(via, options)
	if err != nil {
		return nil, app.Usagef("--via: %w", err)
	}
	direct, ok := t.(*tcp.Transport)
	if !ok {
		if c.String("proxy") != "" {
			e.Log.Warnf("--proxy is not used with --via %s, only with tcp:", strings.SplitAfter(via, ":")[0])
		}
		return t, nil
	}
	return e.throughProxy(c, direct, target, options)
}

// Dial connects within --connect-timeout and adds to a handshake error what the
// command line can do about it.
func (d *Dialer) Dial(ctx context.Context) (*core.Conn, error) {
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d.Timeout, ErrConnectTimeout(d.Timeout))
		defer cancel()
	}
	conn, err := core.Dial(ctx, d.URL, &d.Options)
	var handshake *core.HandshakeError
	if errors.As(err, &handshake) {
		if hint := d.hint(handshake); handshake.Hint == "" || hint == "" {
			handshake.Hint += hint
		} else {
			handshake.Hint = hint + "; " + handshake.Hint
		}
	}
	if hint := tlsHint(err); hint != "" {
		err = fmt.Errorf("%w; %s", err, hint)
	}
	return conn, err
}

func ErrConnectTimeout(d time.Duration) error {
	return fmt.Errorf("no answer within --connect-timeout %v: %w", d, context.DeadlineExceeded)
}

// Open is ws76.open where there is a connection: a stream over the transport that
// it has, to tcp://HOST:PORT or tls://HOST:PORT. d is guarded.
func (d *Dialer) Open(ctx context.Context, raw string) (net.Conn, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "tcp" && u.Scheme != "tls" || u.Port() == "" || u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("opening %q: want tcp://HOST:PORT or tls://HOST:PORT here", transports.Redact(raw))
	}
	stream, err := d.Options.Dialer.Dial(ctx, u.Host)
	if err != nil || u.Scheme == "tcp" {
		return stream, err
	}
	config := &tls.Config{}
	if d.Options.TLS != nil {
		config = d.Options.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	secure := tls.Client(stream, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		stream.Close()
		return nil, err
	}
	return secure, nil
}

// Redirected is d with another URL of the same server; the options of the command
// line stay as they are.
func (d *Dialer) Redirected(url string) (*Dialer, error) {
	if url == d.URL {
		return d, nil
	}
	target, err := core.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("a plugin's connect: %w", err)
	}
	other := *d
	other.URL, other.Target = url, target
	return &other, nil
}

// secrets are the fields of a request that are for one server.
var secrets = []string{"Authorization", "Cookie"}

// Leave takes from d, which a plugin has led elsewhere than to the server that was asked for, what is for that one alone: the
// login, the cookies and the client certificate.
func (d *Dialer) Leave(e *Env, asked core.Target) error {
	if d.Target.Secure == asked.Secure && strings.EqualFold(d.Target.Addr, asked.Addr) {
		return nil
	}
	var left []string
	d.Options.Header = slices.DeleteFunc(slices.Clone(d.Options.Header), func(f hixie.Field) bool {
		secret := slices.ContainsFunc(secrets, func(name string) bool { return strings.EqualFold(name, f.Name) })
		if secret {
			left = append(left, f.Name)
		}
		return secret
	})
	if user := d.Target.User; user != nil && asked.User != nil && user.String() == asked.User.String() {
		_, rest, _ := strings.Cut(d.URL, "@")
		scheme, _, _ := strings.Cut(d.URL, "://")
		d.URL, d.Target.User = scheme+"://"+rest, nil
		left = append(left, "the login of the URL")
	}
	if c := d.Options.TLS; c != nil && (len(c.Certificates) > 0 || c.GetClientCertificate != nil) {
		d.Options.TLS = c.Clone()
		d.Options.TLS.Certificates, d.Options.TLS.GetClientCertificate = nil, nil
		g, guards := d.Options.Dialer.(interface{ chosen() []transports.Reach })
		t, err := d.reopen(d.Options.TLS) // which may speak TLS itself
		if err != nil {
			return err
		}
		if d.Options.Dialer = t; guards {
			d.Options.Dialer = guard(t, g.chosen())
		}
		left = append(left, "the client certificate")
	}
	if left != nil {
		e.Log.Warnf("a plugin leads from %s to %s, which does not get %s", asked.Addr, d.Target.Addr, strings.Join(left, ", "))
	}
	return nil
}

// tlsHint says what may help after a TLS handshake that failed, "" where nothing is known.
func tlsHint(err error) string {
	var version tls.AlertError
	switch {
	case app.Is[tls.RecordHeaderError](err):
		return "the server speaks no TLS there; try ws://"
	case app.Is[x509.UnknownAuthorityError](err):
		return "trust its authority with --cacert FILE, or any certificate with -k"
	case app.Is[x509.HostnameError](err):
		return "say with --servername NAME what the certificate is for, or accept any with -k"
	case app.Is[x509.CertificateInvalidError](err):
		return "-k accepts it all the same"
	case errors.As(err, &version) && version == alertProtocolVersion:
		return "an old device may need --tls-min 1.0"
	}
	return ""
}

const alertProtocolVersion = 70 // RFC 8446, section 6

func (d *Dialer) hint(h *core.HandshakeError) string {
	version, _ := h.Fields.Get("Sec-WebSocket-Version")
	speaks6455 := strings.Contains(version, rfc6455.Version) || h.Fields.Count("Sec-WebSocket-Accept") > 0 || h.Status == 426
	var text string
	switch {
	case d.Options.Dialect != core.RFC6455 && speaks6455:
		text = "try --dialect rfc6455"
	case d.Options.Dialect == core.Hixie76 && h.Fields.Count("WebSocket-Location") > 0:
		text = "try --dialect hixie-75"
	case d.Options.Dialect != core.Hixie76 && h.Fields.Count("Sec-WebSocket-Location") > 0:
		text = "try --dialect hixie-76"
	case h.Status == http.StatusForbidden && d.Origin != "":
		text = d.Origin + " ORIGIN sends it another"
	}
	if body := strings.TrimSpace(string(h.Body)); body != "" {
		text = strings.TrimPrefix(text+"; ", "; ") + fmt.Sprintf("the answer goes on: %q", body)
	}
	return text
}

// headerFields gathers -H, --cookie and --auth-file.
func headerFields(c *cli.Context) (hixie.Fields, error) {
	var fields hixie.Fields
	for _, arg := range c.StringSlice("header") {
		lines := []string{arg}
		if file, ok := strings.CutPrefix(arg, "@"); ok {
			data, err := textfile.Read(file, 0)
			if err != nil {
				return nil, app.Usagef("--header: %w", err)
			}
			lines = strings.Split(strings.TrimRight(string(data), "\r\n"), "\n")
		}
		for _, line := range lines {
			name, value, ok := strings.Cut(strings.TrimRight(line, "\r"), ":")
			field := hixie.Field{Name: name, Value: strings.TrimPrefix(value, " ")}
			if err := field.Check(); !ok || err != nil {
				return nil, app.Usagef("--header %q: want 'NAME: VALUE'", line)
			}
			fields = append(fields, field)
		}
	}
	if cookies := c.StringSlice("cookie"); len(cookies) > 0 {
		fields = append(fields, hixie.Field{Name: "Cookie", Value: strings.Join(cookies, "; ")})
	}
	if file := c.String("auth-file"); file != "" {
		data, err := textfile.Read(file, 0)
		if err != nil {
			return nil, app.Usagef("--auth-file: %w", err)
		}
		login, _, _ := strings.Cut(string(data), "\n")
		login = strings.TrimRight(login, "\r")
		if !strings.Contains(login, ":") {
			return nil, app.Usagef("--auth-file %s: its first line is not user:password", file)
		}
		fields = append(fields, hixie.Field{Name: "Authorization", Value: "Basic " + base64.StdEncoding.EncodeToString([]byte(login))})
	}
	return fields, nil
}

func WarnOldTLS(e *Env, version string) {
	if version == "1.0" || version == "1.1" {
		e.Log.Warnf("TLS %s is broken; use it for devices that know nothing else, on a network you trust", version)
	}
}
