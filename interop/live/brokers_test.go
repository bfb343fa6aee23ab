package live

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/goleak"

	"github.com/ws76/ws76/endpoints/broker"
	"github.com/ws76/ws76/internal/testenv"
	wstls "github.com/ws76/ws76/transports/tls"
)

// mosquitto is a broker that can be started again, with what it remembers.
type mosquitto struct {
	t    testing.TB
	path string
	dir  string
	addr string
	cmd  *exec.Cmd
	said *bytes.Buffer
}

// startMosquitto runs mosquitto with more lines of configuration until the test is
// over. "listener" is the default one for all on the loopback, unless conf has it.
func startMosquitto(t testing.TB, conf ...string) *mosquitto {
	t.Helper()
	m := &mosquitto{t: t, path: testenv.Need(t, "mosquitto", "mosquitto"), dir: t.TempDir(), addr: freeAddr(t)}
	_, port, _ := net.SplitHostPort(m.addr)
	config := []string{
		"listener " + port + " 127.0.0.1", "persistence true", "persistence_location " + m.dir + "/",
		"max_queued_messages 100000", "log_type error", "log_type warning", "log_type notice",
	}
	if os.Getuid() == 0 {
		config = append(config, "user root") // it would give up the folder otherwise
	}
	if !slices.ContainsFunc(conf, func(line string) bool { return strings.HasPrefix(line, "allow_anonymous") }) {
		conf = append(conf, "allow_anonymous true")
	}
	config = append(config, conf...)
	if err := os.WriteFile(filepath.Join(m.dir, "mosquitto.conf"), []byte(strings.Join(config, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.start()
	t.Cleanup(m.stop)
	return m
}

func (m *mosquitto) start() {
	m.t.Helper()
	m.said = new(bytes.Buffer)
	m.cmd = exec.Command(m.path, "-c", filepath.Join(m.dir, "mosquitto.conf"))
	m.cmd.Stdout, m.cmd.Stderr = m.said, m.said
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	awaitListener(m.t, m.addr)
}

func (m *mosquitto) stop() {
	if m.cmd == nil {
		return
	}
	m.cmd.Process.Signal(syscall.SIGTERM)
	m.cmd.Wait()
	m.cmd = nil
	if m.t.Failed() {
		text := m.said.String()
		m.t.Logf("mosquitto said:\n%s", text[max(0, len(text)-4000):])
	}
}

func awaitListener(t testing.TB, addr string) {
	t.Helper()
	until(t, "something listens at "+addr, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// allowAll lets everybody do everything.
type allowAll struct{ mochi.HookBase }

func (*allowAll) ID() string { return "allow all" }
func (*allowAll) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck
}
func (*allowAll) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }
func (*allowAll) OnACLCheck(*mochi.Client, string, bool) bool              { return true }

// startMochi runs the broker mochi-mqtt in this process until the test is over.
func startMochi(t *testing.T) string {
	t.Helper()
	s := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := s.AddHook(new(allowAll), nil); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	if err := s.AddListener(listeners.NewTCP(listeners.Config{ID: "tcp", Address: addr})); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	awaitListener(t, addr)
	return addr
}

// heard is what an endpoint told its options.
type heard struct {
	mu    sync.Mutex
	notes []string
	lost  uint64
	why   []string
}

func (h *heard) options() *broker.Options {
	return &broker.Options{
		Note: func(text string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.notes = append(h.notes, text)
		},
		Lost: func(n uint64, why string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.lost += n
			h.why = append(h.why, fmt.Sprint(n, " ", why))
		},
	}
}

func (h *heard) count(text string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, note := range h.notes {
		if strings.Contains(note, text) {
			n++
		}
	}
	return n
}

func (h *heard) losses() (uint64, []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost, slices.Clone(h.why)
}

// noLeaks fails the test where goroutines that it started are left when all of it
// is cleaned up. It is called first.
func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// certificates returns the files of an authority and of a certificate for 127.0.0.1
// with its key, which it has signed.
func certificates(t *testing.T) (ca, cert, key string) {
	t.Helper()
	dir := t.TempDir()
	ca, cert, key = filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &signer.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	writeFile(t, ca, public)
	writeFile(t, cert, public)
	writeFile(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return ca, cert, key
}

// clientTLS is what the command makes of --cacert.
func clientTLS(t *testing.T, ca string) *tls.Config {
	t.Helper()
	config, err := wstls.ClientConfig(wstls.ConfigOptions{CAFile: ca})
	if err != nil {
		t.Fatal(err)
	}
	return config
}
