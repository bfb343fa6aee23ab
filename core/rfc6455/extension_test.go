package rfc6455

import (
	"strings"
	"testing"

	"github.com/gobwas/ws/wsflate"
)

func TestNegotiate(t *testing.T) {
	const both = "permessage-deflate;server_no_context_takeover;client_no_context_takeover"
	tests := []struct{ offer, want string }{
		{"", ""},
		{"permessage-deflate", both},
		{Offer(), both},
		{"permessage-deflate; client_max_window_bits", both},
		{"permessage-deflate; client_max_window_bits=9", both},
		{"permessage-deflate; server_max_window_bits=15", both + ";server_max_window_bits=15"},
		{`permessage-deflate; server_max_window_bits="15"`, both + ";server_max_window_bits=15"},
		{"permessage-deflate; server_max_window_bits=14", ""},
		{"permessage-deflate; server_max_window_bits=10, permessage-deflate", both},
		{"x-webkit-deflate-frame, permessage-deflate; client_max_window_bits", both},
		{"permessage-deflate; server_max_window_bits=16", ""},
		{"permessage-deflate; server_max_window_bits", ""},
		{"permessage-deflate; server_no_context_takeover=1", ""},
		{"permessage-deflate; something_new", ""},
		{"permessage-bzip2", ""},
		{"permessage-deflate; ,;", ""},
		{"\x00", ""},
	}
	for _, tt := range tests {
		answer, p, ok := Negotiate(tt.offer)
		if got := strings.ReplaceAll(answer, " ", ""); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%q: %q, %v; want %q", tt.offer, answer, ok, tt.want)
		}
		if ok && !(p.ServerNoContextTakeover && p.ClientNoContextTakeover) || !ok && p != (wsflate.Parameters{}) {
			t.Errorf("%q: %+v", tt.offer, p)
		}
	}
}

func TestAccept(t *testing.T) {
	tests := []struct {
		answer string
		ok     bool
		err    string // part of it
	}{
		{"", false, ""},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", true, ""},
		{"permessage-deflate; server_no_context_takeover", true, ""},
		{"permessage-deflate; server_no_context_takeover; server_max_window_bits=10", true, ""},
		{"permessage-deflate", false, "server_no_context_takeover was asked for"},
		{"permessage-deflate; server_no_context_takeover; client_max_window_bits=10", false, "client_max_window_bits was not offered"},
		{"permessage-deflate; server_no_context_takeover; client_max_window_bits", false, "client_max_window_bits was not offered"},
		{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", false, "duplicate"},
		{"permessage-deflate; server_no_context_takeover; x=1", false, "unexpected"},
		{"permessage-bzip2", false, "only permessage-deflate was offered"},
		{"permessage-deflate, permessage-deflate", false, "2 extensions"},
		{"permessage-deflate; =", false, "malformed"},
	}
	for _, tt := range tests {
		p, ok, err := Accept(tt.answer)
		if ok != tt.ok || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: %v, %v; want %v, %q", tt.answer, ok, err, tt.ok, tt.err)
		}
		if !ok && p != (wsflate.Parameters{}) {
			t.Errorf("%q: parameters %+v although refused", tt.answer, p)
		}
	}
}
