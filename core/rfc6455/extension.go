package rfc6455

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws/wsflate"
)

// Offer returns the value of Sec-WebSocket-Extensions with which a client offers compression as Flate does it.
func Offer() string {
	return "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
}

// Negotiate looks through the extensions that a client offers in Sec-WebSocket-Extensions (several fields joined by
// commas) for compression as Flate does it. Where ok, answer is the server's Sec-WebSocket-Extensions and p what it
// says; otherwise the server answers without the field. Offers that cannot be met or understood are passed over (RFC
// 7692 section 5.1).
func Negotiate(offer string) (answer string, p wsflate.Parameters, ok bool) {
	options, ok := httphead.ParseOptions([]byte(offer), nil)
	if !ok {
		return "", wsflate.Parameters{}, false
	}
	for _, o := range options {
		var asked wsflate.Parameters
		if string(o.Name) != wsflate.ExtensionName || asked.Parse(o) != nil {
			continue
		}
		p = wsflate.DefaultParameters // no context takeover either way
		if asked.ServerMaxWindowBits == 15 {
			// The window that compress/flate always has; a smaller one it cannot do, and Extension declines it.
			p.ServerMaxWindowBits = 15
		}
		e := wsflate.Extension{Parameters: p}
		accept, err := e.Negotiate(o)
		if err != nil || accept.Size() == 0 {
			continue
		}
		return formatOption(accept), p, true
	}
	return "", wsflate.Parameters{}, false
}

// Accept checks the extensions that a server has answered to Offer in Sec-WebSocket-Extensions (several fields joined
// by commas). ok says that messages may be compressed; it is false with an empty answer, which declines. Anything but
// what was offered is an error, with which a client has to give up the connection (RFC 7692 section 5.1).
func Accept(answer string) (p wsflate.Parameters, ok bool, err error) {
	if strings.TrimSpace(answer) == "" {
		return p, false, nil
	}
	options, valid := httphead.ParseOptions([]byte(answer), nil)
	switch {
	case !valid || len(options) == 0:
		return p, false, fmt.Errorf("malformed extensions %q", answer)
	case len(options) > 1:
		return p, false, fmt.Errorf("%d extensions %q, only %s was offered", len(options), answer, wsflate.ExtensionName)
	}
	o := options[0]
	if string(o.Name) != wsflate.ExtensionName {
		return p, false, fmt.Errorf("extension %q, only %s was offered", answer, wsflate.ExtensionName)
	}
	if err := p.Parse(o); err != nil {
		return wsflate.Parameters{}, false, fmt.Errorf("extension %q: %w", answer, err)
	}
	if p.ClientMaxWindowBits.Defined() {
		return wsflate.Parameters{}, false, fmt.Errorf("extension %q: client_max_window_bits was not offered", answer)
	}
	if !p.ServerNoContextTakeover {
		return wsflate.Parameters{}, false, fmt.Errorf("extension %q: server_no_context_takeover was asked for and is missing", answer)
	}
	return p, true, nil
}

func formatOption(o httphead.Option) string {
	var b bytes.Buffer
	// A bytes.Buffer does not fail.
	_, _ = httphead.WriteOptions(&b, []httphead.Option{o})
	return b.String()
}
