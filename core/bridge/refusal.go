package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// Refusal returns what to answer a client for whom the other side could not be
// reached: 400 where its request makes no address ([AddressError]), 504 where that took
// too long, the other side's own answer where it refused the client (4xx), and 502 for
// all else.
func Refusal(err error) *core.Refusal {
	var address *AddressError
	if errors.As(err, &address) {
		return &core.Refusal{Status: http.StatusBadRequest, Reason: "Bad Request", Text: fmt.Sprintf("no address on the other side of the bridge: %v", err)}
	}
	status := http.StatusBadGateway
	var fields hixie.Fields
	var handshake *core.HandshakeError
	switch {
	case errors.As(err, &handshake) && handshake.Status >= 400 && handshake.Status < 500 && handshake.Status != http.StatusUpgradeRequired:
		status = handshake.Status
		for _, value := range handshake.Fields.Values("WWW-Authenticate") {
			fields = append(fields, hixie.Field{Name: "WWW-Authenticate", Value: value})
		}
	case timedOut(err):
		status = http.StatusGatewayTimeout
	}
	return &core.Refusal{Status: status, Reason: http.StatusText(status), Fields: fields, Text: fmt.Sprintf("the other side of the bridge: %v", err)}
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
