package rfc6455

import (
	"testing"
)

// FuzzDecoder feeds a stream whole, byte by byte and in pieces, and wants the
// same from each. The limit is small so that it is reached.
func FuzzDecoder(f *testing.F) {
	mask := specMask
	f.Add([]byte("\x81\x05Hello"), byte(0), byte(1))
	f.Add([]byte("\x01\x03Hel\x89\x01!\x80\x02lo\x88\x02\x03\xe8rest"), byte(0), byte(3))
	f.Add(AppendClose(AppendMessage(nil, true, []byte("Hello, masked"), &mask), 1001, "bye", &mask), byte(1), byte(5))
	f.Add([]byte("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"), byte(2), byte(2))
	f.Add([]byte("\x82\x7f\x00\x00\x00\x00\xff\xff\xff\xff"), byte(0), byte(7))
	f.Fuzz(func(t *testing.T, stream []byte, flags, step byte) {
		const limit = 1000
		decoder := func() *Decoder {
			d := &Decoder{Masked: flags&1 != 0, MaxMessage: limit}
			if flags&2 != 0 {
				d.Inflate = new(Flate)
			}
			return d
		}
		d := decoder()
		whole := run(t, d, [][]byte{stream})
		for _, ev := range whole.events {
			if len(ev.Data) > limit || len(ev.Data) > MaxControl && ev.Kind >= Close {
				t.Fatalf("%v of %d bytes", ev.Kind, len(ev.Data))
			}
		}
		if h := d.held; h != nil && cap(h.message.b)+cap(h.plain.b) > 4*limit {
			t.Fatalf("%d bytes of memory with a limit of %d", cap(h.message.b)+cap(h.plain.b), limit)
		}
		sameOutcome(t, run(t, decoder(), pieces(stream, 1)), whole, "byte by byte")
		sameOutcome(t, run(t, decoder(), pieces(stream, int(step)+1)), whole, "in pieces")
		if n := int(step) + 1; n <= len(stream) {
			sameOutcome(t, run(t, decoder(), [][]byte{stream[:n], stream[n:]}), whole, "in two")
		}
	})
}

// FuzzInflate wants the limit kept, and what was inflated to survive a round
// trip.
func FuzzInflate(f *testing.F) {
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), 100)
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), 5)
	f.Add([]byte("\x03\x00\x03\x00\x00"), 4)
	f.Add([]byte(""), 0)
	f.Fuzz(func(t *testing.T, p []byte, limit int) {
		limit = max(0, limit) % 100000
		var z Flate
		out, err := z.AppendInflate([]byte("before"), p, int64(limit))
		if string(out[:6]) != "before" {
			t.Fatal("what was there before is gone")
		}
		out = out[6:]
		if err != nil {
			if len(out) != 0 {
				t.Fatalf("%d bytes along with %v", len(out), err)
			}
			return
		}
		if len(out) > limit {
			t.Fatalf("%d bytes, the limit is %d", len(out), limit)
		}
		packed, err := z.AppendDeflate(nil, out)
		if err != nil {
			t.Fatal(err)
		}
		again, err := z.AppendInflate(nil, packed, int64(len(out)))
		if err != nil || string(again) != string(out) {
			t.Fatalf("round trip: %v", err)
		}
	})
}

// FuzzNegotiate wants a client to accept whatever a server answers to an offer.
func FuzzNegotiate(f *testing.F) {
	f.Add(Offer())
	f.Add("permessage-deflate; client_max_window_bits, permessage-deflate")
	f.Add("permessage-deflate; server_max_window_bits=10")
	f.Add(`x-webkit-deflate-frame, permessage-deflate; server_max_window_bits="15"`)
	f.Fuzz(func(t *testing.T, offer string) {
		answer, p, ok := Negotiate(offer)
		if !ok {
			if answer != "" {
				t.Fatalf("%q declined with %q", offer, answer)
			}
			return
		}
		got, ok, err := Accept(answer)
		if err != nil || !ok || got != p {
			t.Fatalf("%q is answered with %q: %v, %v, %v; want %v", offer, answer, got, ok, err, p)
		}
	})
}
