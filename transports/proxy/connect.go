package proxy

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/ws76/ws76/internal/ahead"
)

// maxHead bounds the head of a proxy's answer, in bytes.
const maxHead = 16 << 10

// httpConnect asks for a tunnel by CONNECT (RFC 9110, section 9.3.6).
func httpConnect(_ context.Context, conn net.Conn, addr string, user *url.Userinfo) (net.Conn, error) {
	if strings.ContainsAny(addr, " \r\n") {
		return nil, fmt.Errorf("address %q: no spaces or line ends may be in it", addr)
	}
	request := "CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\n"
	if user != nil {
		password, _ := user.Password()
		login := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		request += "Proxy-Authorization: Basic " + login + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return nil, fmt.Errorf("asking for a tunnel: %w", err)
	}
	// The target may speak first: what comes behind the head is its own.
	limit := &io.LimitedReader{R: conn, N: maxHead}
	r := bufio.NewReaderSize(limit, maxHead)
	response, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil {
		if limit.N == 0 {
			err = fmt.Errorf("its head is longer than %d bytes", maxHead)
		}
		return nil, fmt.Errorf("answer to CONNECT: %w", err)
	}
	switch {
	// 401 is what tinyproxy answers to a wrong password.
	case response.StatusCode == http.StatusProxyAuthRequired, response.StatusCode == http.StatusUnauthorized:
		return nil, fmt.Errorf("%w: it answered %q and offers %q", ErrAuth, response.Status, response.Header.Values("Proxy-Authenticate"))
	case response.StatusCode/100 != 2:
		return nil, fmt.Errorf("%w: it answered %q", ErrRefused, response.Status)
	}
	if r.Buffered() == 0 {
		return conn, nil
	}
	early, _ := r.Peek(r.Buffered())
	return &ahead.Conn{Conn: conn, Bytes: early}, nil
}
