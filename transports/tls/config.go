package tls

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/ws76/ws76/internal/textfile"
)

// ConfigOptions are what a client's command line can say about TLS. The zero
// value checks the server against the system's authorities, from TLS 1.2 on.
type ConfigOptions struct {
	CAFile     string // PEM file of authorities to trust in place of the system's
	CertFile   string // PEM file of the client's certificate, and of its key where KeyFile is ""
	KeyFile    string // PEM file of the key of CertFile
	ServerName string // name to ask for and to expect in the certificate; "" is the host that is dialled
	Insecure   bool   // accept any certificate
	MinVersion string // "1.0", "1.1", "1.2" or "1.3"; "" is "1.2"
}

// ClientConfig returns the configuration that o asks for. Errors name the file and say what is wrong with it. A minimum
// version below 1.2 also allows the ciphers that such devices have, RC4 and 3DES among them: only for devices that
// cannot be changed, on networks that are trusted.
func ClientConfig(o ConfigOptions) (*tls.Config, error) {
	c := &tls.Config{ServerName: o.ServerName, InsecureSkipVerify: o.Insecure}
	if err := setMinVersion(c, o.MinVersion); err != nil {
		return nil, err
	}
	if o.CAFile != "" {
		pool, err := loadAuthorities(o.CAFile)
		if err != nil {
			return nil, err
		}
		c.RootCAs = pool
	}
	switch {
	case o.CertFile != "":
		cert, err := loadCertificate("client", o.CertFile, o.KeyFile)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{cert}
	case o.KeyFile != "":
		return nil, fmt.Errorf("client key %q: no certificate is given for it", o.KeyFile)
	}
	return c, nil
}

// ServerConfig returns the configuration of a server with the certificate of certFile, a PEM file that may hold
// intermediate certificates behind it, and the key of keyFile, or of certFile too where keyFile is "". minVersion is as
// in ConfigOptions.
func ServerConfig(certFile, keyFile, minVersion string) (*tls.Config, error) {
	if certFile == "" {
		return nil, fmt.Errorf("server key %q: no certificate is given for it", keyFile)
	}
	cert, err := loadCertificate("server", certFile, keyFile)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}}
	if err := setMinVersion(c, minVersion); err != nil {
		return nil, err
	}
	return c, nil
}

// Versions are those that may be the lowest.
var Versions = []string{"1.0", "1.1", "1.2", "1.3"}

func setMinVersion(c *tls.Config, version string) error {
	i := slices.Index(Versions, cmp.Or(version, "1.2"))
	if i < 0 {
		return fmt.Errorf("TLS version %q is none of %s", version, strings.Join(Versions, ", "))
	}
	v := tls.VersionTLS10 + uint16(i)
	c.MinVersion = v
	if v >= tls.VersionTLS12 {
		return nil
	}
	// Go offers neither RSA key exchange nor 3DES or RC4 unless they are named,
	// and devices of that age often have nothing else. It orders them itself.
	for _, suite := range tls.CipherSuites() {
		c.CipherSuites = append(c.CipherSuites, suite.ID)
	}
	for _, suite := range tls.InsecureCipherSuites() {
		c.CipherSuites = append(c.CipherSuites, suite.ID)
	}
	return nil
}

func loadAuthorities(file string) (*x509.CertPool, error) {
	data, err := textfile.Read(file, 0)
	if err != nil {
		return nil, fmt.Errorf("certificate authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("certificate authorities %q: no certificate in it; %s", file, describePEM(data, "CERTIFICATE"))
	}
	return pool, nil
}

// loadCertificate reads a certificate and its key; whose is "client" or "server".
func loadCertificate(whose, certFile, keyFile string) (tls.Certificate, error) {
	if keyFile == "" {
		keyFile = certFile
	}
	fail := func(err error) (tls.Certificate, error) {
		return tls.Certificate{}, fmt.Errorf("%s certificate: %w", whose, err)
	}
	certPEM, err := textfile.Read(certFile, 0)
	if err != nil {
		return fail(err)
	}
	keyPEM, err := textfile.Read(keyFile, 0)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s key: %w", whose, err)
	}
	if !holdsPEM(certPEM, "CERTIFICATE") {
		return fail(fmt.Errorf("%q: no certificate in it; %s", certFile, describePEM(certPEM, "CERTIFICATE")))
	}
	if !holdsPEM(keyPEM, "PRIVATE KEY") {
		return tls.Certificate{}, fmt.Errorf("%s key %q: no private key in it; %s", whose, keyFile, describePEM(keyPEM, "PRIVATE KEY"))
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		if encrypted(keyPEM) {
			return tls.Certificate{}, fmt.Errorf("%s key %q: it is encrypted; decrypt it: openssl pkey -in %s -out FILE", whose, keyFile, keyFile)
		}
		return fail(fmt.Errorf("%q with key %q: %w", certFile, keyFile, err))
	}
	return cert, nil
}

// holdsPEM reports whether data has a PEM block of a type that ends in suffix.
func holdsPEM(data []byte, suffix string) bool {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return false
		}
		if strings.HasSuffix(block.Type, suffix) {
			return true
		}
	}
}

// encrypted reports whether data is a key that needs a passphrase, in either of the two forms that openssl writes.
func encrypted(data []byte) bool {
	return bytes.Contains(data, []byte("BEGIN ENCRYPTED PRIVATE KEY")) ||
		bytes.Contains(data, []byte("Proc-Type: 4,ENCRYPTED"))
}

// describePEM says what a file holds in place of the wanted type of PEM block.
func describePEM(data []byte, want string) string {
	if block, _ := pem.Decode(data); block != nil {
		return fmt.Sprintf("it starts with a PEM block of type %q", block.Type)
	}
	if len(data) > 2 && data[0] == 0x30 && data[1] >= 0x80 {
		what := "x509"
		if want == "PRIVATE KEY" {
			what = "pkey"
		}
		return "it looks like DER; convert it: openssl " + what + " -inform DER -in FILE -out FILE.pem"
	}
	return fmt.Sprintf("it needs a PEM block, -----BEGIN %s-----", want)
}
