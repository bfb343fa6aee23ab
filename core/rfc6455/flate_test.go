package rfc6455

import (
	"bytes"
	"compress/flate"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
)

// samples are messages of many kinds.
func samples() map[string][]byte {
	random := make([]byte, 100_000)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(random) // never fails
	return map[string][]byte{
		"empty":            {},
		"one byte":         {'x'},
		"short":            []byte("Hello"),
		"text":             []byte(strings.Repeat(`{"temperature":21.5,"unit":"°C"},`, 300)),
		"zeros":            make([]byte, 1<<20),
		"random":           random,
		"beyond a window":  bytes.Repeat(random[:window+1], 3),
		"exactly a window": bytes.Repeat(random[:window], 2),
	}
}

func TestFlateRoundTrip(t *testing.T) {
	var f Flate
	for name, p := range samples() {
		packed, err := f.AppendDeflate([]byte("before"), p)
		if err != nil || !bytes.HasPrefix(packed, []byte("before")) {
			t.Fatalf("%s: %v", name, err)
		}
		packed = packed[6:]
		if got, err := wsflate.DefaultHelper.Decompress(packed); err != nil || !bytes.Equal(got, p) {
			t.Errorf("%s: the library does not inflate what we deflate: %v", name, err)
		}
		theirs, err := wsflate.DefaultHelper.Compress(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, z := range [][]byte{packed, theirs} {
			got, err := f.AppendInflate([]byte("before"), z, int64(len(p)))
			if err != nil || !bytes.Equal(got[6:], p) {
				t.Errorf("%s: %d bytes, %v; want %d", name, len(got)-6, err, len(p))
			}
			if len(p) == 0 {
				continue
			}
			if got, err := f.AppendInflate(nil, z, int64(len(p)-1)); err != ErrMessageTooLarge || len(got) != 0 {
				t.Errorf("%s with a limit 1 too small: %d bytes, %v", name, len(got), err)
			}
		}
	}
}

// Whole frames, ours against the library's.
func TestFlateFrames(t *testing.T) {
	var f Flate
	for name, p := range samples() {
		for _, mask := range []*[4]byte{nil, &specMask} {
			wire := f.AppendMessage([]byte("before"), false, p, mask)[6:]
			h, err := ws.ReadHeader(bytes.NewReader(wire))
			if err != nil {
				t.Fatal(err)
			}
			frame := ws.Frame{Header: h, Payload: wire[ws.HeaderSize(h):]}
			if mask != nil {
				frame = ws.UnmaskFrameInPlace(frame)
			}
			compressed := frame.Header.Rsv1()
			if frame, err = wsflate.DecompressFrame(frame); err != nil || !bytes.Equal(frame.Payload, p) {
				t.Errorf("%s: the library does not read our frame: %v", name, err)
			}
			if want := name == "text" || name == "zeros"; compressed != want {
				t.Errorf("%s of %d bytes: compressed is %v", name, len(p), compressed)
			}
			if len(wire) > MaxHeader+len(p) {
				t.Errorf("%s: %d bytes have become %d", name, len(p), len(wire))
			}

			theirs, err := wsflate.CompressFrame(ws.NewBinaryFrame(p))
			if err != nil {
				t.Fatal(err)
			}
			if mask != nil {
				theirs = ws.MaskFrameWith(theirs, *mask)
			}
			for _, n := range []int{1 << 30, 1000, 7} {
				d := Decoder{Masked: mask != nil, Inflate: &f, MaxMessage: int64(max(1, len(p)))}
				o := run(t, &d, pieces(ws.MustCompileFrame(theirs), n))
				if o.err != nil || len(o.events) != 1 || !bytes.Equal(o.events[0].Data, p) {
					t.Errorf("%s in pieces of %d: %d events, %v", name, n, len(o.events), o.err)
				}
			}
		}
	}
}

func TestThreshold(t *testing.T) {
	p := bytes.Repeat([]byte("a"), 1000)
	for _, tt := range []struct {
		flate *Flate
		n     int
		want  bool
	}{
		{nil, 1000, false},
		{new(Flate), DefaultThreshold - 1, false},
		{new(Flate), DefaultThreshold, true},
		{&Flate{Threshold: 1000}, 999, false},
		{&Flate{Threshold: 1000}, 1000, true},
		{&Flate{Threshold: -1}, 50, true},
		{&Flate{Threshold: -1}, 0, false}, // would become longer
	} {
		wire := tt.flate.AppendMessage(nil, true, p[:tt.n], nil)
		if got := wire[0]&bitRSV1 != 0; got != tt.want {
			t.Errorf("%+v, %d bytes: compressed is %v", tt.flate, tt.n, got)
		}
	}
}

// A bomb of 1 KB for each MB must cost the limit and no more.
func TestBomb(t *testing.T) {
	var f Flate
	bomb, err := f.AppendDeflate(nil, make([]byte, 64<<20))
	if err != nil {
		t.Fatal(err)
	}
	const limit = 1 << 20
	wire := AppendHeader(nil, OpBinary, true, true, len(bomb), nil)
	wire = append(wire, bomb...)
	d := Decoder{Inflate: &f, MaxMessage: limit}
	d.Feed(wire)
	_, err = d.Next()
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Code != CodeMessageTooLarge || !errors.Is(err, ErrMessageTooLarge) {
		t.Fatalf("%v, want ErrMessageTooLarge with code 1009", err)
	}

	out, err := f.AppendInflate(make([]byte, 0, limit+1), bomb, limit)
	if err != ErrMessageTooLarge || cap(out) != limit+1 {
		t.Errorf("%d bytes of memory, %v; want the limit and one more", cap(out), err)
	}
	if _, err := f.AppendInflate(nil, bomb, -1); err != ErrMessageTooLarge {
		t.Errorf("with a negative limit: %v", err)
	}
	if raceEnabled {
		return // the pool forgets on purpose
	}
	allocs := testing.AllocsPerRun(20, func() {
		if _, err := f.AppendInflate(out[:0], bomb, limit); err != ErrMessageTooLarge {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations to find that a message is too large", allocs)
	}
}

// Section 7.2.2 of RFC 7692 allows any number of final blocks, and each may look
// back into the ones before.
func TestFinalBlocks(t *testing.T) {
	p := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz"), 100)
	var z bytes.Buffer
	for i := range 3 {
		w, err := flate.NewWriterDict(&z, flate.BestCompression, bytes.Repeat(p, i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil { // ends with a final block
			t.Fatal(err)
		}
	}
	got, err := new(Flate).AppendInflate([]byte("before"), z.Bytes(), 1<<20)
	if want := "before" + string(bytes.Repeat(p, 3)); err != nil || string(got) != want {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(want))
	}

	empty := []byte{0x03, 0x00}
	if _, err := new(Flate).AppendInflate(nil, bytes.Repeat(empty, maxFinal), 10); err != nil {
		t.Errorf("%d final blocks: %v", maxFinal, err)
	}
	if _, err := new(Flate).AppendInflate(nil, bytes.Repeat(empty, maxFinal+1), 10); err == nil {
		t.Errorf("no error with %d final blocks", maxFinal+1)
	}
}

// What is left in a pooled reader after an error does not harm the next message.
func TestFlateAfterError(t *testing.T) {
	var f Flate
	for i := range 50 {
		if _, err := f.AppendInflate(nil, []byte{0xff, byte(i)}, 100); err == nil {
			t.Fatal("no error")
		}
		got, err := f.AppendInflate(nil, []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), 100)
		if err != nil || string(got) != "Hello" {
			t.Fatalf("%q, %v", got, err)
		}
	}
}

func TestFlateConcurrent(t *testing.T) {
	var f Flate
	var wg sync.WaitGroup
	for name, p := range samples() {
		wg.Go(func() {
			for range 20 {
				z, err := f.AppendDeflate(nil, p)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if got, err := f.AppendInflate(nil, z, 1<<20); err != nil || !bytes.Equal(got, p) {
					t.Errorf("%s: %d bytes, %v", name, len(got), err)
				}
			}
		})
	}
	wg.Wait()
}

// However many messages a read brings that were small once, no more than a piece of them
// is inflated between two pauses; the results are those without.
func TestPauses(t *testing.T) {
	const piece = 10 << 10
	z := new(Flate)
	var stream []byte
	want := make([]int, 0, 40)
	for i := range 40 {
		n := i * i * 100
		packed, err := z.AppendDeflate(nil, bytes.Repeat([]byte("ab"), n/2))
		if err != nil {
			t.Fatal(err)
		}
		stream = appendFrame(stream, OpText, true, packed, new([4]byte))
		want = append(want, n)
	}
	stream = append(stream, AppendMessage(nil, true, []byte("the end"), new([4]byte))...)
	d := &Decoder{Masked: true, Inflate: z, Piece: piece}
	d.Feed(stream)
	got, since, pauses := 0, 0, 0
	for {
		ev, err := d.Next()
		switch {
		case err == ErrPaused:
			since = 0
			pauses++
			continue
		case err == ErrIncomplete:
			if got != len(want)+1 || pauses < 190 {
				t.Fatalf("%d messages, %d pauses", got, pauses)
			}
			return
		case err != nil:
			t.Fatal(err)
		case got < len(want) && len(ev.Data) != want[got]:
			t.Fatalf("message %d has %d bytes, want %d", got, len(ev.Data), want[got])
		}
		got++
		if since += min(len(ev.Data), piece); since > 2*piece {
			t.Fatalf("%d bytes without a pause", since)
		}
	}
}
