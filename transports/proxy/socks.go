package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/proxy"
)

// socksConnect does the handshake of SOCKS5 (RFC 1928, RFC 1929).
func socksConnect(ctx context.Context, conn net.Conn, addr string, user *url.Userinfo) (net.Conn, error) {
	var auth *proxy.Auth
	if user != nil {
		password, _ := user.Password()
		auth = &proxy.Auth{User: user.Username(), Password: password}
	}
	dialer, err := proxy.SOCKS5("tcp", "", auth, nil)
	if err != nil {
		return nil, err
	}
	// The connection itself is wanted, not the library's around it, which hides what it can do.
	client, ok := dialer.(interface {
		DialWithConn(ctx context.Context, conn net.Conn, network, addr string) (net.Addr, error)
	})
	if !ok {
		return nil, errors.ErrUnsupported
	}
	if _, err := client.DialWithConn(ctx, conn, "tcp", addr); err != nil {
		return nil, socksError(err)
	}
	return conn, nil
}

// socksError finds out what the library's error is about, which says so in its text alone.
func socksError(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && strings.HasPrefix(op.Op, "socks") {
		err = op.Err
	}
	text := err.Error()
	// What a proxy's code means begins so, RFC 1928, section 6.
	reply, ok := strings.CutPrefix(text, "unknown error ")
	switch {
	case ok:
		return fmt.Errorf("%w: %s", ErrRefused, reply)
	case strings.Contains(text, "authentication"):
		return fmt.Errorf("%w: %s", ErrAuth, text)
	}
	return fmt.Errorf("SOCKS5: %w", err)
}
