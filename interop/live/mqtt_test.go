package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/endpoints/broker"
	"github.com/ws76/ws76/endpoints/mqtt"
	"github.com/ws76/ws76/internal/testenv"
)

func openMQTT(t *testing.T, url string, o *broker.Options) *mqtt.Endpoint {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), natsBound)
	defer cancel()
	e, err := mqtt.Open(ctx, url, o)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	t.Cleanup(func() { closeEndpoint(t, e) })
	return e
}

func closeEndpoint(t *testing.T, e interface{ Close(context.Context) error }) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), natsBound)
	defer cancel()
	if err := e.Close(ctx); err != nil {
		t.Errorf("closing: %v", err)
	}
}

// sendAll sends messages as a session does: queued, with a flush now and then.
func sendAll(t *testing.T, e interface {
	Queue(context.Context, core.Message) error
	Flush(context.Context) error
}, messages ...core.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*natsBound)
	defer cancel()
	for i, m := range messages {
		err := e.Queue(ctx, m)
		if err == nil && (i%64 == 63 || i == len(messages)-1) {
			err = e.Flush(ctx)
		}
		if err != nil {
			t.Errorf("message %d: %v", i, err)
			return
		}
	}
}

func numbers(from, to int) (out []core.Message) {
	for i := from; i < to; i++ {
		out = append(out, core.Message{Data: []byte(strconv.Itoa(i))})
	}
	return out
}

func text(s string) core.Message { return core.Message{Data: []byte(s)} }

// nothing fails the test where e has a message.
func nothing(t *testing.T, e interface {
	Receive(context.Context) (core.Message, error)
}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if m, err := e.Receive(ctx); err == nil {
		t.Errorf("got %q, want nothing", m.Data)
	}
}

// TestMQTT: every version and QoS, on two brokers: content, order, wildcards, and
// nobody gets their own back.
func TestMQTT(t *testing.T) {
	for name, start := range map[string]func(*testing.T) string{
		"mosquitto": func(t *testing.T) string { return startMosquitto(t).addr },
		"mochi":     startMochi,
	} {
		for _, version := range []string{"3.1.1", "5"} {
			for _, qos := range []string{"0", "1"} {
				t.Run(name+"/"+version+"/qos"+qos, func(t *testing.T) {
					noLeaks(t)
					base := "mqtt://" + start(t) + "/"
					params := "version=" + version + "&qos=" + qos
					var h heard
					a := openMQTT(t, base+"lab/a?sub=lab/b&"+params, h.options())
					b := openMQTT(t, base+"?sub=lab/#&sub=hall/+/x&pub=lab/b&"+params, h.options())
					contents := []core.Message{text("text"), {Data: []byte("\x00\xff\xfe"), Kind: core.Binary}, {Data: bytes.Repeat([]byte("ä"), 100_000)}, text("")}
					sendAll(t, a, contents...)
					for _, want := range contents {
						if got := receive(t, b); !bytes.Equal(got.Data, want.Data) || got.Kind != want.Kind {
							t.Fatalf("got %v of %d bytes, want %v of %d", got.Kind, len(got.Data), want.Kind, len(want.Data))
						}
					}
					n := 5000
					if name == "mochi" && qos == "1" {
						// With several on the way mochi 2.7.9 locks up now and then:
						// its NextImmediate takes a read lock twice.
						n = 1
					}
					var sending sync.WaitGroup
					sending.Go(func() { sendAll(t, a, numbers(0, n)...) })
					for i := range n {
						if got := receive(t, b); string(got.Data) != strconv.Itoa(i) {
							t.Fatalf("got %q when %d was due", got.Data, i)
						}
					}
					sending.Wait()
					c := openMQTT(t, base+"?pub=hall/1/x&"+params, h.options())
					sendAll(t, c, text("hall"))
					if got := receive(t, b); string(got.Data) != "hall" {
						t.Errorf("got %q", got.Data)
					}
					sendAll(t, b, text("answer"))
					if got := receive(t, a); string(got.Data) != "answer" {
						t.Errorf("got %q", got.Data)
					}
					if version == "5" {
						nothing(t, b) // of its own
					} else if got := receive(t, b); string(got.Data) != "answer" || h.count("cannot keep what is published") != 1 {
						t.Errorf("got %q; notes %q", got.Data, h.notes)
					}
					if lost, why := h.losses(); lost != 0 {
						t.Errorf("%d lost: %q", lost, why)
					}
				})
			}
		}
	}
}

// TestMQTTRetained: what is kept by the broker comes to those who come later, and
// its envelope says so. Topics come and go in envelopes.
func TestMQTTRetained(t *testing.T) {
	noLeaks(t)
	base := "mqtt://" + startMosquitto(t).addr + "/"
	for _, version := range []string{"3.1.1", "5"} {
		params := "&qos=1&version=" + version
		topic := "kept/" + version
		sendAll(t, openMQTT(t, base+topic+"?sub=&retain=1"+params, nil), text("21.5"))
		b := openMQTT(t, base+"?sub=kept/"+version+"/%23&envelope=json"+params, nil)
		if got := receive(t, b); string(got.Data) != `{"topic":"`+topic+`","data":"21.5","retained":true}` {
			t.Errorf("got %s", got.Data)
		}
		a := openMQTT(t, base+"?envelope=json"+params, nil)
		sendAll(t, a, text(`{"topic":"`+topic+`/x","data":"live"}`), text(`{"topic":"`+topic+`","base64":"/wA="}`))
		for _, want := range []string{`{"topic":"` + topic + `/x","data":"live"}`, `{"topic":"` + topic + `","base64":"/wA="}`} {
			if got := receive(t, b); string(got.Data) != want || got.Kind != core.Text {
				t.Errorf("got %s, want %s", got.Data, want)
			}
		}
		sendAll(t, a, text("no envelope"))
		if s := a.Stats(); s.Lost != 1 {
			t.Errorf("what is no envelope: %+v", s)
		}
	}
}

// TestMQTTWill: it is published when the connection breaks, and not on Close.
func TestMQTTWill(t *testing.T) {
	noLeaks(t)
	base := "mqtt://" + startMosquitto(t).addr + "/"
	for _, version := range []string{"3.1.1", "5"} {
		watcher := openMQTT(t, base+"?sub=state&qos=1", nil)
		url := base + "x?will=gone&will-topic=state&retain=1&qos=1&version=" + version
		closeEndpoint(t, openMQTT(t, url, nil))
		nothing(t, watcher)
		var conns []net.Conn
		o := &broker.Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if len(conns) > 0 {
				return nil, errors.New("the line is cut")
			}
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			conns = append(conns, c)
			return c, err
		}}
		openMQTT(t, url, o)
		conns[0].Close()
		if got := receive(t, watcher); string(got.Data) != "gone" {
			t.Errorf("%s: got %q", version, got.Data)
		}
		late := openMQTT(t, base+"?sub=state", nil)
		if got := receive(t, late); string(got.Data) != "gone" {
			t.Errorf("%s: got %q", version, got.Data)
		}
		sendAll(t, openMQTT(t, base+"?pub=state&retain=1&qos=1", nil), text("")) // it forgets
	}
}

// TestMQTTAcknowledged: a message of QoS 1 is the broker's until it was taken, and
// not one message longer.
func TestMQTTAcknowledged(t *testing.T) {
	noLeaks(t)
	m := startMosquitto(t)
	base := "mqtt://" + m.addr + "/"
	for _, version := range []string{"3.1.1", "5"} {
		url := base + "?sub=jobs&qos=1&clean=0&client-id=worker" + version + "&version=" + version
		e := openMQTT(t, url, nil)
		boss := openMQTT(t, base+"?pub=jobs&qos=1", nil)
		sendAll(t, boss, numbers(0, 10)...)
		for i := range 4 { // 0, 1 and 2 are taken, 3 is in hand
			if got := receive(t, e); string(got.Data) != strconv.Itoa(i) {
				t.Fatalf("got %q, want %d", got.Data, i)
			}
		}
		closeEndpoint(t, e)

		// Pump: what was not flushed was not taken, and comes again.
		sendAll(t, boss, numbers(10, 20)...)
		e = openMQTT(t, url, nil)
		ctx, cancel := context.WithTimeout(t.Context(), natsBound)
		defer cancel()
		got, flushed, broken := 3, 3, errors.New("the other side is gone")
		err := e.Pump(ctx, func(m core.Message) error {
			if string(m.Data) != strconv.Itoa(got) {
				t.Errorf("got %q, want %d", m.Data, got)
			}
			got++
			return nil
		}, func() error {
			if got == 20 {
				return broken
			}
			flushed = got
			return nil
		})
		if err != broken {
			t.Fatalf("pump: %v", err)
		}
		closeEndpoint(t, e)
		e = openMQTT(t, url, nil)
		for i := flushed; i < 20; i++ {
			if got := receive(t, e); string(got.Data) != strconv.Itoa(i) {
				t.Fatalf("got %q, want %d", got.Data, i)
			}
		}
		nothing(t, e) // and this Receive has acknowledged 19
		closeEndpoint(t, e)
		e = openMQTT(t, url, nil)
		nothing(t, e)
		closeEndpoint(t, e)
	}
}

// TestMQTTRestart: the broker stops and starts while many messages are on their
// way. With QoS 1 all arrive, in order; each version.
func TestMQTTRestart(t *testing.T) {
	for _, version := range []string{"3.1.1", "5"} {
		t.Run(version, func(t *testing.T) {
			noLeaks(t)
			const n, restarts = 3000, 4
			m := startMosquitto(t)
			base := "mqtt://" + m.addr + "/"
			params := "&qos=1&clean=0&version=" + version
			var in, out heard
			sub := openMQTT(t, base+"?sub=flow&client-id=sub"+params, in.options())
			pub := openMQTT(t, base+"?pub=flow&client-id=pub"+params, out.options())

			progress := make(chan int, n)
			var working sync.WaitGroup
			working.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 4*natsBound)
				defer cancel()
				for i := range n {
					if err := pub.Queue(ctx, text(strconv.Itoa(i))); err != nil {
						t.Error(err)
						return
					}
					if i%16 == 15 || i == n-1 {
						if err := pub.Flush(ctx); err != nil {
							t.Error(err)
							return
						}
						progress <- i
					}
				}
			})
			next, twice := 0, 0
			working.Go(func() {
				for next < n {
					i, err := strconv.Atoi(string(receive(t, sub).Data))
					switch {
					case err != nil:
						t.Errorf("got %v", err)
						return
					case i == next:
						next++
					case i < next:
						twice++
					default:
						t.Errorf("%d came when %d was due", i, next)
						return
					}
				}
			})
			for r := range restarts {
				for i := 0; i < (r+1)*n/(restarts+1); i = <-progress {
				}
				m.stop()
				m.start()
			}
			working.Wait()
			t.Logf("%d messages, %d of them more than once, over %d restarts", next, twice, restarts)
			if in.count("connected again") < 1 || out.count("connected again") < 1 {
				t.Errorf("notes: %q %q", in.notes, out.notes)
			}
			for _, h := range []*heard{&in, &out} {
				if lost, why := h.losses(); lost != 0 {
					t.Errorf("%d lost: %q", lost, why)
				}
			}
			if s := pub.Stats(); s.Unacknowledged != 0 || s.Sent != n || s.Reconnects == 0 {
				t.Errorf("stats: %+v", s)
			}
		})
	}
}

// TestMQTTCut: connections that break in the middle of things, with a broker that
// keeps the session: nothing is lost, and what had come in is not taken twice.
func TestMQTTCut(t *testing.T) {
	for _, version := range []string{"3.1.1", "5"} {
		t.Run(version, func(t *testing.T) {
			noLeaks(t)
			const n, window = 1000, 12
			base := "mqtt://" + startMosquitto(t, fmt.Sprint("max_inflight_messages ", window)).addr + "/"
			var mu sync.Mutex
			var conn net.Conn
			o := &broker.Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := new(net.Dialer).DialContext(ctx, network, addr)
				mu.Lock()
				defer mu.Unlock()
				conn = c
				return c, err
			}}
			params := "&qos=1&version=" + version
			// With 5 a session outlives its connection even without clean=0.
			if version == "3.1.1" {
				params += "&clean=0&client-id=cut"
			}
			sub := openMQTT(t, base+"?sub=flow&pub=sync"+params, o)
			pub := openMQTT(t, base+"?pub=flow&qos=1", nil)
			var sending sync.WaitGroup
			sending.Go(func() { sendAll(t, pub, numbers(0, n)...) })
			next := 0
			// Where a write to the connection fails, mosquitto 2.0 may give what was on
			// its way a new number, behind all that waits. Nobody can know that again.
			requeued := func(got core.Message) bool {
				n, err := strconv.Atoi(string(got.Data))
				return err == nil && n < next-2*window
			}
			take := func(count int) {
				for range count {
					got := receive(t, sub)
					for requeued(got) {
						got = receive(t, sub)
					}
					if string(got.Data) != strconv.Itoa(next) {
						t.Fatalf("%q came when %d was due", got.Data, next)
					}
					next++
				}
			}
			for range 5 {
				// The broker has got all acknowledgements: none is lost with the connection.
				// One message is in hand.
				until(t, "the broker sends what it may", func() bool { return sub.Stats().Pending >= window-1 })
				// What this is answered for, the acknowledgements before it have arrived.
				sendAll(t, sub, text("sync"))
				before := sub.Stats().Reconnects
				mu.Lock()
				conn.Close()
				mu.Unlock()
				take(7) // some of them before the next connection, some after
				until(t, "it is connected again", func() bool { return sub.Stats().Reconnects > before })
				take(3)
			}
			take(n - next)
			sending.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			for {
				got, err := sub.Receive(ctx)
				if err != nil {
					break
				}
				if !requeued(got) {
					t.Errorf("got %q at the end, want nothing", got.Data)
				}
			}
		})
	}
}

// TestMQTTAccess: passwords, TLS, and what the broker allows.
func TestMQTTAccess(t *testing.T) {
	noLeaks(t)
	passwd := testenv.Need(t, "mosquitto_passwd", "mosquitto")
	dir := t.TempDir()
	users, acl, secret := dir+"/users", dir+"/acl", dir+"/secret"
	if out, err := exec.Command(passwd, "-b", "-c", users, "ann", "right").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	writeFile(t, acl, "user ann\ntopic readwrite open/#\n")
	writeFile(t, secret, "right\n")
	ca, cert, key := certificates(t)
	m := startMosquitto(t, "allow_anonymous false", "password_file "+users, "acl_file "+acl, "cafile "+ca, "certfile "+cert, "keyfile "+key)
	config := clientTLS(t, ca)
	open := func(url string, o *broker.Options) error {
		ctx, cancel := context.WithTimeout(t.Context(), natsBound)
		defer cancel()
		e, err := mqtt.Open(ctx, url, o)
		if err == nil {
			closeEndpoint(t, e)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is in %q", err)
		}
		return err
	}
	o := &broker.Options{TLS: config}
	for _, version := range []string{"3.1.1", "5"} {
		params := "?qos=1&version=" + version
		for _, tc := range []struct {
			url     string
			o       *broker.Options
			refused bool
			want    string
		}{
			{"mqtts://ann:right@" + m.addr + "/open/x" + params, o, false, ""},
			{"mqtts://ann@" + m.addr + "/open/x" + params + "&password-file=" + secret, o, false, ""},
			{"mqtts://ann@" + m.addr + "/open/x" + params, &broker.Options{TLS: config, Password: "right"}, false, ""},
			{"mqtts://ann:hunter2@" + m.addr + "/open/x" + params, o, true, "not authori"},
			{"mqtts://" + m.addr + "/open/x" + params, o, true, "not authori"},
			{"mqtts://ann:right@" + m.addr + "/closed/x" + params, o, version == "5", ""},
			{"mqtts://ann:right@" + m.addr + "/open/x" + params, nil, false, "certificate signed by unknown authority"},
			{"mqtt://ann:right@" + m.addr + "/open/x" + params, nil, false, "mqtt://"},
		} {
			err := open(tc.url, tc.o)
			var refused *broker.RefusedError
			switch {
			case errors.As(err, &refused) != tc.refused && !strings.Contains(tc.url, "closed"):
				t.Errorf("%s: %v", tc.url, err)
			case tc.want == "" && !tc.refused && err != nil && !strings.Contains(tc.url, "closed"):
				t.Errorf("%s: %v", tc.url, err)
			case tc.want != "" && (err == nil || !strings.Contains(strings.ToLower(err.Error()), tc.want)):
				t.Errorf("%s: %v, want %q", tc.url, err, tc.want)
			}
			t.Log(err)
		}
	}
	// Only MQTT 5 says that a message is refused.
	e := openMQTT(t, "mqtts://ann:right@"+m.addr+"/?pub=closed/x&qos=1", o)
	err := e.Send(t.Context(), text("x"))
	var refused *broker.RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), `"closed/x"`) {
		t.Errorf("publishing what is not allowed: %v", err)
	}
	if s := e.Stats(); s.Lost != 1 || s.Unacknowledged != 0 {
		t.Errorf("stats: %+v", s)
	}
}

// TestMQTTOthers: what mosquitto_pub publishes is received, and mosquitto_sub
// receives what is sent.
func TestMQTTOthers(t *testing.T) {
	noLeaks(t)
	pub, sub := testenv.Need(t, "mosquitto_pub", "mosquitto-clients"), testenv.Need(t, "mosquitto_sub", "mosquitto-clients")
	m := startMosquitto(t)
	host, port, _ := net.SplitHostPort(m.addr)
	e := openMQTT(t, "mqtt://"+m.addr+"/out?sub=in/+&qos=1", nil)
	if out, err := exec.Command(pub, "-h", host, "-p", port, "-q", "2", "-t", "in/1", "-m", "hello").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := receive(t, e); string(got.Data) != "hello" {
		t.Errorf("got %q", got.Data)
	}
	ctx, cancel := context.WithTimeout(t.Context(), natsBound)
	defer cancel()
	cmd := exec.CommandContext(ctx, sub, "-h", host, "-p", port, "-q", "1", "-t", "out", "-C", "1", "-W", "20")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	for over := false; !over; {
		sendAll(t, e, text("world"))
		select {
		case err := <-exited:
			if over = true; err != nil || out.String() != "world\n" {
				t.Errorf("mosquitto_sub: %v, %q", err, out.String())
			}
		case <-time.After(50 * time.Millisecond):
		}
	}
}
