package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/endpoints/broker"
	"github.com/ws76/ws76/endpoints/nats"
)

// jetStream is a server whose streams outlive it, and a client of it.
type jetStream struct {
	t    *testing.T
	o    server.Options
	addr string
	stop func()
	js   jetstream.JetStream
}

// natsProcess is where the test binary finds, as a process of its own, where it is to serve
// and to keep streams.
const natsProcess = "WS76_LIVE_NATS"

func init() {
	port, dir, ok := strings.Cut(os.Getenv(natsProcess), " ")
	if !ok {
		return
	}
	n, _ := strconv.Atoi(port)
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: n, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
	if err != nil {
		panic(err)
	}
	s.Start()
	go func() {
		io.Copy(io.Discard, os.Stdin) // who has started it is gone
		os.Exit(1)
	}()
	s.WaitForShutdown()
}

// startJetStream runs one with stream LAB of lab.>. With killed it is a process, which
// restart kills.
func startJetStream(t *testing.T, killed ...bool) *jetStream {
	t.Helper()
	j := &jetStream{t: t, o: server.Options{JetStream: true, StoreDir: t.TempDir()}}
	if len(killed) > 0 && killed[0] {
		j.addr = freeAddr(t)
		j.stop = func() {}
		t.Cleanup(func() { j.stop() })
		j.restart()
	} else {
		s := startNATS(t, j.o)
		j.o.Port = s.Addr().(*net.TCPAddr).Port
		j.addr = s.Addr().String()
		j.stop = func() { s.Shutdown(); s.WaitForShutdown() }
	}
	c, err := natsgo.Connect("nats://"+j.addr, natsgo.MaxReconnects(-1), natsgo.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if j.js, err = jetstream.New(c); err != nil {
		t.Fatal(err)
	}
	j.stream(jetstream.StreamConfig{Name: "LAB", Subjects: []string{"lab.>"}})
	return j
}

func (j *jetStream) restart() {
	j.t.Helper()
	j.stop()
	if j.o.Port > 0 {
		s := startNATS(j.t, j.o)
		j.stop = func() { s.Shutdown(); s.WaitForShutdown() }
		return
	}
	_, port, _ := net.SplitHostPort(j.addr)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), natsProcess+"="+port+" "+j.o.StoreDir)
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		j.t.Fatal(err)
	}
	j.stop = func() {
		cmd.Process.Kill()
		cmd.Wait()
		in.Close()
	}
	awaitListener(j.t, j.addr)
}

func (j *jetStream) stream(c jetstream.StreamConfig) jetstream.Stream {
	j.t.Helper()
	s, err := j.js.CreateStream(j.t.Context(), c)
	if err != nil {
		j.t.Fatal(err)
	}
	return s
}

// publish puts numbers into a stream.
func (j *jetStream) publish(subject string, from, to int) {
	j.t.Helper()
	publish := func(i int) error {
		ctx, cancel := context.WithTimeout(j.t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := j.js.Publish(ctx, subject, []byte(strconv.Itoa(i)), jetstream.WithRetryAttempts(100), jetstream.WithMsgID(subject+strconv.Itoa(i)))
		return err
	}
	for i := from; i < to; i++ {
		for err := publish(i); err != nil; err = publish(i) { // the stream knows the id
			if j.t.Context().Err() != nil {
				j.t.Error(err)
				return
			}
		}
	}
}

// pending returns what of the consumer is not acknowledged, and not delivered.
func (j *jetStream) pending(durable string) (int, uint64) {
	j.t.Helper()
	c, err := j.js.Consumer(j.t.Context(), "LAB", durable)
	if err != nil {
		return -1, 0
	}
	info, err := c.Info(j.t.Context())
	if err != nil {
		return -1, 0
	}
	return info.NumAckPending, info.NumPending
}

func (j *jetStream) url(rest string) string { return "nats://" + j.addr + rest }

// pump runs the endpoint's Pump until stopped, as relay.Join does; each gets what comes, and
// proof says whether what was handed over is proven.
func pump(t *testing.T, e *nats.Endpoint, each func(core.Message), proof func() error) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		e.Pump(ctx, func(m core.Message) error { each(m); return nil }, proof)
	})
	return func() { cancel(); running.Wait() }
}

// TestNATSStream: a durable consumer is made, hands on what is there, in order, and what
// is not proven is not acknowledged, but given back at the end, and comes first to the next.
func TestNATSStream(t *testing.T) {
	noLeaks(t)
	j := startJetStream(t)
	const n = 1000
	j.publish("lab.a", 0, n)
	j.publish("lab.b", 0, 1) // of another subject
	url := j.url("/lab.a?stream=LAB&durable=press&envelope=json")
	var h heard
	e := openNATS(t, url, h.options())
	next := 0
	for ; next < n/2; next++ {
		if got, want := string(receive(t, e).Data), fmt.Sprintf(`{"subject":"lab.a","data":"%d"}`, next); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	until(t, "all but the last are acknowledged", func() bool {
		c, err := j.js.Consumer(t.Context(), "LAB", "press")
		if err != nil {
			t.Fatal(err)
		}
		info, err := c.Info(t.Context())
		return err == nil && info.AckFloor.Stream == n/2-1
	})
	closeEndpoint(t, e)
	if lost, why := h.losses(); lost != 0 {
		t.Errorf("%d lost: %q", lost, why)
	}

	e = openNATS(t, url, h.options())
	for next--; next < n; next++ {
		if got, want := string(receive(t, e).Data), fmt.Sprintf(`{"subject":"lab.a","data":"%d"}`, next); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	nothing(t, e)
	if again := e.Stats().Again; again == 0 || again > 256 || h.count("have come again") == 0 {
		t.Errorf("%d again, said: %q", again, h.notes)
	}
	closeEndpoint(t, e)
	if acks, left := j.pending("press"); acks != 0 || left != 0 {
		t.Errorf("%d are not acknowledged, %d not delivered", acks, left)
	}
}

// TestNATSStreamProof: what is waited for longer than the server waits for acknowledgements
// is not delivered again, and what is not proven is not acknowledged.
func TestNATSStreamProof(t *testing.T) {
	noLeaks(t)
	j := startJetStream(t)
	j.publish("lab.a", 0, 10)
	var h heard
	e := openNATS(t, j.url("/?stream=LAB&durable=press&ack-wait=1s"), h.options())
	var mu sync.Mutex
	var got []string
	proven := make(chan error)
	stop := pump(t, e, func(m core.Message) { mu.Lock(); defer mu.Unlock(); got = append(got, string(m.Data)) }, func() error {
		mu.Lock()
		some := len(got) == 10
		mu.Unlock()
		if some {
			return <-proven
		}
		return nil
	})
	time.Sleep(2500 * time.Millisecond) // longer than the server waits
	if acks, _ := j.pending("press"); acks == 0 {
		t.Error("acknowledged without a proof")
	}
	proven <- nil
	until(t, "they are acknowledged", func() bool { acks, _ := j.pending("press"); return acks == 0 })
	close(proven)
	stop()
	if c, err := j.js.Consumer(t.Context(), "LAB", "press"); err != nil || c.CachedInfo().NumRedelivered != 0 || len(got) != 10 || e.Stats().Again != 0 {
		t.Errorf("got %q, %d again, %v", got, e.Stats().Again, err)
	}

	j.publish("lab.a", 10, 20)
	stop = pump(t, e, func(core.Message) {}, func() error {
		if e.Stats().Received == 20 {
			return errors.New("the other side is gone")
		}
		return nil
	})
	until(t, "they were handed on", func() bool { return e.Stats().Received == 20 })
	stop()
	closeEndpoint(t, e)
	if acks, _ := j.pending("press"); acks == 0 {
		t.Error("acknowledged what was not proven")
	}
	e = openNATS(t, j.url("/?stream=LAB&durable=press"), h.options())
	until(t, "the last comes again", func() bool { return string(receive(t, e).Data) == "19" })
}

// TestNATSStreamRestart: the server goes, in peace or killed, and comes while numbers are
// published. They come all, once and in order.
func TestNATSStreamRestart(t *testing.T) {
	t.Run("stopped", func(t *testing.T) { streamRestart(t, false) })
	t.Run("killed", func(t *testing.T) { streamRestart(t, true) })
}

func streamRestart(t *testing.T, killed bool) {
	noLeaks(t)
	j := startJetStream(t, killed)
	const n = 3000
	var publishing sync.WaitGroup
	publishing.Go(func() { j.publish("lab.a", 0, n) })
	var h heard
	e := openNATS(t, j.url("/lab.*?stream=LAB&durable=press&ack-wait=500ms"), h.options())
	var mu sync.Mutex
	var got []string
	stop := pump(t, e, func(m core.Message) { mu.Lock(); defer mu.Unlock(); got = append(got, string(m.Data)) }, func() error { return nil })
	have := func(k int) func() bool { return func() bool { mu.Lock(); defer mu.Unlock(); return len(got) >= k } }
	for r := range 3 {
		until(t, "messages come", have((r+1)*n/8))
		j.restart()
	}
	publishing.Wait()
	until(t, "all have come", have(n))
	until(t, "all are acknowledged", func() bool { acks, left := j.pending("press"); return acks == 0 && left == 0 })
	stop()
	for i, s := range got {
		if s != strconv.Itoa(i) {
			t.Fatalf("%q in place of %d; %q", s, i, h.notes)
		}
	}
	if lost, why := h.losses(); lost != 0 || len(got) != n {
		t.Errorf("%d lost: %q", lost, why)
	}
}

// TestNATSStreamOrder: what somebody took who died without a word comes before what is new.
func TestNATSStreamOrder(t *testing.T) {
	noLeaks(t)
	j := startJetStream(t)
	s, err := j.js.Stream(t.Context(), "LAB")
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "press", AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	j.publish("lab.a", 0, 300)
	batch, err := c.Fetch(300)
	if err != nil {
		t.Fatal(err)
	}
	for range batch.Messages() { // and nothing is said of them
	}
	j.publish("lab.a", 300, 400)
	var h heard
	e := openNATS(t, j.url("/?stream=LAB&durable=press"), h.options())
	for i := range 400 {
		if got := receive(t, e); string(got.Data) != strconv.Itoa(i) {
			t.Fatalf("got %q, want %d", got.Data, i)
		}
	}
	if e.Stats().Again != 300 {
		t.Errorf("%d again; said: %q", e.Stats().Again, h.notes)
	}
}

// TestNATSStreamTooLarge: a message over the limit is counted, and does not come again.
func TestNATSStreamTooLarge(t *testing.T) {
	noLeaks(t)
	j := startJetStream(t)
	var h heard
	o := h.options()
	o.MaxMessage = 10
	e := openNATS(t, j.url("/lab.a?stream=LAB&durable=press&ack-wait=200ms"), o)
	for _, data := range []string{"small", "much too large", "fine"} {
		if _, err := j.js.Publish(t.Context(), "lab.a", []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"small", "fine"} {
		if got := receive(t, e); string(got.Data) != want {
			t.Errorf("got %q, want %q", got.Data, want)
		}
	}
	nothing(t, e)
	until(t, "nothing is left", func() bool { acks, left := j.pending("press"); return acks == 0 && left == 0 })
	if lost, why := h.losses(); lost != 1 || !strings.Contains(why[0], "too large") {
		t.Errorf("%d lost: %q", lost, why)
	}
}

// TestNATSStreamRefuses: what can't be, and what would help.
func TestNATSStreamRefuses(t *testing.T) {
	noLeaks(t)
	plain := startNATS(t, server.Options{})
	j := startJetStream(t)
	limited := startNATS(t, server.Options{JetStream: true, StoreDir: t.TempDir(), Users: []*server.User{{Username: "ann", Password: "x", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{"lab.>"}},
	}}}})
	s, err := j.js.Stream(t.Context(), "LAB")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []jetstream.ConsumerConfig{
		{Durable: "other", FilterSubject: "lab.b", AckPolicy: jetstream.AckExplicitPolicy},
		{Durable: "none", AckPolicy: jetstream.AckNonePolicy},
	} {
		if _, err := s.CreateConsumer(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.CreatePushConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "push", DeliverSubject: "x", AckPolicy: jetstream.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ url, want, hint string }{
		{"nats://" + plain.Addr().String() + "/?stream=LAB&durable=d", "JetStream is not enabled", "-js"},
		{"nats://" + plain.Addr().String() + "/lab.a?jetstream=1", "JetStream is not enabled", "-js"},
		{j.url("/?stream=NONE&durable=d"), "stream not found (10059)", "nats stream add"},
		{j.url("/hall.a?jetstream=1"), "no stream takes that subject", "nats stream add"},
		{j.url("/lab.a?stream=LAB&durable=other"), `for ["lab.b"] and not for ["lab.a"]`, "another durable"},
		{j.url("/?stream=LAB&durable=none"), "acknowledgements", "explicit"},
		{j.url("/?stream=LAB&durable=push"), "not a pull consumer", "another durable"},
		{j.url("/?stream=LAB&durable=d&pub=lab.a"), "would come back", "another subject"},
		{"nats://ann:x@" + limited.Addr().String() + "/?stream=LAB&durable=d", "$JS.API.STREAM.INFO.LAB", "see what the user may publish"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), natsBound)
		e, err := nats.Open(ctx, tc.url, nil)
		cancel()
		if err == nil {
			closeEndpoint(t, e)
		}
		var refused *broker.RefusedError
		if !errors.As(err, &refused) || !strings.Contains(refused.Got, tc.want) || !strings.Contains(refused.Hint, tc.hint) {
			t.Errorf("%s: %v; want %q, and %q as help", tc.url, err, tc.want, tc.hint)
		}
	}
	e := openNATS(t, j.url("/?stream=LAB&durable=mine"), nil)
	if err := s.DeleteConsumer(t.Context(), "mine"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Receive(t.Context()); err == nil || !strings.Contains(err.Error(), "deleted") {
		t.Errorf("a consumer that was deleted: %v", err)
	}
}

// contents returns what is in a stream, in order.
func (j *jetStream) contents(stream string) (all []string) {
	j.t.Helper()
	s, err := j.js.Stream(j.t.Context(), stream)
	if err != nil {
		j.t.Fatal(err)
	}
	for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(j.t.Context(), seq)
		if err != nil {
			j.t.Fatal(err)
		}
		all = append(all, string(m.Data))
	}
	return all
}

// TestNATSPublish: what is sent is in the stream when Send has returned; what the stream
// refuses, or no stream takes, is counted, and what is behind it gets there.
func TestNATSPublish(t *testing.T) {
	noLeaks(t)
	j := startJetStream(t)
	j.stream(jetstream.StreamConfig{Name: "FULL", Subjects: []string{"full"}, MaxMsgs: 1, Discard: jetstream.DiscardNew})
	j.stream(jetstream.StreamConfig{Name: "SMALL", Subjects: []string{"small"}, MaxMsgSize: 10})
	var h heard
	e := openNATS(t, j.url("/?pub=lab.a&jetstream=1"), h.options())
	const n = 1000
	sendAll(t, e, numbers(0, n)...)
	var want []string
	for i := range n {
		want = append(want, strconv.Itoa(i))
	}
	if got := j.contents("LAB"); !slices.Equal(got, want) {
		t.Errorf("the stream has %d messages: %.40q", len(got), got)
	}
	sendAll(t, e, core.Message{Data: make([]byte, 64<<10)}, text("behind")) // with a header it is too large
	env := openNATS(t, j.url("/?envelope=json&jetstream=1"), h.options())
	sendAll(t, env, text(`{"subject":"full","data":"1"}`), text(`{"subject":"full","data":"2"}`), text(`{"subject":"small","data":"much too large"}`),
		text(`{"subject":"nobody","data":""}`), text(`{"subject":"lab.b","data":"last"}`))
	if got := j.contents("LAB"); !slices.Equal(got[n:], []string{"behind", "last"}) {
		t.Errorf("the stream has %q", got[n:])
	}
	_, why := h.losses()
	for _, want := range []string{"too large: 65536 bytes and a header", "maximum messages exceeded", "exceeds maximum", `no stream takes "nobody"`} {
		if len(why) != 4 || !strings.Contains(strings.Join(why, "\n"), want) {
			t.Errorf("lost: %q, want %q", why, want)
		}
	}
}

// TestNATSPublishRestart: the server goes, in peace or killed, and comes. What was sent is in
// the stream, once and in order.
func TestNATSPublishRestart(t *testing.T) {
	t.Run("stopped", func(t *testing.T) { publishRestart(t, false) })
	t.Run("killed", func(t *testing.T) { publishRestart(t, true) })
}

func publishRestart(t *testing.T, killed bool) {
	noLeaks(t)
	j := startJetStream(t, killed)
	var h heard
	e := openNATS(t, j.url("/?pub=lab.a&jetstream=1"), h.options())
	const n = 3000
	var sending sync.WaitGroup
	sending.Go(func() { sendAll(t, e, numbers(0, n)...) })
	for r := range 3 {
		until(t, "messages are sent", func() bool { return e.Stats().Sent > uint64(r+1)*n/8 })
		j.restart()
	}
	sending.Wait()
	got := j.contents("LAB")
	for i, s := range got {
		if s != strconv.Itoa(i) {
			t.Fatalf("%q in place of %d", s, i)
		}
	}
	if lost, why := h.losses(); lost != 0 || len(got) != n || e.Stats().Unacknowledged != 0 {
		t.Errorf("%d are in the stream, %d lost: %q", len(got), lost, why)
	}
}

// deaf is a connection that can be made to take nothing in.
type deaf struct {
	net.Conn
	on *atomic.Bool
}

func (d deaf) Read(p []byte) (int, error) {
	for {
		n, err := d.Conn.Read(p)
		if err != nil || !d.on.Load() {
			return n, err
		}
	}
}

// TestNATSPublishAgain: a message whose acknowledgement is lost with the connection is
// published again, and the stream has it once.
func TestNATSPublishAgain(t *testing.T) {
	noLeaks(t)
	j := startJetStream(t)
	var on atomic.Bool
	var last atomic.Pointer[net.Conn]
	o := &broker.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		last.Store(&c)
		return deaf{c, &on}, err
	}}
	e := openNATS(t, j.url("/?pub=lab.a&jetstream=1"), o)
	sendAll(t, e, text("0"))
	on.Store(true)
	var sending sync.WaitGroup
	sending.Go(func() { sendAll(t, e, text("1"), text("2")) })
	until(t, "the stream has both", func() bool { return len(j.contents("LAB")) == 3 })
	on.Store(false)
	(*last.Load()).Close()
	sending.Wait()
	if got := j.contents("LAB"); !slices.Equal(got, []string{"0", "1", "2"}) || e.Stats().Reconnects != 1 {
		t.Errorf("the stream has %q, after %d connections more", got, e.Stats().Reconnects)
	}
}

// TestBridgeNATSStream: a server that is gone with messages unread gets them from the next
// bridge.
func TestBridgeNATSStream(t *testing.T) {
	j := startJetStream(t)
	const n = 2000
	j.publish("lab.a", 0, n)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), natsBound)
	defer cancel()
	next := 0
	for _, dialect := range []string{"rfc6455", "rfc6455", "hixie76"} {
		cmd := ws76(t, "bridge", j.url("/?stream=LAB&durable=press&ack-wait=1s"), "ws+"+dialect+"://"+l.Addr().String()+"/")
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait(); t.Log(said.String()) })
		l.(*net.TCPListener).SetDeadline(time.Now().Add(natsBound))
		stream, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conn, err := core.Accept(ctx, stream, nil)
		if err != nil {
			t.Fatal(err)
		}
		most := min(n, next+n/3+1)
		for first := true; next < most; next++ {
			m, err := conn.Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			i, err := strconv.Atoi(string(m.Data))
			if first && err == nil && i < next {
				next = i // it has come again
			}
			if first = false; i != next || err != nil {
				t.Fatalf("got %q, want %d", m.Data, next)
			}
		}
		if next == n {
			go conn.Receive(ctx) // answers the ping that asks for proof
			until(t, "all are acknowledged", func() bool { acks, left := j.pending("press"); return acks == 0 && left == 0 })
			stop(t, cmd)
		}
		stream.Close()
		cmd.Wait()
	}
	if next != n {
		t.Errorf("%d of %d", next, n)
	}
}
