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

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/tcp"
	wstls "github.com/ws76/ws76/transports/tls"
)

// Dialer opens connections to one URL, as Options say.
type Dialer struct {
	URL     string
	Target  core.Target
	Options core.DialOptions
	Timeout time.Duration
	origin  string // the flag that sends another
	// reopen makes the dialer of options anew, for another TLS.
	reopen func(*tls.Config) (transports.Transport, error)
}

// NewDialer returns a dialer of url. Mistakes of o are found before anything is dialled.
func (e *Env) NewDialer(url string, o *Options) (*Dialer, error) {
	d := &Dialer{URL: url, Timeout: o.ConnectTimeout, origin: o.OriginFlag}
	var err error
	if d.Target, err = core.ParseURL(d.URL); err != nil {
		return nil, app.Usage(err)
	}
	d.Options = core.DialOptions{
		Dialect: o.Dialect, Origin: o.Origin, Protocols: o.Protocols,
		FixedOrder: o.FixedOrder, Strict: o.Strict, Compress: o.Compress,
		MaxMessage: o.MaxMessage, CloseTimeout: o.CloseTimeout, Trace: e.Trace("client"),
	}
	if d.Target.Dialect != "" {
		d.Options.Dialect = d.Target.Dialect
	}
	if d.Options.Header, err = o.fields(); err != nil {
		return nil, err
	}
	if err := d.setChallenge(o); err != nil {
		return nil, err
	}
	WarnOldTLS(e.Log, o.TLS.MinVersion)
	if d.Options.TLS, err = wstls.ClientConfig(o.TLS); err != nil {
		return nil, app.Usage(err)
	}
	d.reopen = func(config *tls.Config) (transports.Transport, error) { return e.newTransport(o, d.Target, config) }
	if d.Options.Dialer, err = d.reopen(d.Options.TLS); err != nil {
		return nil, err
	}
	return d, nil
}

// setChallenge takes --key1, --key2 and --key3, which are checked before anything is dialled.
func (d *Dialer) setChallenge(o *Options) error {
	switch {
	case o.Key1 == "" && o.Key2 == "" && o.Key3 == "":
		return nil
	case o.Key1 == "" || o.Key2 == "" || o.Key3 == "":
		return app.Usagef("a fixed challenge is --key1, --key2 and --key3 together")
	}
	key3, err := flags.ParseBytes(o.Key3, 8)
	if err != nil {
		return app.Usagef("--key3: %w", err)
	}
	d.Options.Key1, d.Options.Key2, d.Options.Key3 = o.Key1, o.Key2, key3
	challenge := hixie.Challenge{Key1: []byte(o.Key1), Key2: []byte(o.Key2), Key3: [8]byte(key3)}
	_, err = challenge.Answer()
	return err
}

// Transport are the options of a transport that is dialled.
func (o *Options) Transport(config *tls.Config) (transports.Options, error) {
	to := transports.Options{Resolve: transports.Resolve{}, TLS: config}
	for _, entry := range o.Resolve {
		if err := to.Resolve.Add(entry); err != nil {
			return to, app.Usagef("--resolve: %w", err)
		}
	}
	switch {
	case o.IPv4 && o.IPv6:
		return to, app.Usagef("-4 and -6 exclude each other")
	case o.IPv4:
		to.Network = "tcp4"
	case o.IPv6:
		to.Network = "tcp6"
	}
	return to, nil
}

// newTransport opens what --via and --proxy ask for.
func (e *Env) newTransport(o *Options, target core.Target, config *tls.Config) (transports.Transport, error) {
	options, err := o.Transport(config)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(strings.ToLower(o.Via), "stdio:") {
		return nil, app.Usagef("%s stdio: messages are on standard input and output already; a server can --listen on stdio:", o.ViaFlag)
	}
	t, err := e.OpenTransport(o.Via, options)
	if err != nil {
		return nil, app.Usagef("%s: %w", o.ViaFlag, err)
	}
	direct, ok := t.(*tcp.Transport)
	if !ok {
		if o.Proxy != nil && *o.Proxy != "" {
			e.Log.Warnf("--proxy is not used with %s %s, only with tcp:", o.ViaFlag, strings.SplitAfter(o.Via, ":")[0])
		}
		return t, nil
	}
	return e.throughProxy(o, direct, target, options)
}

// Dial connects within --connect-timeout and adds to a handshake error what the command line can do about it.
func (d *Dialer) Dial(ctx context.Context) (*core.Conn, error) {
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d.Timeout, d.Late())
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

// Late is the cause of a context that --connect-timeout has ended.
func (d *Dialer) Late() error {
	return fmt.Errorf("no answer within --connect-timeout %v: %w", d.Timeout, context.DeadlineExceeded)
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

// Redirected is d with another URL of the same server; the options of the command line stay as they are.
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

// DropSecrets takes from d, which a plugin has led elsewhere than to the server that was asked for, what is for that one alone: the
// login, the cookies and the client certificate.
func (d *Dialer) DropSecrets(e *Env, asked core.Target) error {
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
	var text string
	switch speaks := h.Speaks(); {
	case speaks != "" && speaks != h.Dialect:
		text = "try --dialect " + string(speaks)
	case h.Status == http.StatusForbidden && d.origin != "":
		text = d.origin + " ORIGIN sends it another"
	}
	if body := strings.TrimSpace(string(h.Body)); body != "" {
		text = strings.TrimPrefix(text+"; ", "; ") + fmt.Sprintf("the answer goes on: %q", body)
	}
	return text
}

// fields gathers -H, --cookie and --auth-file.
func (o *Options) fields() (hixie.Fields, error) {
	var fields hixie.Fields
	for _, arg := range o.Header {
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
	if len(o.Cookies) > 0 {
		fields = append(fields, hixie.Field{Name: "Cookie", Value: strings.Join(o.Cookies, "; ")})
	}
	if file := o.AuthFile; file != "" {
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

// WarnOldTLS warns of a version of TLS that is broken.
func WarnOldTLS(log *app.Logger, version string) {
	if version == "1.0" || version == "1.1" {
		log.Warnf("TLS %s is broken; use it for devices that know nothing else, on a network you trust", version)
	}
}
