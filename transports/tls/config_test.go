package tls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// files are an authority and a certificate for 127.0.0.1 and device.example.
type files struct {
	dir                 string
	ca, cert, key, both string // PEM
	authority           *x509.Certificate
	authorityKey        *rsa.PrivateKey
}

func newFiles(t *testing.T) *files {
	t.Helper()
	f := &files{dir: t.TempDir()}
	var err error
	if f.authorityKey, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	f.authority = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ws76 test authority"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, f.authority, f.authority, &f.authorityKey.PublicKey, f.authorityKey)
	if err != nil {
		t.Fatal(err)
	}
	cert := f.issue(t, func(*x509.Certificate) {})
	certPEM := block("CERTIFICATE", cert.Certificate[0])
	keyPEM := block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(cert.PrivateKey.(*rsa.PrivateKey)))
	f.ca = f.write(t, "ca.pem", block("CERTIFICATE", der))
	f.cert = f.write(t, "cert.pem", certPEM)
	f.key = f.write(t, "key.pem", keyPEM)
	f.both = f.write(t, "both.pem", keyPEM+certPEM)
	return f
}

// issue makes a certificate with an RSA key, which old ciphers need.
func (f *files) issue(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "device.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"device.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	change(c)
	der, err := x509.CreateCertificate(rand.Reader, c, f.authority, &key.PublicKey, f.authorityKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func expiredCertificate(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().Add(-24*time.Hour), time.Now().Add(-time.Hour)
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func (f *files) write(t *testing.T, name, data string) string {
	t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// server is ServerConfig with the certificate of f.
func (f *files) server(t *testing.T, minVersion string) *tls.Config {
	t.Helper()
	c, err := ServerConfig(f.cert, f.key, minVersion)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMinVersion(t *testing.T) {
	f := newFiles(t)
	for version, want := range map[string]uint16{
		"": tls.VersionTLS12, "1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
	} {
		client := clientConfig(t, ConfigOptions{MinVersion: version})
		server := f.server(t, version)
		for who, c := range map[string]*tls.Config{"client": client, "server": server} {
			if c.MinVersion != want || c.MaxVersion != 0 {
				t.Errorf("%s, %q: versions %#x to %#x, want from %#x on", who, version, c.MinVersion, c.MaxVersion, want)
			}
			old := slices.Contains(c.CipherSuites, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA)
			if old != (want < tls.VersionTLS12) {
				t.Errorf("%s, %q: old ciphers allowed is %v", who, version, old)
			}
		}
	}
}

func TestConfigErrors(t *testing.T) {
	f := newFiles(t)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	certDER := f.issue(t, func(*x509.Certificate) {}).Certificate[0]
	var (
		missing   = filepath.Join(f.dir, "missing.pem")
		text      = f.write(t, "text.pem", "not a certificate\n")
		der       = f.write(t, "cert.der", string(certDER))
		keyDER    = f.write(t, "key.der", string(ecDER))
		otherKey  = f.write(t, "other.pem", block("PRIVATE KEY", ecDER))
		secretKey = f.write(t, "secret.pem", block("ENCRYPTED PRIVATE KEY", ecDER))
	)
	for name, c := range map[string]struct {
		o    ConfigOptions
		want []string
	}{
		"version":          {ConfigOptions{MinVersion: "1.4"}, []string{`"1.4"`, "1.0, 1.1, 1.2, 1.3"}},
		"no CA file":       {ConfigOptions{CAFile: missing}, []string{"certificate authorities", missing}},
		"CA text":          {ConfigOptions{CAFile: text}, []string{text, "no certificate in it", "BEGIN CERTIFICATE"}},
		"CA DER":           {ConfigOptions{CAFile: der}, []string{der, "looks like DER", "openssl x509"}},
		"CA is a key":      {ConfigOptions{CAFile: f.key}, []string{f.key, `PEM block of type "RSA PRIVATE KEY"`}},
		"key alone":        {ConfigOptions{KeyFile: f.key}, []string{f.key, "no certificate is given"}},
		"no cert file":     {ConfigOptions{CertFile: missing, KeyFile: f.key}, []string{"client certificate", missing}},
		"no key file":      {ConfigOptions{CertFile: f.cert, KeyFile: missing}, []string{"client key", missing}},
		"cert without key": {ConfigOptions{CertFile: f.cert}, []string{f.cert, "no private key in it"}},
		"cert DER":         {ConfigOptions{CertFile: der, KeyFile: f.key}, []string{der, "looks like DER"}},
		"key DER":          {ConfigOptions{CertFile: f.cert, KeyFile: keyDER}, []string{keyDER, "looks like DER", "openssl pkey"}},
		"swapped":          {ConfigOptions{CertFile: f.key, KeyFile: f.cert}, []string{f.key, "no certificate in it"}},
		"other key":        {ConfigOptions{CertFile: f.cert, KeyFile: otherKey}, []string{f.cert, otherKey, "does not match"}},
		"encrypted key":    {ConfigOptions{CertFile: f.cert, KeyFile: secretKey}, []string{secretKey, "encrypted", "openssl pkey"}},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := ClientConfig(c.o)
			if err == nil || config != nil {
				t.Fatalf("%v, %v: want an error alone", config, err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q, want %q in it", err, want)
				}
			}
			if strings.HasPrefix(name, "no ") && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v is not fs.ErrNotExist", err)
			}
		})
	}
	for _, c := range []struct{ cert, key, min, want string }{
		{"", f.key, "", "no certificate is given"},
		{missing, f.key, "", "server certificate"},
		{f.cert, missing, "", "server key"},
		{f.cert, f.key, "2", `TLS version "2"`},
	} {
		if config, err := ServerConfig(c.cert, c.key, c.min); err == nil || config != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ServerConfig(%q, %q, %q): %v, want %q", c.cert, c.key, c.min, err, c.want)
		}
	}
}
