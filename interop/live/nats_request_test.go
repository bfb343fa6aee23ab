package live

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"github.com/ws76/ws76/core"
)

func natsClient(t *testing.T, url string) *natsgo.Conn {
	t.Helper()
	c, err := natsgo.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// ask sends a request as any client does, and returns where its answer comes.
func ask(t *testing.T, c *natsgo.Conn, subject, data string) *natsgo.Subscription {
	t.Helper()
	inbox := c.NewInbox()
	sub, err := c.SubscribeSync(inbox)
	if err == nil {
		if err = c.PublishRequest(subject, inbox, []byte(data)); err == nil {
			err = c.Flush()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func answerOf(t *testing.T, sub *natsgo.Subscription) string {
	t.Helper()
	m, err := sub.NextMsg(natsBound)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	return string(m.Data)
}

// TestNATSReply: requests are handed on one at a time, what is sent then answers them, and
// one that is not answered in time is given up, with the answer that comes too late.
func TestNATSReply(t *testing.T) {
	s := startNATS(t, server.Options{})
	noLeaks(t)
	base := "nats://" + s.Addr().String() + "/"
	var h heard
	e := openNATS(t, base+"svc.*?reply=1&pub=events&timeout=2s", h.options())
	c := natsClient(t, s.ClientURL())
	events, err := c.SubscribeSync("events")
	if err != nil {
		t.Fatal(err)
	}
	const n = 100
	var subs []*natsgo.Subscription
	for i := range n {
		subs = append(subs, ask(t, c, "svc.a", fmt.Sprint(i)))
	}
	if err := c.Publish("svc.b", []byte("plain")); err != nil {
		t.Fatal(err)
	}
	for i, sub := range subs {
		got := receive(t, e)
		if string(got.Data) != fmt.Sprint(i) {
			t.Fatalf("request %q when %d was due", got.Data, i)
		}
		if i == 0 {
			nothing(t, e) // before the first is answered
		}
		sendAll(t, e, text("re "+string(got.Data)))
		if got := answerOf(t, sub); got != fmt.Sprint("re ", i) {
			t.Fatalf("request %d was answered with %q", i, got)
		}
	}
	if got := receive(t, e); string(got.Data) != "plain" {
		t.Fatalf("got %q", got.Data)
	}
	sendAll(t, e, text("by myself"))
	if got := answerOf(t, events); got != "by myself" {
		t.Errorf("published: %q", got)
	}

	ask(t, c, "svc.a", "silence")
	behind := ask(t, c, "svc.a", "behind")
	receive(t, e)
	until(t, "it is given up", func() bool { lost, _ := h.losses(); return lost == 1 })
	sendAll(t, e, text("too late"))
	until(t, "so are what was late and who waited", func() bool {
		if e.Stats().Pending == 1 {
			ctx, cancel := context.WithTimeout(t.Context(), 1)
			defer cancel()
			e.Receive(ctx)
		}
		lost, _ := h.losses()
		return lost == 3
	})
	if _, why := h.losses(); !strings.Contains(why[0], "has not answered a request within 2s") ||
		!strings.Contains(strings.Join(why, "\n"), "answer requests that were given up") || !strings.Contains(strings.Join(why, "\n"), "waited for 2s behind") {
		t.Errorf("said: %q", why)
	}
	if n, _, err := behind.Pending(); n != 0 || err != nil {
		t.Errorf("the answer of another arrived")
	}
	again := ask(t, c, "svc.a", "again")
	receive(t, e)
	sendAll(t, e, text("in time"))
	if got := answerOf(t, again); got != "in time" {
		t.Errorf("answered with %q", got)
	}
}

// TestNATSReplyEnvelope: a line has the subject for its answer, and answers come in any
// order.
func TestNATSReplyEnvelope(t *testing.T) {
	s := startNATS(t, server.Options{})
	noLeaks(t)
	e := openNATS(t, "nats://"+s.Addr().String()+"/svc?envelope=json", nil)
	c := natsClient(t, s.ClientURL())
	one, two := ask(t, c, "svc", "1"), ask(t, c, "svc", "2")
	for _, sub := range []*natsgo.Subscription{one, two} {
		if got, want := string(receive(t, e).Data), `{"subject":"svc","reply":"`+sub.Subject+`","data":`; !strings.HasPrefix(got, want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	sendAll(t, e, text(`{"subject":"`+two.Subject+`","data":"B"}`), text(`{"subject":"`+one.Subject+`","reply":"more","data":"A"}`))
	if a, b := answerOf(t, one), answerOf(t, two); a != "A" || b != "B" {
		t.Errorf("answers %q and %q", a, b)
	}
}

// TestNATSReplyForbidden: a reply subject on which nothing may be published is said, and
// ends nothing.
func TestNATSReplyForbidden(t *testing.T) {
	s := startNATS(t, server.Options{Users: []*server.User{{Username: "all", Password: "x"}, {Username: "ann", Password: "x", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{"fine.>"}},
	}}}})
	noLeaks(t)
	var h heard
	e := openNATS(t, "nats://ann:x@"+s.Addr().String()+"/svc?reply=1", h.options())
	c := natsClient(t, "nats://all:x@"+s.Addr().String())
	for range 2 {
		ask(t, c, "svc", "q")
		receive(t, e)
		sendAll(t, e, text("a"))
	}
	until(t, "both are said", func() bool { lost, _ := h.losses(); return lost == 2 })
	if _, why := h.losses(); !strings.Contains(why[0], "Publish") || !strings.Contains(why[0], "_INBOX") || !strings.Contains(why[0], "see what the user may") {
		t.Errorf("said: %q", why)
	}
	if h.count("ermission") != 0 {
		t.Errorf("said twice: %q", h.notes)
	}
}

// TestNATSRequest: each message is a request, answers come in the order of the requests,
// and where none comes that is said.
func TestNATSRequest(t *testing.T) {
	s := startNATS(t, server.Options{})
	noLeaks(t)
	base := "nats://" + s.Addr().String() + "/"
	c := natsClient(t, s.ClientURL())
	held := make(chan *natsgo.Msg, 1)
	if _, err := c.Subscribe("svc", func(m *natsgo.Msg) {
		if string(m.Data) == "first" {
			held <- m
			return
		}
		m.Respond(append([]byte("re "), m.Data...))
		if string(m.Data) == "second" {
			(<-held).Respond([]byte("re first"))
		}
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Subscribe("silent", func(*natsgo.Msg) {}); err != nil {
		t.Fatal(err)
	}
	c.Flush()
	var h heard
	e := openNATS(t, base+"svc?request=1", h.options())
	sendAll(t, e, text("first"), text("second"))
	for _, want := range []string{"re first", "re second"} {
		if got := receive(t, e); string(got.Data) != want {
			t.Fatalf("got %q, want %q", got.Data, want)
		}
	}
	const n = 5000 // more than may wait
	var sending sync.WaitGroup
	sending.Go(func() { sendAll(t, e, numbers(0, n)...) })
	for i := range n {
		if got := receive(t, e); string(got.Data) != fmt.Sprint("re ", i) {
			t.Fatalf("got %q when the answer to %d was due", got.Data, i)
		}
	}
	sending.Wait()
	if lost, why := h.losses(); lost != 0 {
		t.Fatalf("%d lost: %q", lost, why)
	}

	env := openNATS(t, base+"?request=1&envelope=json&timeout=50ms", h.options())
	sendAll(t, env, text(`{"subject":"nobody","data":""}`), text(`{"subject":"silent","data":""}`), text(`{"subject":"svc","data":"x"}`))
	if got := receive(t, env); string(got.Data) != `{"subject":"svc","data":"re x"}` {
		t.Errorf("got %s", got.Data)
	}
	if lost, why := h.losses(); lost != 2 || !strings.Contains(why[0], `nobody answers requests on "nobody"`) || !strings.Contains(why[1], "not answered within 50ms") {
		t.Errorf("%d lost: %q", lost, why)
	}
}

// TestNATSRequestRestart: the server goes and comes while requests are sent. Each is
// answered once, in order, or said to be not.
func TestNATSRequestRestart(t *testing.T) {
	s := startNATS(t, server.Options{})
	noLeaks(t)
	port := s.Addr().(*net.TCPAddr).Port
	var h heard
	e := openNATS(t, "nats://"+s.Addr().String()+"/svc?request=1&timeout=2s", h.options())
	c, err := natsgo.Connect(s.ClientURL(), natsgo.MaxReconnects(-1), natsgo.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.Subscribe("svc", func(m *natsgo.Msg) { m.Respond(m.Data) }); err != nil {
		t.Fatal(err)
	}
	c.Flush()
	const n = 3000
	var sending sync.WaitGroup
	sending.Go(func() {
		for i := range n {
			sendAll(t, e, text(strconv.Itoa(i)))
		}
	})
	last, got := -1, 0
	for lost := uint64(0); got+int(lost) < n; lost, _ = h.losses() {
		if got == 500 || got == 1500 {
			s.Shutdown()
			s.WaitForShutdown()
			s = startNATS(t, server.Options{Port: port})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		m, err := e.Receive(ctx)
		cancel()
		if err != nil {
			continue
		}
		i, err := strconv.Atoi(string(m.Data))
		if err != nil || i <= last {
			t.Fatalf("an answer %q behind that to %d", m.Data, last)
		}
		last, got = i, got+1
	}
	sending.Wait()
	nothing(t, e)
	lost, why := h.losses()
	if got+int(lost) != n || got < n/2 {
		t.Errorf("%d answered, %d lost of %d: %q", got, lost, n, why)
	}
}

// TestBridgeNATSRequest: a device that closes behind its question still gets the answer.
func TestBridgeNATSRequest(t *testing.T) {
	s := startNATS(t, server.Options{})
	c := natsClient(t, s.ClientURL())
	release := make(chan struct{})
	if _, err := c.Subscribe("time.lab", func(m *natsgo.Msg) {
		<-release
		m.Respond(append([]byte("noon, "), m.Data...))
	}); err != nil {
		t.Fatal(err)
	}
	c.Flush()
	addr := startBridge(t, "ws://127.0.0.1:0", s.ClientURL()+"/time.{channel}?request=1")
	ctx, cancel := context.WithTimeout(t.Context(), natsBound)
	defer cancel()
	device, err := core.Dial(ctx, "ws://"+addr+"/ws/lab/rw", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close(ctx)
	if err := device.Send(ctx, text("ann")); err != nil {
		t.Fatal(err)
	}
	if err := device.SendClose(ctx, 1000, ""); err != nil {
		t.Fatal(err)
	}
	close(release)
	if m, err := device.Receive(ctx); err != nil || string(m.Data) != "noon, ann" {
		t.Errorf("got %q, %v", m.Data, err)
	}
}
