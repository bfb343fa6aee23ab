// Package tls is TLS over the transport tcp, both ways round, and the builder
// of its configuration from what a command line can say.
package tls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/tcp"
)

// Entry is what the registry knows of this transport.
var Entry = transports.Entry{
	Scheme:  "tls",
	Summary: "TLS over TCP to the address asked for, or always to HOST:PORT in tls://HOST:PORT",
	Example: "tls:",
	Open: func(u *url.URL, o transports.Options) (transports.Transport, error) {
		return Open(u, o)
	},
}

// Transport dials TLS connections and listens for them. It implements transports.Transport and transports.Listener, and
// may be used from several goroutines. The connections are *tls.Conn.
//
// A write that runs into its deadline leaves a TLS connection unusable: part of
// a record may have been sent, and there is no taking it back.
type Transport struct {
	tcp    *tcp.Transport
	config *tls.Config
}

// Open makes the transport of a tls: URL, which has the form and parameters of a tcp: one.
func Open(u *url.URL, o transports.Options) (*Transport, error) {
	under, err := tcp.Open(u, o)
	if err != nil {
		return nil, err
	}
	return New(under, o.TLS), nil
}

// New returns the transport that runs TLS over under. config may be nil and is cloned.
func New(under *tcp.Transport, config *tls.Config) *Transport {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return &Transport{tcp: under, config: config.Clone()}
}

// Dial connects to addr, "host:port", and makes the TLS handshake. Unless the
// configuration names one, the server must be host by its certificate.
func (t *Transport) Dial(ctx context.Context, addr string) (net.Conn, error) {
	raw, err := t.tcp.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	if addr == "" {
		addr = t.tcp.Target(addr)
	}
	conn, err := Client(ctx, raw, addr, t.config)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// Client makes the TLS handshake of a client over raw, a connection that any transport has dialled to addr, "host:port"
// or a bare name. Unless config names one, the server must be that host by its certificate. On an error, a
// *transports.DialError, raw is closed.
func Client(ctx context.Context, raw net.Conn, addr string, config *tls.Config) (*tls.Conn, error) {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			host = addr
		}
		config = config.Clone()
		config.ServerName = strings.TrimSuffix(host, ".")
	}
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		// A handshake that ctx ended fails with whatever the closed connection gave.
		if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
			err = ctx.Err()
		}
		return nil, &transports.DialError{
			Transport: "tls", Addr: addr, Hint: hint(err),
			Err: &HandshakeError{Err: err},
		}
	}
	return conn, nil
}

// HandshakeError reports that the bytes got through but TLS did not come about.
// Err is the cause, from crypto/tls or crypto/x509.
type HandshakeError struct{ Err error }

func (e *HandshakeError) Error() string {
	text := e.Err.Error()
	if strings.HasPrefix(text, "tls: ") {
		return "TLS handshake: " + text[len("tls: "):]
	}
	return "TLS handshake: " + text
}

// Unwrap returns the cause.
func (e *HandshakeError) Unwrap() error { return e.Err }

// Listen waits for TLS connections at addr, "host:port". The handshake is made by the first Read or Write of an
// accepted connection, or by its HandshakeContext, so that a slow client never holds up Accept. The configuration must
// hold a certificate, as that of ServerConfig does.
func (t *Transport) Listen(ctx context.Context, addr string) (net.Listener, error) {
	c := t.config
	if len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil {
		return nil, &transports.ListenError{
			Transport: "tls", Addr: addr, Err: errors.New("no certificate"),
			Hint: "a TLS server needs a certificate and its key",
		}
	}
	l, err := t.tcp.Listen(ctx, addr)
	if err != nil {
		return nil, err
	}
	return tls.NewListener(l, c), nil
}

// Alerts of RFC 8446, section 6, that have a likely cause.
const (
	alertHandshakeFailure   tls.AlertError = 40
	alertProtocolVersion    tls.AlertError = 70
	alertUnrecognizedName   tls.AlertError = 112
	alertCertificateMissing tls.AlertError = 116
)

// isAlert reports whether err is that alert of the other side. crypto/tls hands
// out the type for QUIC alone, but the text is the same.
func isAlert(err error, alert tls.AlertError) bool {
	return strings.HasSuffix(err.Error(), "remote error: "+alert.Error())
}

// hint says what would help against an error of a client's handshake.
func hint(err error) string {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		algorithm x509.InsecureAlgorithmError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case errors.As(err, &authority):
		return "the certificate is not signed by an authority known here: name the authority's file, or skip the check if you know the device"
	case errors.As(err, &host):
		return "the certificate is for another name: name the one it has as the server name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "is the clock right on both sides?"
	case errors.As(err, &algorithm):
		return "the certificate is signed in a way that is no longer trusted: skip the check if you know the device"
	case errors.As(err, &record):
		return "the server does not speak TLS at this port: is it ws:// rather than wss://?"
	case isAlert(err, alertProtocolVersion),
		strings.Contains(err.Error(), "unsupported protocol version"):
		return "the server speaks other versions of TLS: an old device may need a lower minimum version"
	case isAlert(err, alertHandshakeFailure):
		return "no cipher in common: an old device may need a minimum version below 1.2, which allows the old ciphers"
	case isAlert(err, alertUnrecognizedName):
		return "the server does not know the name it was asked for: name another server name"
	case isAlert(err, alertCertificateMissing):
		return "the server wants a client certificate"
	case transports.Timeout(err):
		return "the connection was made, but the server did not finish the handshake: does it speak TLS at this port?"
	}
	return ""
}

// Reaches is for transports.Reacher.
func (t *Transport) Reaches(addr string, listen bool) []transports.Reach {
	return transports.ReachesAddr(t.tcp.Target(addr), "tls", listen)
}
