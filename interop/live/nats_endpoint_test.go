package live

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/endpoints/broker"
	"github.com/ws76/ws76/endpoints/nats"
)

func openNATS(t *testing.T, url string, o *broker.Options) *nats.Endpoint {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), natsBound)
	defer cancel()
	e, err := nats.Open(ctx, url, o)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	t.Cleanup(func() { closeEndpoint(t, e) })
	return e
}

// TestNATSEndpoint: content, order, wildcards, queue groups, envelopes, and nobody
// gets their own back.
func TestNATSEndpoint(t *testing.T) {
	s := startNATS(t, server.Options{})
	noLeaks(t)
	base := "nats://" + s.Addr().String() + "/"
	var h heard
	a := openNATS(t, base+"lab.a", h.options())
	b := openNATS(t, base+"?sub=lab.>&sub=hall.*.x&pub=lab.b", h.options())
	contents := []core.Message{text("text"), {Data: []byte("\x00\xff\xfe"), Kind: core.Binary}, {Data: bytes.Repeat([]byte("ä"), 30_000)}, text("")}
	sendAll(t, a, contents...)
	for _, want := range contents {
		if got := receive(t, b); !bytes.Equal(got.Data, want.Data) || got.Kind != want.Kind {
			t.Fatalf("got %v of %d bytes, want %v of %d", got.Kind, len(got.Data), want.Kind, len(want.Data))
		}
	}
	const n = 5000
	var sending sync.WaitGroup
	sending.Go(func() { sendAll(t, a, numbers(0, n)...) })
	for i := range n {
		if got := receive(t, b); string(got.Data) != strconv.Itoa(i) {
			t.Fatalf("got %q when %d was due", got.Data, i)
		}
	}
	sending.Wait()
	nothing(t, a)

	workers := []*nats.Endpoint{openNATS(t, base+"?sub=jobs&queue=w", nil), openNATS(t, base+"?sub=jobs&queue=w", nil)}
	sendAll(t, openNATS(t, base+"?pub=jobs", nil), numbers(0, 100)...)
	until(t, "each job was given to one worker", func() bool {
		return workers[0].Stats().Pending+workers[1].Stats().Pending == 100
	})
	for _, w := range workers {
		for range w.Stats().Pending {
			receive(t, w)
		}
		nothing(t, w)
	}

	env := openNATS(t, base+"?sub=lab.*&envelope=json&binary=1", nil)
	sendAll(t, a, text("21.5"))
	if got := receive(t, env); string(got.Data) != `{"subject":"lab.a","base64":"MjEuNQ=="}` || got.Kind != core.Text {
		t.Errorf("got %s", got.Data)
	}
	receive(t, b)
	sendAll(t, env, text(`{"subject":"hall.1.x","data":"hi"}`))
	if got := receive(t, b); string(got.Data) != "hi" {
		t.Errorf("got %q", got.Data)
	}
	if lost, why := h.losses(); lost != 0 {
		t.Errorf("%d lost: %q", lost, why)
	}
}

// TestNATSEndpointTooLarge: a message above the limit, in either direction, is counted as
// lost, and those behind it pass.
func TestNATSEndpointTooLarge(t *testing.T) {
	s := startNATS(t, server.Options{})
	noLeaks(t)
	base := "nats://" + s.Addr().String() + "/"
	var h heard
	o := h.options()
	o.MaxMessage = 10
	b := openNATS(t, base+"?sub=big", o)
	a := openNATS(t, base+"?pub=big", h.options())
	// startNATS takes no more than 64 KiB.
	sendAll(t, a, text("small"), text("much too large"), core.Message{Data: make([]byte, 65<<10)}, text("small, too"))
	for _, want := range []string{"small", "small, too"} {
		if got := receive(t, b); string(got.Data) != want {
			t.Errorf("got %q", got.Data)
		}
	}
	if lost, why := h.losses(); lost != 2 || len(why) != 2 || !strings.Contains(strings.Join(why, ""), "too large") {
		t.Errorf("%d lost, because %q", lost, why)
	}
}

// TestNATSEndpointSlow: who does not receive loses messages, and each is counted.
func TestNATSEndpointSlow(t *testing.T) {
	s := startNATS(t, server.Options{})
	noLeaks(t)
	base := "nats://" + s.Addr().String() + "/"
	var h heard
	o := h.options()
	o.Pending = 10
	b := openNATS(t, base+"?sub=flood", o)
	sendAll(t, openNATS(t, base+"?pub=flood", nil), numbers(0, 1000)...)
	until(t, "every message is there or counted", func() bool {
		lost, _ := h.losses()
		return lost+uint64(b.Stats().Pending) == 1000
	})
	for i := range 10 {
		if got := receive(t, b); string(got.Data) != strconv.Itoa(i) {
			t.Errorf("got %q, want %d", got.Data, i)
		}
	}
	if lost := b.Stats().Lost; lost != 990 {
		t.Errorf("%d are counted as lost", lost)
	}
}

// TestNATSEndpointRestart: the server stops and starts while messages are sent. All
// that was sent gets to it: what the subscriber misses, it missed while it was away.
func TestNATSEndpointRestart(t *testing.T) {
	s := startNATS(t, server.Options{})
	noLeaks(t)
	port := s.Addr().(*net.TCPAddr).Port
	base := "nats://" + s.Addr().String() + "/"
	var h heard
	pub := openNATS(t, base+"?pub=flow", h.options())
	sub := openNATS(t, base+"?sub=flow", &broker.Options{Pending: 1 << 20})
	var sending sync.WaitGroup
	stop, n := make(chan struct{}), 0
	sending.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				sendAll(t, pub, text(strconv.Itoa(n)))
				n++
			}
		}
	})
	for r := range 3 {
		for range 50 {
			receive(t, sub)
		}
		s.Shutdown()
		s.WaitForShutdown()
		s = startNATS(t, server.Options{Port: port})
		until(t, "it is connected again", func() bool {
			return pub.Stats().Reconnects > uint64(r) && sub.Stats().Reconnects > uint64(r) && h.count("connected again") > r
		})
	}
	close(stop)
	sending.Wait()
	// Both are connected again, or the last message would not arrive.
	until(t, "messages arrive", func() bool {
		sendAll(t, pub, text("last"))
		for sub.Stats().Pending > 0 {
			if string(receive(t, sub).Data) == "last" {
				return true
			}
		}
		return false
	})
	if st := pub.Stats(); st.Unacknowledged != 0 || st.Sent < uint64(n) || st.Reconnects < 3 || st.Lost != 0 {
		t.Errorf("stats: %+v", st)
	}
	if h.count("connection lost") < 3 || h.count("connected again") < 3 {
		t.Errorf("notes: %q", h.notes)
	}
}

// TestNATSEndpointAccess: passwords, tokens, keys, TLS, and what the server allows.
func TestNATSEndpointAccess(t *testing.T) {
	dir := t.TempDir()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := pair.PublicKey()
	seed, _ := pair.Seed()
	writeFile(t, dir+"/seed", string(seed)+"\n")
	writeFile(t, dir+"/secret", "right\n")
	ca, cert, key := certificates(t)
	certificate, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	users := startNATS(t, server.Options{
		TLS: true, TLSConfig: config, TLSTimeout: 10,
		Users: []*server.User{{Username: "ann", Password: "right", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{"open.>"}}, Subscribe: &server.SubjectPermission{Allow: []string{"open.>"}},
		}}},
		Nkeys: []*server.NkeyUser{{Nkey: public}},
	}).Addr().String()
	token := startNATS(t, server.Options{Authorization: "right"}).Addr().String()
	noLeaks(t)
	o := &broker.Options{TLS: clientTLS(t, ca)}
	for _, tc := range []struct {
		url     string
		o       *broker.Options
		refused bool
		want    string
	}{
		{"nats+tls://ann:right@" + users + "/open.x", o, false, ""},
		{"nats://ann:right@" + users + "/open.x", o, false, ""},
		{"nats+tls://ann@" + users + "/open.x?password-file=" + dir + "/secret", o, false, ""},
		{"nats+tls://" + users + "/open.x?nkey=" + dir + "/seed", o, false, ""},
		{"nats://right@" + token + "/open.x", nil, false, ""},
		{"nats://" + token + "/open.x?token-file=" + dir + "/secret", nil, false, ""},
		{"nats+tls://ann:hunter2@" + users + "/open.x", o, true, "authorization"},
		{"nats://hunter2@" + token + "/open.x", nil, true, "authorization"},
		{"nats+tls://ann:right@" + users + "/closed.x", o, true, "closed.x"},
		{"nats+tls://ann:right@" + users + "/open.x", nil, false, "unknown authority"},
		{"nats+tls://right@" + token + "/open.x", nil, false, "secure connection"},
		{"nats://" + token + "/x?creds=" + dir + "/missing", nil, false, "no such file"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), natsBound)
		e, err := nats.Open(ctx, tc.url, tc.o)
		cancel()
		if err == nil {
			if err := e.Send(t.Context(), text("x")); err != nil {
				t.Errorf("%s: sending: %v", tc.url, err)
			}
			closeEndpoint(t, e)
		}
		var refused *broker.RefusedError
		if (err == nil) != (tc.want == "") || errors.As(err, &refused) != tc.refused ||
			err != nil && (!strings.Contains(strings.ToLower(err.Error()), tc.want) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: %v, want %q", tc.url, err, tc.want)
		}
	}
	e := openNATS(t, "nats+tls://ann:right@"+users+"/?pub=closed.x", o)
	if err := e.Send(t.Context(), text("x")); err == nil || !strings.Contains(err.Error(), "closed.x") {
		t.Errorf("publishing what is not allowed: %v", err)
	}
	client, err := natsgo.Connect("nats://right@" + token)
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
}
