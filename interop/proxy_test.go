package interop

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"text/template"
	"time"

	"github.com/ws76/ws76/internal/testenv"
)

// places are the ports and files that the templates of testdata are filled with.
type places struct {
	Dir           string // for files of the proxy
	Plain, TLS    int    // where the proxy listens
	HTTP          int    // HAProxy in http mode throughout
	Backend       int    // where ws76 serve listens
	SecureBackend int    // and the one that says wss:// by --public-url
	Certificate   string // PEM: certificate and key of 127.0.0.1
}

func newPlaces(t *testing.T) places {
	dir := t.TempDir()
	return places{
		Dir: dir, Certificate: certificate(t, dir),
		Plain: freePort(t), TLS: freePort(t), HTTP: freePort(t),
		Backend: freePort(t), SecureBackend: freePort(t),
	}
}

// config fills a template of testdata and returns the file that it made.
func (p places) config(t *testing.T, name string) string {
	t.Helper()
	tmpl, err := template.ParseFiles(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := tmpl.Execute(&out, p); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.Dir, name)
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// certificate writes a certificate for 127.0.0.1 with its key.
func certificate(t *testing.T, dir string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...)
	path := filepath.Join(dir, "certificate.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHAProxy(t *testing.T) {
	testenv.NeedInterop(t)
	haproxy := testenv.Need(t, "haproxy", "haproxy")
	p := newPlaces(t)
	serve(t, p.Backend)
	serve(t, p.SecureBackend, "--public-url", fmt.Sprintf("wss://127.0.0.1:%d", p.TLS))
	start(t, []int{p.Plain, p.TLS, p.HTTP}, haproxy, "-db", "-f", p.config(t, "haproxy.cfg"))
	t.Run("plain", func(t *testing.T) { testPlain(t, p.Plain, strict) })
	t.Run("tls", func(t *testing.T) { testSecure(t, p, strict) })
	t.Run("http mode", func(t *testing.T) {
		conn := dialPlain(t, p.HTTP)
		response, r := shakeHands(t, conn, p.HTTP)
		if response.StatusCode == http.StatusBadRequest {
			t.Log("this HAProxy refuses draft 76 in http mode, as those before 3.2 do")
			return
		}
		checkAnswer(t, response, r, fmt.Sprintf("ws://127.0.0.1:%d/chat?x=1", p.HTTP))
		checkEcho(t, conn, r)
	})
}

func TestNginx(t *testing.T) {
	testenv.NeedInterop(t)
	nginx := testenv.Need(t, "nginx", "nginx")
	p := newPlaces(t)
	serve(t, p.Backend, "--trust-forwarded")
	start(t, []int{p.Plain, p.TLS}, nginx, "-p", p.Dir, "-e", "stderr", "-c", p.config(t, "nginx.conf"))
	// nginx puts Server and Date before what came from ws76, and draft 75 wants
	// Upgrade and Connection right behind the status line.
	reordered := map[string]bool{"hixie-75": false, "hixie-76": true, "rfc6455": true}
	t.Run("plain", func(t *testing.T) { testPlain(t, p.Plain, reordered) })
	t.Run("tls", func(t *testing.T) { testSecure(t, p, reordered) })
}

// TestWithheldKey3 has a proxy in front that does what HAProxy in http mode does
// where it lets draft 76 pass: after the head of the request it sends nothing
// before the head of the answer has come.
func TestWithheldKey3(t *testing.T) {
	testenv.NeedInterop(t)
	backend := freePort(t)
	serve(t, backend)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			if err := withhold(near, fmt.Sprintf("127.0.0.1:%d", backend)); err != nil {
				t.Errorf("proxy: %v", err)
			}
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-served
	})
	testPlain(t, l.Addr().(*net.TCPAddr).Port, strict)
}

// withhold passes one connection on to backend until both sides have closed.
func withhold(near net.Conn, backend string) error {
	defer near.Close()
	far, err := net.Dial("tcp", backend)
	if err != nil {
		return err
	}
	defer far.Close()
	near.SetDeadline(time.Now().Add(patience))
	far.SetDeadline(time.Now().Add(patience))
	nearReader, farReader := bufio.NewReader(near), bufio.NewReader(far)
	for _, way := range []struct {
		from *bufio.Reader
		to   net.Conn
	}{{nearReader, far}, {farReader, near}} {
		for line := ""; line != "\r\n"; {
			if line, err = way.from.ReadString('\n'); err != nil {
				return fmt.Errorf("head: %w", err)
			}
			if _, err := io.WriteString(way.to, line); err != nil {
				return err
			}
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(far, nearReader)
		far.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(near, farReader)
	near.(*net.TCPConn).CloseWrite()
	<-done
	return nil
}

// serve starts ws76 serve --echo at a port.
func serve(t *testing.T, port int, args ...string) {
	t.Helper()
	start(t, []int{port}, ws76(t), append([]string{"serve", fmt.Sprintf("127.0.0.1:%d", port), "--echo", "--origin", "*", "--origin", "none"}, args...)...)
}

// strict has, by dialect, whether ws76 connect --strict accepts what a proxy makes
// of the answer.
var strict = map[string]bool{"hixie-75": true, "hixie-76": true, "rfc6455": true}

// testPlain checks ws76 serve through a proxy without TLS, by every client at hand.
func testPlain(t *testing.T, port int, strict map[string]bool) {
	url := fmt.Sprintf("ws://127.0.0.1:%d/chat?x=1", port)
	t.Run("vector", func(t *testing.T) {
		conn := dialPlain(t, port)
		response, r := shakeHands(t, conn, port)
		checkAnswer(t, response, r, url)
		checkEcho(t, conn, r)
	})
	t.Run("raw76", func(t *testing.T) {
		python := testenv.Need(t, "python3", "python3")
		const text = "hello\n\nü😀\n"
		out, errs, err := output(t, text, python, filepath.Join("peers", "raw76.py"), "client", url)
		if out != text || err != nil {
			t.Errorf("%q, %q, %v, want the echo and exit 0", out, errs, err)
		}
	})
	for dialect, strict := range strict {
		t.Run("connect "+dialect, func(t *testing.T) { checkConnect(t, strict, url, "--dialect", dialect) })
	}
	checkHTTP(t, http.DefaultTransport, fmt.Sprintf("http://127.0.0.1:%d/", port))
}

// testSecure checks ws76 serve through a proxy that ends TLS: the Location must
// be the wss:// URL that was asked for, and strict clients insist on it.
func testSecure(t *testing.T, p places, strict map[string]bool) {
	url := fmt.Sprintf("wss://127.0.0.1:%d/chat?x=1", p.TLS)
	text, err := os.ReadFile(p.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	config := &tls.Config{RootCAs: roots}
	t.Run("vector", func(t *testing.T) {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", fmt.Sprintf("127.0.0.1:%d", p.TLS), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		response, r := shakeHands(t, conn, p.TLS)
		checkAnswer(t, response, r, url)
		checkEcho(t, conn, r)
	})
	for dialect, strict := range strict {
		t.Run("connect "+dialect, func(t *testing.T) {
			checkConnect(t, strict, url, "--dialect", dialect, "--cacert", p.Certificate)
			checkConnect(t, strict, url, "--dialect", dialect, "-k")
		})
	}
	checkHTTP(t, &http.Transport{TLSClientConfig: config}, fmt.Sprintf("https://127.0.0.1:%d/", p.TLS))
}

// checkConnect sends messages by ws76 connect. With --strict it does not let a
// Location pass that differs from url; without, the proxy's answer must be one
// that --strict refuses.
func checkConnect(t *testing.T, strict bool, url string, args ...string) {
	t.Helper()
	args = append([]string{"connect", "--no-stdin", "-n", "2", url, "hello", "ü😀"}, args...)
	if exact := append(slices.Clone(args), "--strict"); strict {
		args = exact
	} else if out, _, err := output(t, "", ws76(t), exact...); err == nil {
		t.Errorf("ws76 %q: %q, want a refusal", exact, out)
	}
	out, errs, err := output(t, "", ws76(t), args...)
	if out != "hello\nü😀\n" || err != nil {
		t.Errorf("ws76 %q: %q, %q, %v, want the echo and exit 0", args, out, errs, err)
	}
}

// checkHTTP asks for a page, which shares the port: whatever ws76 serve has to
// say to that, it is no complaint of the proxy.
func checkHTTP(t *testing.T, transport http.RoundTripper, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Errorf("GET %s: %v", url, err)
		return
	}
	response.Body.Close()
	if response.StatusCode == http.StatusBadRequest || response.StatusCode >= 500 {
		t.Errorf("GET %s: %s", url, response.Status)
	}
}

func dialPlain(t *testing.T, port int) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// shakeHands sends the handshake of the first example of the draft (section
// 1.3) and reads the head of the answer. The reader is at what follows it.
func shakeHands(t *testing.T, conn net.Conn, port int) (*http.Response, *bufio.Reader) {
	t.Helper()
	conn.SetDeadline(time.Now().Add(patience))
	_, err := fmt.Fprintf(conn, "GET /chat?x=1 HTTP/1.1\r\n"+
		"Upgrade: WebSocket\r\n"+
		"Connection: Upgrade\r\n"+
		"Host: 127.0.0.1:%d\r\n"+
		"Origin: http://example.com\r\n"+
		"Sec-WebSocket-Key1: 4 @1  46546xW%%0l 1 5\r\n"+
		"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n"+
		"\r\n^n:ds[4U", port)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("head of the answer: %v", err)
	}
	return response, r
}

// checkAnswer is as strict as section 4.1 of the draft asks a client to be.
func checkAnswer(t *testing.T, response *http.Response, r io.Reader, location string) {
	t.Helper()
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %s, want 101", response.Status)
	}
	for name, want := range map[string]string{
		"Upgrade":                "WebSocket",
		"Sec-Websocket-Origin":   "http://example.com",
		"Sec-Websocket-Location": location,
	} {
		if got := response.Header[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q once", name, got, want)
		}
	}
	if got := response.Header["Connection"]; len(got) != 1 || got[0] != "Upgrade" && got[0] != "upgrade" {
		t.Errorf("Connection: %q, want Upgrade once", got)
	}
	answer := make([]byte, 16)
	if _, err := io.ReadFull(r, answer); err != nil || string(answer) != "8jKS'y:G*Co,Wxa-" {
		t.Fatalf("answer %q, %v, want the one of the draft", answer, err)
	}
}

// checkEcho sends a message and the closing frame, and wants both back and the end.
func checkEcho(t *testing.T, conn net.Conn, r io.Reader) {
	t.Helper()
	const frames = "\x00hello\xff\xff\x00"
	if _, err := io.WriteString(conn, frames); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if string(got) != frames || err != nil {
		t.Errorf("%q and %v came back, want %q and the end", got, err, frames)
	}
}
