package hub

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a subscriber that keeps what it got.
type recorder struct {
	mu  sync.Mutex
	got []string
}

func (r *recorder) Deliver(b *core.Shared) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range b.Len() {
		r.got = append(r.got, string(b.Message(i).Data))
	}
}

func (r *recorder) texts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func text(s string) core.Message { return core.Message{Data: []byte(s)} }

func newHub(t *testing.T, o *Options) *Hub {
	t.Helper()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func join(t *testing.T, h *Hub, name string, sub Subscriber, o JoinOptions) *Member {
	t.Helper()
	m, err := h.Join(name, sub, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPublish(t *testing.T) {
	h := newHub(t, nil)
	var own, echoed, reader recorder
	a := join(t, h, "lab", &own, JoinOptions{Publish: true})
	b := join(t, h, "lab", &echoed, JoinOptions{Publish: true, Echo: true})
	c := join(t, h, "lab", &reader, JoinOptions{})
	d := join(t, h, "lab", nil, JoinOptions{Publish: true})
	var other recorder
	join(t, h, "elsewhere", &other, JoinOptions{Publish: true})

	for _, s := range []string{"1", "2"} {
		if err := a.Queue(text(s)); err != nil {
			t.Fatal(err)
		}
	}
	if len(reader.texts()) != 0 {
		t.Error("delivered before Flush")
	}
	a.Flush()
	if err := b.Publish(text("3")); err != nil {
		t.Fatal(err)
	}
	if err := d.Publish(text("4")); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(text("5")); err != ErrReadOnly {
		t.Errorf("a reader publishes: %v", err)
	}
	if err := h.Publish("lab", text("6"), text("7")); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		sub  *recorder
		want string
	}{
		{"publisher", &own, "3 4 6 7"}, {"with echo", &echoed, "1 2 3 4 6 7"},
		{"reader", &reader, "1 2 3 4 6 7"}, {"other channel", &other, ""},
	} {
		if got := strings.Join(tc.sub.texts(), " "); got != tc.want {
			t.Errorf("%s got %q, want %q", tc.name, got, tc.want)
		}
	}

	info, ok := h.Channel("lab")
	if !ok || info.Members != 4 || info.Subscribers != 3 || info.Publishers != 3 ||
		info.Messages != 6 || info.Bytes != 6 || info.Delivered != 2*2+3+3+2*3 || info.Last.IsZero() {
		t.Errorf("channel is %+v", info)
	}
	if s := h.Stats(); s.Channels != 2 || s.Messages != 6 || s.Bytes != 6 || s.Delivered != 16 {
		t.Errorf("stats are %+v", s)
	}
	c.Leave()
	a.Leave()
	b.Publish(text("8"))
	if slices.Contains(reader.texts(), "8") || slices.Contains(own.texts(), "8") {
		t.Error("delivered to one who has left")
	}
	b.Leave()
	if _, ok := h.Channel("lab"); !ok {
		t.Error("the channel vanished with somebody in it")
	}
	d.Leave()
	if list := h.Channels(); len(list) != 1 || list[0].Name != "elsewhere" {
		t.Errorf("channels are %+v", list)
	}
}

func TestLeaveFlushes(t *testing.T) {
	h := newHub(t, nil)
	var sub recorder
	defer join(t, h, "c", &sub, JoinOptions{}).Leave()
	m := join(t, h, "c", nil, JoinOptions{Publish: true})
	m.Queue(text("last words"))
	m.Leave()
	if got := sub.texts(); !slices.Equal(got, []string{"last words"}) {
		t.Errorf("got %q", got)
	}
}

func TestPublishRefuses(t *testing.T) {
	h := newHub(t, nil)
	m := join(t, h, "c", nil, JoinOptions{Publish: true})
	defer m.Leave()
	var invalid *core.InvalidUTF8Error
	if err := m.Publish(text("ab\xff")); !errors.As(err, &invalid) || invalid.Offset != 2 {
		t.Errorf("Publish: %v", err)
	}
	if err := h.Publish("c", text("ok"), text("\xff")); !errors.As(err, &invalid) {
		t.Errorf("Hub.Publish: %v", err)
	}
	if s := h.Stats(); s.Messages != 0 {
		t.Errorf("%d messages were published", s.Messages)
	}
	h.Close()
	if _, err := h.Join("d", nil, JoinOptions{}); err != ErrClosed {
		t.Errorf("Join after Close: %v", err)
	}
	if err := h.Publish("c", text("x")); err != ErrClosed {
		t.Errorf("Publish after Close: %v", err)
	}
}

// TestPublishConcurrently: members come and go while others publish; each
// publisher's messages come in its order, all subscribers see one order, and
// nobody is lost.
func TestPublishConcurrently(t *testing.T) {
	const publishers, messages = 8, 200
	h := newHub(t, nil)
	var subs [4]recorder
	for i := range subs {
		join(t, h, "c", &subs[i], JoinOptions{})
	}
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			m, err := h.Join("c", nil, JoinOptions{Publish: true})
			if err != nil {
				t.Error(err)
				return
			}
			for i := range messages {
				m.Queue(text(fmt.Sprintf("%d %d", p, i)))
				if i%3 == 0 {
					m.Flush()
				}
			}
			m.Leave()
		})
		wg.Go(func() {
			for range messages {
				var r recorder
				if m, err := h.Join("c", &r, JoinOptions{}); err == nil {
					m.Leave()
				}
				h.Channels()
			}
		})
	}
	wg.Wait()
	all := subs[0].texts()
	if len(all) != publishers*messages {
		t.Fatalf("%d messages, want %d", len(all), publishers*messages)
	}
	next := map[string]int{}
	for _, s := range all {
		p, i, _ := strings.Cut(s, " ")
		if i != fmt.Sprint(next[p]) {
			t.Fatalf("publisher %s: message %s came when %d was due", p, i, next[p])
		}
		next[p]++
	}
	for i := range subs {
		if !slices.Equal(subs[i].texts(), all) {
			t.Errorf("subscriber %d saw another order", i)
		}
	}
	if info, _ := h.Channel("c"); info.Members != len(subs) || info.Subscribers != len(subs) {
		t.Errorf("members left behind: %+v", info)
	}
}

func TestRate(t *testing.T) {
	now := time.Unix(1000, 0)
	h := newHub(t, nil)
	h.now = func() time.Time { return now }
	m := join(t, h, "c", nil, JoinOptions{Publish: true})
	defer m.Leave()
	want := func(messages, bytes uint64) {
		t.Helper()
		if i, _ := h.Channel("c"); i.Rate != messages || i.ByteRate != bytes {
			t.Errorf("rate %d, %d bytes; want %d, %d", i.Rate, i.ByteRate, messages, bytes)
		}
	}
	m.Publish(text("ab"))
	m.Publish(text("cd"))
	want(0, 0) // the second is not over
	now = now.Add(time.Second)
	want(2, 4)
	m.Publish(text("e"))
	want(2, 4)
	now = now.Add(time.Second)
	want(1, 1)
	now = now.Add(2 * time.Second)
	want(0, 0)
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "lab-1", "Küche", "温度", "a.b~c:d@e+f_g", "...", strings.Repeat("x", MaxName)} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", "a b", "a\x00", "a\n", "\xff", "a*", "a>", "<b>", "\u202e", "a\u00a0b", strings.Repeat("x", MaxName+1)} {
		var ne *NameError
		if err := CheckName(name); !errors.As(err, &ne) {
			t.Errorf("%q is taken: %v", name, err)
		}
	}
}

func TestBinary(t *testing.T) {
	for _, tc := range []struct {
		as   Binary
		want string
	}{{Base64, "AP/p"}, {Hex, "00ffe9"}, {Latin1, "\x00ÿé"}} {
		if got := string(tc.as.As()([]byte("> "), []byte{0, 0xFF, 0xE9})); got != "> "+tc.want {
			t.Errorf("%v: %q", tc.as, got)
		}
	}
	if Refuse.As() != nil || Binary("").As() != nil {
		t.Error("refuse makes a text")
	}
	h := newHub(t, &Options{Binary: Hex})
	var drafts sharedKeeper
	defer join(t, h, "c", &drafts, JoinOptions{}).Leave()
	h.Publish("c", core.Message{Data: []byte{0xFF}, Kind: core.Binary})
	if got := string(drafts.last.Frames(core.Hixie76).Bytes); got != "\x00ff\xff" {
		t.Errorf("on the wire: %q", got)
	}
}

type sharedKeeper struct{ last *core.Shared }

func (k *sharedKeeper) Deliver(b *core.Shared) { k.last = b }
