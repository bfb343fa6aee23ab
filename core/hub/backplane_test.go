package hub

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/ws76/ws76/core"
)

// wire joins the hubs of one process as a backplane does those of several.
type wire struct {
	mu    sync.Mutex
	ports []*port
}

type port struct {
	w       *wire
	deliver func(string, core.Message)
	wants   map[string]bool
	log     []string
	err     error
}

func (w *wire) port() *port {
	p := &port{w: w, wants: map[string]bool{}}
	w.ports = append(w.ports, p)
	return p
}

func (p *port) Open(deliver func(string, core.Message)) error { p.deliver = deliver; return nil }

func (p *port) Subscribe(channel string) error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.log = append(p.log, "+"+channel)
	p.wants[channel] = true
	return p.err
}

func (p *port) Unsubscribe(channel string) error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.log = append(p.log, "-"+channel)
	delete(p.wants, channel)
	return nil
}

func (p *port) Publish(channel string, b *core.Shared) error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	for _, other := range p.w.ports {
		if other != p && other.wants[channel] {
			for i := range b.Len() {
				other.deliver(channel, b.Message(i))
			}
		}
	}
	return p.err
}

func (p *port) Close() error { p.log = append(p.log, "closed"); return nil }

func TestBackplane(t *testing.T) {
	var w wire
	here, there := w.port(), w.port()
	var failures []error
	a := newHub(t, &Options{Backplane: here, Failed: func(channel string, err error) { failures = append(failures, err) }})
	b := newHub(t, &Options{Backplane: there})

	var subA, subB recorder
	m := join(t, a, "c", &subA, JoinOptions{Publish: true})
	other := join(t, b, "c", &subB, JoinOptions{Publish: true})
	m.Queue(text("1"))
	m.Queue(text("2"))
	m.Flush()
	other.Publish(text("3"))
	b.Publish("c", text("4"))
	b.Publish("c", text("\xff"))
	if got := subB.texts(); !slices.Equal(got, []string{"1", "2", "4"}) {
		t.Errorf("there: %q", got)
	}
	if got := subA.texts(); !slices.Equal(got, []string{"3", "4"}) {
		t.Errorf("here: %q", got)
	}

	// Only the first subscriber asks for the channel and the last one gives it up.
	second := join(t, a, "c", &subA, JoinOptions{})
	writer := join(t, a, "w", nil, JoinOptions{Publish: true})
	m.Leave()
	second.Leave()
	join(t, a, "c", &subA, JoinOptions{}).Leave()
	if !slices.Equal(here.log, []string{"+c", "-c", "+c", "-c"}) {
		t.Errorf("asked for: %q", here.log)
	}

	// A backplane that fails costs nobody the connection, and is told.
	here.err = errors.New("no backplane")
	if err := writer.Publish(text("x")); err != nil {
		t.Errorf("Publish: %v", err)
	}
	if err := a.Publish("w", text("y"), text("z")); !errors.Is(err, here.err) {
		t.Errorf("Hub.Publish: %v", err)
	}
	if s := a.Stats(); s.Lost != 3 || len(failures) != 2 {
		t.Errorf("%d lost, told %v", s.Lost, failures)
	}
	if _, err := a.Join("d", &subA, JoinOptions{}); !errors.Is(err, here.err) {
		t.Errorf("Join: %v", err)
	}
	if _, ok := a.Channel("d"); ok {
		t.Error("a channel is there that nobody could join")
	}
	a.Close()
	a.Close()
	writer.Leave()
	if here.log[len(here.log)-1] != "closed" || slices.Index(here.log, "closed") != len(here.log)-1 {
		t.Errorf("at the end: %q", here.log)
	}
}
