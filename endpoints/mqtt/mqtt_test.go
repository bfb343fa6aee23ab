package mqtt

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/endpoints/broker"
)

var (
	_ relay.Endpoint = (*Endpoint)(nil)
	_ relay.Batcher  = (*Endpoint)(nil)
	_ relay.Pumper   = (*Endpoint)(nil)
)

// TestVersions: 5 is tried first, then 3.1.1, and what is asked for is kept to.
func TestVersions(t *testing.T) {
	for _, tc := range []struct {
		params string
		answer []byte // to MQTT 5; nil closes the connection
		want   byte
	}{
		{"", []byte{connack << 4, 2, 0, 1}, version311},
		{"", []byte{connack << 4, 3, 0, 0x84, 0}, version311},
		{"", nil, version311},
		{"?version=3.1.1", nil, version311},
		{"?version=5", []byte{connack << 4, 3, 0, 0x84, 0}, 0},
		{"", []byte{connack << 4, 3, 0, 0x87, 0}, 0},
	} {
		f := startFake(t, func(_ int, conn net.Conn, next func() (raw, error)) {
			p, err := next()
			if err != nil {
				return
			}
			if p.body[6] == version5 {
				conn.Write(tc.answer)
				return
			}
			conn.Write([]byte{connack << 4, 2, 0, 0})
			accept(conn, next, 0, func(byte, raw) bool { return true })
		})
		e, err := f.open(tc.params, nil)
		if tc.want == 0 {
			var refused *broker.RefusedError
			if !errors.As(err, &refused) {
				t.Errorf("%+v: %v", tc, err)
			}
		} else if err != nil || e.version != tc.want {
			t.Errorf("%+v: %v", tc, err)
		}
		if e != nil {
			e.Close(t.Context())
		}
		f.stop()
	}
}

// TestSilentBroker: one that accepts and says nothing, before CONNACK and after.
func TestSilentBroker(t *testing.T) {
	f := startFake(t, func(_ int, conn net.Conn, next func() (raw, error)) { io.Copy(io.Discard, conn) })
	_, err := f.open("", &broker.Options{ConnectTimeout: 50 * time.Millisecond})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("no CONNACK: %v", err)
	}
	notes := make(chan string, 100)
	f = startFake(t, func(n int, conn net.Conn, next func() (raw, error)) {
		accept(conn, next, 0, func(version byte, p raw) bool { return true }) // no PINGRESP
	})
	f.mustOpen("?keepalive=1s", &broker.Options{Note: func(text string) { notes <- text }})
	if note := <-notes; !strings.Contains(note, "has not answered for 500ms; connecting again") {
		t.Errorf("note: %s", note)
	}
	if note := <-notes; !strings.Contains(note, "connected again") {
		t.Errorf("note: %s", note)
	}
}

// TestResend: what is not acknowledged is sent again on the next connection, in
// order, as a duplicate where the broker knows the session.
func TestResend(t *testing.T) {
	for _, session := range []byte{0, 1} {
		var mu sync.Mutex
		var got [2][]string
		f := startFake(t, func(n int, conn net.Conn, next func() (raw, error)) {
			accept(conn, next, session*byte(min(n, 1)), func(version byte, p raw) bool {
				if p.head>>4 != publish {
					return true
				}
				mu.Lock()
				defer mu.Unlock()
				text := payload(version, p)
				if p.head&8 != 0 {
					text += " dup"
				}
				got[n] = append(got[n], text)
				if n == 0 && len(got[0]) > 2 {
					return len(got[0]) < 5 // two are acknowledged, three are not
				}
				conn.Write(appendPuback(nil, id(p)))
				return true
			})
		})
		e := f.mustOpen("?sub=&qos=1", nil)
		ctx, cancel := context.WithTimeout(t.Context(), bound)
		defer cancel()
		for _, text := range []string{"a", "b", "c", "d", "e"} {
			if err := e.Queue(ctx, message(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		want := []string{"c", "d", "e"}
		if session == 1 {
			want = []string{"c dup", "d dup", "e dup"}
		}
		if !slices.Equal(got[0], []string{"a", "b", "c", "d", "e"}) || !slices.Equal(got[1], want) {
			t.Errorf("session %d: %q", session, got)
		}
		mu.Unlock()
		if s := e.Stats(); s.Sent != 5 || s.Unacknowledged != 0 || s.Reconnects != 1 || s.Lost != 0 {
			t.Errorf("stats: %+v", s)
		}
	}
}

// TestFlushWaits for all acknowledgements, and Queue for room.
func TestFlushWaits(t *testing.T) {
	release := make(chan struct{})
	f := startFake(t, func(n int, conn net.Conn, next func() (raw, error)) {
		accept(conn, next, 0, func(version byte, p raw) bool {
			if p.head>>4 == publish {
				<-release
				conn.Write(appendPuback(nil, id(p)))
			}
			return true
		})
	})
	e := f.mustOpen("?sub=&qos=1", nil)
	for range maxInflight {
		if err := e.Queue(t.Context(), message("x")); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := e.Queue(short, message("one more")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a full window: %v", err)
	}
	if err := e.Flush(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no acknowledgement: %v", err)
	}
	close(release)
	if err := e.Send(t.Context(), message("one more")); err != nil {
		t.Error(err)
	}
	if s := e.Stats(); s.Sent != maxInflight+1 || s.Unacknowledged != 0 {
		t.Errorf("stats: %+v", s)
	}
}

// TestFlood: messages of QoS 0 that find no room are counted, those of QoS 1 wait.
func TestFlood(t *testing.T) {
	const n = 1000
	f := startFake(t, func(_ int, conn net.Conn, next func() (raw, error)) {
		accept(conn, next, 0, func(version byte, p raw) bool {
			if p.head>>4 != publish {
				return true
			}
			for i := range n {
				p := packet{topic: "t", payload: []byte("flood")}
				if i%2 == 1 {
					p.qos, p.id = 1, uint16(i)
				}
				conn.Write(encodePublish(version, p))
			}
			return true
		})
	})
	var mu sync.Mutex
	lost := 0
	e := f.mustOpen("?qos=0", &broker.Options{Pending: 10, Lost: func(n uint64, why string) {
		mu.Lock()
		defer mu.Unlock()
		lost += int(n)
	}})
	if err := e.Send(t.Context(), message("go")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	received := 0
	for lost0 := 0; received+lost0 < n; received++ {
		if _, err := e.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		lost0 = lost
		mu.Unlock()
	}
	if received < n/2 {
		t.Errorf("%d received, %d lost: some of QoS 1", received, lost)
	}
}

// TestHostile: a broker that breaks the rules ends the connection, and costs nothing.
func TestHostile(t *testing.T) {
	for name, bytes := range map[string][]byte{
		"malformed PUBLISH": {publish << 4, 3, 0, 9, 'a'},
		"QoS 2":             {publish<<4 | 4, 6, 0, 1, 't', 0, 1, 0},
		"wildcard topic":    {publish << 4, 4, 0, 1, '#', 0},
		"packet for it":     {1 << 4, 0},
		"topic alias":       {publish << 4, 7, 0, 1, 't', 3, 35, 0, 1},
		"no such type":      {0, 0},
		"length":            {publish << 4, 0xff, 0xff, 0xff, 0xff, 1},
		"DISCONNECT":        {disconnect << 4, 2, 0x8e, 0},
	} {
		notes := make(chan string, 100)
		f := startFake(t, func(n int, conn net.Conn, next func() (raw, error)) {
			accept(conn, next, 0, func(version byte, p raw) bool {
				if n == 0 {
					conn.Write(bytes)
				}
				return true
			})
		})
		e := f.mustOpen("?version=5", &broker.Options{Note: func(text string) { notes <- text }})
		e.Send(t.Context(), message("go"))
		select {
		case note := <-notes:
			if !strings.Contains(note, "connection lost: ") {
				t.Errorf("%s: %s", name, note)
			}
			t.Log(note)
		case <-time.After(bound):
			t.Errorf("%s: the connection is kept", name)
		}
	}
}

// TestTooLarge: messages above the limit, and those that cannot be published, are counted
// as lost; what comes and goes behind them does.
func TestTooLarge(t *testing.T) {
	acked := make(chan uint16, 10)
	sizes := []int{2 << 10, 2 * maxHeader, 5} // the second is never in memory as a whole
	f := startFake(t, func(_ int, conn net.Conn, next func() (raw, error)) {
		accept(conn, next, 0, func(version byte, p raw) bool {
			switch p.head >> 4 {
			case publish:
				conn.Write(appendPuback(nil, id(p)))
				for i, size := range sizes {
					conn.Write(encodePublish(version, packet{topic: "t", qos: 1, id: uint16(i + 1), payload: make([]byte, size)}))
				}
			case puback:
				acked <- binary.BigEndian.Uint16(p.body)
			}
			return p.head>>4 != disconnect
		})
	})
	var mu sync.Mutex
	var why []string
	e := f.mustOpen("?qos=1&envelope=json", &broker.Options{MaxMessage: 1 << 10, Lost: func(_ uint64, text string) {
		mu.Lock()
		defer mu.Unlock()
		why = append(why, text)
	}})
	for _, bad := range []string{"no envelope", `{"topic":"a/#","data":""}`, `{"data":"x","base64":"eA=="}`} {
		if err := e.Send(t.Context(), message(bad)); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Send(t.Context(), message(`{"data":"go"}`)); err != nil {
		t.Fatal(err)
	}
	if m, err := e.Receive(t.Context()); err != nil || len(m.Data) == 0 {
		t.Fatal(m, err)
	}
	for want := uint16(1); want <= 2; want++ {
		if got := <-acked; got != want {
			t.Errorf("acknowledged %d, want %d", got, want)
		}
	}
	if s := e.Stats(); s.Lost != 5 || s.Sent != 1 {
		t.Errorf("stats: %+v", s)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(why) != 5 {
		t.Errorf("said: %q", why)
	}
}

// TestBirth: each connection begins with the birth message, and a proper end is told by
// the will's text, both kept by the broker.
func TestBirth(t *testing.T) {
	type state struct {
		conn int
		text string
		kept bool
	}
	states := make(chan state, 10)
	f := startFake(t, func(n int, conn net.Conn, next func() (raw, error)) {
		accept(conn, next, 0, func(version byte, p raw) bool {
			if p.head>>4 == publish {
				states <- state{n, payload(version, p), p.head&1 != 0}
			}
			return n > 0 && p.head>>4 != disconnect
		})
	})
	e := f.mustOpen("?will=gone&will-topic=s&will-retain=1&birth=here", nil)
	for n := range 2 {
		if got, want := <-states, (state{n, "here", true}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got, want := <-states, (state{1, "gone", true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestClosed: Receive that waits ends, and nothing works any more.
func TestClosed(t *testing.T) {
	f := startFake(t, func(_ int, conn net.Conn, next func() (raw, error)) {
		accept(conn, next, 0, func(_ byte, p raw) bool { return p.head>>4 != disconnect })
	})
	e := f.mustOpen("", nil)
	ended := make(chan error)
	go func() {
		_, err := e.Receive(context.Background())
		ended <- err
	}()
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("receive: %v", err)
	}
	if err := e.Send(t.Context(), message("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("send: %v", err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Errorf("again: %v", err)
	}
}

// TestFateQoS0: of what a broker may not have read that is said, however the endpoint ends, and
// within the time for that.
func TestFateQoS0(t *testing.T) {
	const count = 20_000
	for name, reads := range map[string]bool{"reads all": true, "reads nothing": false} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			var stop sync.Once
			let := func() { stop.Do(func() { close(release) }) }
			var got atomic.Uint64
			f := startFake(t, func(_ int, conn net.Conn, next func() (raw, error)) {
				accept(conn, next, 0, func(_ byte, p raw) bool {
					if !reads {
						<-release
						return false
					}
					if p.head>>4 == publish {
						got.Add(1)
					}
					return p.head>>4 != disconnect
				})
			})
			defer let()
			var mu sync.Mutex
			lost := uint64(0)
			e := f.mustOpen("?sub=&qos=0", &broker.Options{Lost: func(n uint64, _ string) {
				mu.Lock()
				defer mu.Unlock()
				lost += n
			}})
			sending := make(chan struct{})
			given := uint64(0)
			go func() {
				defer close(sending)
				for given < count {
					if e.Queue(t.Context(), core.Message{Data: make([]byte, 1<<10)}) != nil {
						return
					}
					given++
				}
				e.Flush(t.Context())
			}()
			if reads {
				<-sending
			}
			for e.Fate().Given == 0 {
				time.Sleep(time.Millisecond)
			}
			ctx, cancel := context.WithTimeout(t.Context(), bound)
			if !reads {
				cancel() // a write may wait by now
			}
			defer cancel()
			e.Close(ctx)
			<-sending
			fate := e.Fate()
			mu.Lock()
			defer mu.Unlock()
			switch {
			case !fate.Final || fate.Given != given:
				t.Errorf("%d messages were given: %+v", given, fate)
			case reads && (got.Load() != count || fate.NotKnown()+lost > 0):
				t.Errorf("the broker has read %d; %d lost, %+v", got.Load(), lost, fate)
			case !reads && fate.NotKnown()+lost != given:
				t.Errorf("the broker has read none of %d; %d lost, %+v", given, lost, fate)
			}
		})
	}
}
