package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ws76/ws76/core/hixie"
)

// A play is what a peer does that ws76 itself would never do, a step a line; text
// is in Go's escapes:
//
//	handshake      read a request of draft 76 and answer it
//	open           send the draft's own request (see openingRequest), read the answer
//	head           read up to an empty line
//	send "TEXT"
//	slowly "TEXT"  a byte at a time
//	endless "TEXT" again and again until the other side has had enough
//	expect "TEXT"  read it, exactly
//	skip "TEXT"    read up to it, it too
//	pause          be silent for as long as a WiFly module wants before and after $$$
//	drain          read until the end of the stream
//	half           end the sending side
//	reset          drop the connection
//
// All that was read is in FILE.got. After the last step the stream is closed.
type play struct {
	file  string
	steps []string
}

func readPlay(ts *testscript.TestScript, file string) play {
	p := play{file: ts.MkAbs(file)}
	for line := range strings.Lines(ts.ReadFile(file)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			p.steps = append(p.steps, line)
		}
	}
	return p
}

func (p *play) run(stream net.Conn) error {
	defer stream.Close()
	stream.SetDeadline(time.Now().Add(bound))
	var got bytes.Buffer
	r := bufio.NewReader(io.TeeReader(stream, &got))
	var err error
	for _, step := range p.steps {
		if err = p.step(stream, r, step); err != nil {
			err = fmt.Errorf("%s: %w; got %q in all", step, err, got.Bytes())
			break
		}
	}
	if werr := os.WriteFile(p.file+".got", got.Bytes(), 0o666); err == nil {
		err = werr
	}
	return err
}

func (p *play) step(stream net.Conn, r *bufio.Reader, step string) error {
	verb, quoted, _ := strings.Cut(step, " ")
	var text string
	if quoted != "" {
		var err error
		if text, err = strconv.Unquote(quoted); err != nil {
			return err
		}
	}
	switch verb {
	case "handshake":
		return answerHandshake(stream, r)
	case "open":
		if _, err := io.WriteString(stream, openingRequest); err != nil {
			return err
		}
		return expect(r, openingResponse)
	case "head":
		_, err := readHead(r)
		return err
	case "send":
		_, err := io.WriteString(stream, text)
		return err
	case "slowly":
		for i := range len(text) {
			time.Sleep(2 * time.Millisecond)
			if _, err := stream.Write([]byte{text[i]}); err != nil {
				return err
			}
		}
		return nil
	case "endless":
		block := bytes.Repeat([]byte(text), 1+4096/len(text))
		for {
			if _, err := stream.Write(block); err != nil {
				if ne, ok := err.(net.Error); ok && ne.Timeout() {
					return err
				}
				return nil
			}
		}
	case "expect":
		return expect(r, text)
	case "skip":
		var skipped []byte
		for !bytes.HasSuffix(skipped, []byte(text)) {
			b, err := r.ReadByte()
			if err != nil {
				return err
			}
			skipped = append(skipped, b)
		}
		return nil
	case "pause":
		time.Sleep(300 * time.Millisecond)
		return nil
	case "drain":
		if _, err := io.Copy(io.Discard, r); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				return err
			}
		}
		return nil
	case "half":
		return stream.(*net.TCPConn).CloseWrite()
	case "reset":
		return stream.(*net.TCPConn).SetLinger(0)
	}
	return fmt.Errorf("no such step")
}

func expect(r io.Reader, want string) error {
	got := make([]byte, len(want))
	n, err := io.ReadFull(r, got)
	if string(got[:n]) != want {
		return fmt.Errorf("got %q (%v), want %q", got[:n], err, want)
	}
	return nil
}

func readHead(r *bufio.Reader) ([]byte, error) {
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		line, err := r.ReadBytes('\n')
		head = append(head, line...)
		if err != nil {
			return nil, err
		}
	}
	return head, nil
}

// answerHandshake is the server's side of draft 76.
func answerHandshake(stream net.Conn, r *bufio.Reader) error {
	head, err := readHead(r)
	if err != nil {
		return err
	}
	request, _, err := hixie.ParseRequest(head)
	if err != nil {
		return err
	}
	opening, _, err := hixie.ReadOpening(&request, hixie.ReadOptions{Strict: true})
	if err != nil {
		return err
	}
	if _, err := io.ReadFull(r, opening.Challenge.Key3[:]); err != nil {
		return err
	}
	answer, err := opening.Challenge.Answer()
	if err != nil {
		return err
	}
	protocol := ""
	if len(opening.Protocols) > 0 {
		protocol = opening.Protocols[0]
	}
	response := opening.Response(protocol, "")
	_, err = stream.Write(append(hixie.AppendResponse(nil, &response), answer[:]...))
	return err
}

// openingRequest is the example of the draft's section 1.2.
const openingRequest = "GET /demo HTTP/1.1\r\n" +
	"Host: example.com\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n" +
	"Upgrade: WebSocket\r\n" +
	"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n" +
	"Origin: http://example.com\r\n" +
	"\r\n" +
	"^n:ds[4U"

const openingResponse = "HTTP/1.1 101 WebSocket Protocol Handshake\r\n" +
	"Upgrade: WebSocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Origin: http://example.com\r\n" +
	"Sec-WebSocket-Location: ws://example.com/demo\r\n" +
	"\r\n" +
	"8jKS'y:G*Co,Wxa-"

func listenLoopback(ts *testscript.TestScript) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	return l
}

// line is the host's end of a serial line.
type line struct{ *os.File }

func (line) LocalAddr() net.Addr  { return nil }
func (line) RemoteAddr() net.Addr { return nil }

func dialLoopback(ts *testscript.TestScript, addr string) net.Conn {
	stream, err := net.DialTimeout("tcp", addr, bound)
	ts.Check(err)
	return stream
}

// writeCerts makes a certificate for 127.0.0.1 and localhost that signs itself.
func writeCerts(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ws76 test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o666); err != nil {
		return err
	}
	return os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// peerHeld is peerOf for a peer that opens the connection and then does nothing until hold is closed.
func peerHeld(t *testing.T, hold chan struct{}) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		stream, err := l.Accept()
		if err != nil {
			return
		}
		defer stream.Close()
		if err := answerHandshake(stream, bufio.NewReader(stream)); err != nil {
			t.Error(err)
		}
		<-hold
	}()
	return "ws://" + l.Addr().String() + "/"
}
