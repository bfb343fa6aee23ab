package tls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/transporttest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, raw string, o transports.Options) *Transport {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := Open(u, o)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// clientConfig is ClientConfig for a test.
func clientConfig(t *testing.T, o ConfigOptions) *tls.Config {
	t.Helper()
	c, err := ClientConfig(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// listen waits for TLS connections with the certificate of files.
func listen(t *testing.T, c *tls.Config) net.Listener {
	t.Helper()
	l, err := open(t, "tls:", transports.Options{TLS: c}).Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// serve makes the handshake with every connection and writes "hello".
func serve(t *testing.T, l net.Listener) (addr string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, "hello") // fails where the handshake does
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// get dials addr and returns what it sends.
func get(ctx context.Context, tr *Transport, addr string) (string, error) {
	conn, err := tr.Dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	data, err := io.ReadAll(conn)
	return string(data), err
}

func TestTransport(t *testing.T) {
	f := newFiles(t)
	transporttest.Run(t, func(t *testing.T) transporttest.Setup {
		l := listen(t, f.server(t, ""))
		tr := open(t, "tls:", transports.Options{TLS: clientConfig(t, ConfigOptions{CAFile: f.ca})})
		silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, in its queue, and never answers
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { silent.Close() })
		return transporttest.Setup{
			Dial: func(ctx context.Context) (net.Conn, error) { return tr.Dial(ctx, l.Addr().String()) },
			Accept: func() (net.Conn, error) {
				conn, err := l.Accept()
				if err != nil {
					return nil, err
				}
				return conn, conn.(*tls.Conn).Handshake()
			},
			Stalled:            func(ctx context.Context) (net.Conn, error) { return tr.Dial(ctx, silent.Addr().String()) },
			WriteTimeoutBreaks: true,
		}
	})
}

func TestServerName(t *testing.T) {
	f := newFiles(t)
	addr := serve(t, listen(t, f.server(t, "")))
	_, port, _ := net.SplitHostPort(addr)
	resolve := transports.Resolve{
		"device.example:" + port: {netip.MustParseAddr("127.0.0.1")},
		"other.example:" + port:  {netip.MustParseAddr("127.0.0.1")},
	}
	for _, c := range []struct {
		url, addr string
		o         ConfigOptions
		fails     string
	}{
		{"tls:", addr, ConfigOptions{}, ""},
		{"tls:", "device.example:" + port, ConfigOptions{}, ""},
		{"tls:", "other.example:" + port, ConfigOptions{}, "the certificate is for another name"},
		{"tls:", "other.example:" + port, ConfigOptions{ServerName: "device.example"}, ""},
		{"tls:", "other.example:" + port, ConfigOptions{Insecure: true}, ""},
		// The URL says where to connect to, the address whom to expect there.
		{"tls://" + addr, "device.example:443", ConfigOptions{}, ""},
		{"tls://" + addr, "other.example:443", ConfigOptions{}, "the certificate is for another name"},
		{"tls://" + addr, "", ConfigOptions{}, ""},
	} {
		c.o.CAFile = f.ca
		tr := open(t, c.url, transports.Options{TLS: clientConfig(t, c.o), Resolve: resolve})
		got, err := get(t.Context(), tr, c.addr)
		if c.fails != "" {
			var host x509.HostnameError
			if !errors.As(err, &host) || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%+v: %v, want %q", c, err, c.fails)
			}
		} else if got != "hello" || err != nil {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}

func TestClientCertificate(t *testing.T) {
	f := newFiles(t)
	config := f.server(t, "")
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.ClientCAs = clientConfig(t, ConfigOptions{CAFile: f.ca}).RootCAs
	addr := serve(t, listen(t, config))
	for _, o := range []ConfigOptions{
		{CAFile: f.ca, CertFile: f.cert, KeyFile: f.key},
		{CAFile: f.ca, CertFile: f.both},
	} {
		tr := open(t, "tls:", transports.Options{TLS: clientConfig(t, o)})
		if got, err := get(t.Context(), tr, addr); got != "hello" || err != nil {
			t.Errorf("%+v: %q, %v", o, got, err)
		}
	}
	tr := open(t, "tls:", transports.Options{TLS: clientConfig(t, ConfigOptions{CAFile: f.ca})})
	if got, err := get(t.Context(), tr, addr); err == nil {
		t.Errorf("without a client certificate: %q", got)
	}
}

// TestOldServer has a server that speaks TLS 1.0 with a cipher which Go does
// not offer by itself.
func TestOldServer(t *testing.T) {
	f := newFiles(t)
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		config := f.server(t, "1.0")
		config.MaxVersion = version
		config.CipherSuites = []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}
		addr := serve(t, listen(t, config))
		for min, want := range map[string]string{
			"1.0": "", "": "lower minimum version", "1.2": "lower minimum version", "1.3": "lower minimum version",
		} {
			tr := open(t, "tls:", transports.Options{TLS: clientConfig(t, ConfigOptions{CAFile: f.ca, MinVersion: min})})
			got, err := get(t.Context(), tr, addr)
			if want == "" && (got != "hello" || err != nil) {
				t.Errorf("%s with minimum %q: %q, %v", tls.VersionName(version), min, got, err)
			}
			if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s with minimum %q: %v, want %q", tls.VersionName(version), min, err, want)
			}
		}
	}
}

func TestHandshakeErrors(t *testing.T) {
	f := newFiles(t)
	good := serve(t, listen(t, f.server(t, "")))
	only3DES := f.server(t, "1.0")
	only3DES.MaxVersion = tls.VersionTLS12
	only3DES.CipherSuites = []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}
	expired := f.server(t, "")
	expired.Certificates = []tls.Certificate{f.issue(t, expiredCertificate)}
	// The hello of a server that takes no notice of the versions offered: TLS
	// 1.0, 32 random bytes, no session, TLS_RSA_WITH_AES_128_CBC_SHA.
	tls10Hello := "\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01" + strings.Repeat("r", 32) + "\x00\x00\x2f\x00"
	for name, c := range map[string]struct {
		addr string
		o    ConfigOptions
		want string
	}{
		"unknown authority": {good, ConfigOptions{}, "not signed by an authority known here"},
		"plain text":        {plain(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), ConfigOptions{}, "does not speak TLS at this port"},
		"no cipher":         {serve(t, listen(t, only3DES)), ConfigOptions{CAFile: f.ca}, "no cipher in common"},
		"expired":           {serve(t, listen(t, expired)), ConfigOptions{CAFile: f.ca}, "is the clock right"},
		"ancient":           {plain(t, tls10Hello), ConfigOptions{}, "lower minimum version"},
		"unknown name":      {plain(t, "\x15\x03\x03\x00\x02\x02\x70"), ConfigOptions{}, "another server name"},
		"client cert":       {plain(t, "\x15\x03\x03\x00\x02\x02\x74"), ConfigOptions{}, "wants a client certificate"},
		"closed":            {plain(t, ""), ConfigOptions{}, "TLS handshake: EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := get(t.Context(), open(t, "tls:", transports.Options{TLS: clientConfig(t, c.o)}), c.addr)
			var de *transports.DialError
			var he *HandshakeError
			if !errors.As(err, &de) || de.Transport != "tls" || de.Addr != c.addr || !errors.As(err, &he) {
				t.Fatalf("%v is no DialError about the handshake with %s", err, c.addr)
			}
			if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "connect to "+c.addr+": TLS handshake: ") {
				t.Errorf("%q, want %q in it", err, c.want)
			}
		})
	}
}

// plain answers the first bytes of every connection with text.
func plain(t *testing.T, text string) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, text)
			conn.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

func TestListenNeedsCertificate(t *testing.T) {
	_, err := open(t, "tls:", transports.Options{}).Listen(t.Context(), "127.0.0.1:0")
	var le *transports.ListenError
	if !errors.As(err, &le) || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("Listen without a certificate: %v", err)
	}
}

func TestDialTCPErrorsPass(t *testing.T) {
	l := listen(t, newFiles(t).server(t, ""))
	addr := l.Addr().String()
	l.Close()
	_, err := open(t, "tls:", transports.Options{}).Dial(t.Context(), addr)
	if !transports.Refused(err) || errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing listens: %v", err)
	}
	if _, err := Open(&url.URL{Scheme: "tls", Opaque: "x"}, transports.Options{}); err == nil {
		t.Error("tls:x was opened")
	}
}

// TestConfigIsNotChanged dials with a configuration that is shared.
func TestConfigIsNotChanged(t *testing.T) {
	f := newFiles(t)
	addr := serve(t, listen(t, f.server(t, "")))
	config := clientConfig(t, ConfigOptions{CAFile: f.ca})
	if _, err := get(t.Context(), open(t, "tls:", transports.Options{TLS: config}), addr); err != nil {
		t.Fatal(err)
	}
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := Client(t.Context(), raw, "127.0.0.1", config)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if config.ServerName != "" {
		t.Errorf("ServerName of the caller's configuration is now %q", config.ServerName)
	}
}
