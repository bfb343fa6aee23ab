package metrics

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// Cause sorts the error of an opening handshake: "timeout", "key", "too-large",
// "unauthorized", "forbidden", "not-found", "version", "too-many", "bad-request",
// "tls", "disconnected" or "other". It is a label, so there are no others.
func Cause(err error) string {
	var handshake *core.HandshakeError
	var key *hixie.KeyError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.As(err, &key):
		return "key"
	case errors.As(err, &handshake) && handshake.Status != 0:
		return statusCause(handshake.Status)
	case isEnd(err):
		return "disconnected"
	case handshake != nil && handshake.Step == core.StepTLS:
		return "tls"
	}
	return "other"
}

// statusCause is the cause of a refusal, by what was answered.
func statusCause(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "unauthorized"
	case http.StatusForbidden, http.StatusMisdirectedRequest:
		return "forbidden"
	case http.StatusNotFound:
		return "not-found"
	case http.StatusRequestTimeout:
		return "timeout"
	case http.StatusUpgradeRequired:
		return "version"
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "too-many"
	case http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		return "too-large"
	case http.StatusBadRequest:
		return "bad-request"
	}
	return "other"
}

func isEnd(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}
