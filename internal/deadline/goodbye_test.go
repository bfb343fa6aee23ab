package deadline

import (
	"crypto/tls"
	"net"
	"net/http/httptest"
	"testing"
	"time"
)

// patient is a stream whose write deadlines in the future never come.
type patient struct{ net.Conn }

func (p patient) SetWriteDeadline(t time.Time) error {
	if t.After(time.Now()) {
		t = time.Time{}
	}
	return p.Conn.SetWriteDeadline(t)
}

// A TLS stream ends although its peer takes nothing, whatever was written before, and whatever
// crypto/tls would wait for.
func TestGoodbye(t *testing.T) {
	lender := httptest.NewTLSServer(nil) // of a certificate
	defer lender.Close()
	for name, before := range map[string]func(c net.Conn){
		"nothing": func(net.Conn) {},
		"a write that has failed": func(c net.Conn) {
			c.SetWriteDeadline(Past)
			c.Write([]byte("cut"))
		},
		"a write that waits": func(c net.Conn) {
			waits := make(chan struct{})
			go func() { close(waits); c.Write([]byte("stuck")) }()
			<-waits
		},
	} {
		for how, end := range map[string]func(c net.Conn){
			"Close":      func(c net.Conn) { Close(c) },
			"CloseWrite": func(c net.Conn) { CloseWrite(c) },
		} {
			t.Run(how+" after "+name, func(t *testing.T) {
				near, far := net.Pipe()
				defer near.Close()
				defer far.Close()
				server := tls.Server(far, &tls.Config{Certificates: lender.TLS.Certificates, SessionTicketsDisabled: true})
				shaken := make(chan error, 1)
				go func() { shaken <- server.Handshake() }()
				c := tls.Client(patient{near}, &tls.Config{InsecureSkipVerify: true})
				if err := c.Handshake(); err != nil {
					t.Fatal(err)
				}
				if err := <-shaken; err != nil {
					t.Fatal(err)
				}
				before(c)
				ended := make(chan struct{})
				go func() { end(c); close(ended) }()
				select {
				case <-ended:
				case <-time.After(time.Minute):
					t.Fatal("it does not end")
				}
			})
		}
	}
}
