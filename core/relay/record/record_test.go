package record

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/recording"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bound is how long a test waits for what must happen.
const bound = 20 * time.Second

func closeRecorder(t *testing.T, r *Recorder) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	return r.Close(ctx)
}

// entries reads a recording back, strictly.
func entries(t *testing.T, text []byte) []recording.Entry {
	t.Helper()
	r := recording.NewReader(bytes.NewReader(text), 0)
	var all []recording.Entry
	for {
		e, err := r.Next()
		if err == io.EOF {
			return all
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		all = append(all, e)
	}
}

// given is an endpoint that has messages to give and keeps what it takes.
type given struct {
	messages []string
	took     []string
}

func (g *given) Receive(ctx context.Context) (core.Message, error) {
	if len(g.messages) == 0 {
		return core.Message{}, io.EOF
	}
	m := g.messages[0]
	g.messages = g.messages[1:]
	return core.Message{Data: []byte(m)}, nil
}

func (g *given) Send(_ context.Context, m core.Message) error {
	g.took = append(g.took, string(m.Data))
	return nil
}

func (g *given) Close(context.Context) error { return nil }

// TestAround records a real connection, with a hook that changes what it sees:
// the recording has what was on the wire.
func TestAround(t *testing.T) {
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() {
		conn, err := core.Accept(t.Context(), far, nil)
		if err == nil {
			var m core.Message
			if m, err = conn.Receive(t.Context()); err == nil {
				err = conn.Send(t.Context(), core.Message{Data: append([]byte("echo "), m.Data...)})
			}
			err = errors.Join(err, conn.Close(t.Context()))
		}
		served <- err
	}()
	conn, err := core.Client(t.Context(), near, "ws://me:secret@tv/x?y=1", &core.DialOptions{Header: hixie.Fields{{Name: "cookie", Value: "id=1"}}})
	if err != nil {
		t.Fatal(err)
	}
	change := relay.HookFunc(func(_ *relay.Session, next relay.Sink) (relay.Sink, error) {
		return func(d relay.Direction, m core.Message) error {
			return next(d, core.Message{Data: append([]byte("changed "), m.Data...)})
		}, nil
	})
	var file bytes.Buffer
	r := New(&file, Options{Secret: []string{"Cookie", "Authorization"}})
	open := Opened(conn, recording.Client)
	open.URL = "ws://me:secret@tv/x?y=1"
	c := r.Open(open)
	terminal := &given{messages: []string{"on"}}
	err = relay.Join(t.Context(), terminal, conn, &relay.Options{Hooks: c.Around([]relay.Hook{change}, relay.B), LingerA: relay.Forever})
	if err := errors.Join(err, <-served); err != nil {
		t.Fatal(err)
	}
	c.Closed(conn, nil)
	c.Closed(nil, io.EOF)
	c.Message(recording.In, core.Message{Data: []byte("late")})
	if err := closeRecorder(t, r); err != nil {
		t.Fatal(err)
	}
	if len(terminal.took) != 1 || terminal.took[0] != "changed echo changed on" {
		t.Errorf("the terminal got %q", terminal.took)
	}
	all := entries(t, file.Bytes())
	if len(all) != 4 {
		t.Fatalf("%d entries:\n%s", len(all), &file)
	}
	if o := all[0].Open; o.Dialect != core.Hixie76 || o.Request != "GET /x?y=1 HTTP/1.1" || o.Role != recording.Client {
		t.Errorf("opened: %+v", o)
	}
	if strings.Contains(file.String(), "secret") || strings.Contains(file.String(), "id=1") {
		t.Errorf("a secret in\n%s", &file)
	}
	if e := all[1]; e.Dir != recording.Out || string(e.Message.Data) != "changed on" {
		t.Errorf("sent: %+v", e)
	}
	if e := all[2]; e.Dir != recording.In || string(e.Message.Data) != "echo changed on" {
		t.Errorf("received: %+v", e)
	}
	if e := all[3]; e.Event != recording.Closed || !e.Close.Clean {
		t.Errorf("closed: %+v", e)
	}
}

func TestNil(t *testing.T) {
	var r *Recorder
	c := r.Open(recording.Open{})
	c.Message(recording.In, core.Message{})
	c.Closed(nil, nil)
	if c != nil || c.Around(nil, relay.A) != nil || r.Close(t.Context()) != nil {
		t.Error("no recorder does something")
	}
}

// TestManyConnections records from many goroutines: lines are whole, times run on,
// and each connection's messages are in order.
func TestManyConnections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := New(f, Options{})
	const conns, each = 8, 500
	var all sync.WaitGroup
	for range conns {
		all.Go(func() {
			c := r.Open(recording.Open{})
			for i := range each {
				c.Message(recording.Out, core.Message{Data: []byte{byte(i), byte(i >> 8)}, Kind: core.Binary})
			}
			c.Closed(nil, nil)
		})
	}
	all.Wait()
	if err := closeRecorder(t, r); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	next := map[int]int{}
	for _, e := range entries(t, text) {
		if e.Event == recording.Message {
			if n := int(e.Message.Data[0]) | int(e.Message.Data[1])<<8; n != next[e.Conn] {
				t.Fatalf("connection %d: message %d, want %d", e.Conn, n, next[e.Conn])
			}
			next[e.Conn]++
		}
	}
	if len(next) != conns || next[1] != each {
		t.Errorf("recorded %v", next)
	}
}

// full is a disk with room for left bytes.
type full struct {
	bytes.Buffer
	left int
}

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if len(p) <= f.left {
		f.left -= len(p)
		return f.Buffer.Write(p)
	}
	n, _ := f.Buffer.Write(p[:f.left])
	f.left = 0
	return n, errFull
}

func (f *full) Truncate(n int64) error {
	f.Buffer.Truncate(int(n))
	return nil
}

// With Reopen each file is a recording by itself, and no message is in neither.
func TestReopen(t *testing.T) {
	var first, second bytes.Buffer
	r := New(&first, Options{})
	c := r.Open(recording.Open{Role: recording.Server, Remote: "there"})
	gone := r.Open(recording.Open{})
	gone.Closed(nil, nil)
	message := func(text string) { c.Message(recording.In, core.Message{Data: []byte(text)}) }
	message("one")
	done := make(chan struct{})
	if !r.Reopen(&second, 0, func() { close(done) }) {
		t.Fatal("not reopened")
	}
	message("two")
	<-done
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.Reopen(&first, 0, func() { t.Error("done") }) {
		t.Error("reopened when it was closed")
	}
	for want, b := range map[string]*bytes.Buffer{"one": &first, "two": &second} {
		var got []string
		opened := 0
		for entries := recording.NewReader(b, 0); ; {
			e, err := entries.Next()
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if e.Event == recording.Opened && e.Conn == 1 && e.Open.Remote == "there" {
				opened++
			}
			if e.Event == recording.Message {
				got = append(got, string(e.Message.Data))
			}
		}
		if len(got) != 1 || got[0] != want || opened != 1 {
			t.Errorf("got %q, opened %d times; want %q", got, opened, want)
		}
	}
}

// TestFullDisk: the recording ends with whole lines and one word, the connection
// goes on.
func TestFullDisk(t *testing.T) {
	disk := &full{left: 500}
	failed := make(chan error, 2)
	r := New(disk, Options{Failed: func(err error) { failed <- err }})
	c := r.Open(recording.Open{})
	for range 100 {
		c.Message(recording.In, core.Message{Data: []byte("reading")})
	}
	select {
	case err := <-failed:
		if err != errFull {
			t.Errorf("failed with %v", err)
		}
	case <-time.After(bound):
		t.Fatal("nobody was told")
	}
	c.Message(recording.In, core.Message{Data: []byte("more")})
	if err := closeRecorder(t, r); err != errFull || len(failed) > 0 {
		t.Errorf("Close: %v, %d more words", err, len(failed))
	}
	entries(t, disk.Bytes())
	if disk.Len() > 500 || disk.Bytes()[disk.Len()-1] != '\n' {
		t.Errorf("%d bytes:\n%s", disk.Len(), disk)
	}
}

// TestStuck: a reader that takes nothing ends the recording, and Close within its
// bound.
func TestStuck(t *testing.T) {
	in, out := io.Pipe()
	failed := make(chan error, 1)
	r := New(out, Options{Failed: func(err error) { failed <- err }})
	r.mu.Lock()
	r.maxPending, r.maxWait = 1000, time.Millisecond
	r.mu.Unlock()
	c := r.Open(recording.Open{})
	for range 100 { // more than fits
		c.Message(recording.Out, core.Message{Data: make([]byte, 100)})
	}
	if err := <-failed; err != ErrSlow {
		t.Errorf("failed with %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := r.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close: %v", err)
	}
	in.Close() // the write at hand ends
	if err := closeRecorder(t, r); err != ErrSlow {
		t.Errorf("Close: %v", err)
	}
}

// TestWaitsForRoom: what does not fit at once is recorded all the same.
func TestWaitsForRoom(t *testing.T) {
	in, out := io.Pipe()
	r := New(out, Options{Failed: func(err error) { t.Error(err) }})
	r.mu.Lock()
	r.maxPending, r.maxWait = 1000, bound
	r.mu.Unlock()
	read := make(chan []byte, 1)
	go func() {
		text, _ := io.ReadAll(in)
		read <- text
	}()
	c := r.Open(recording.Open{})
	for range 1000 {
		c.Message(recording.Out, core.Message{Data: make([]byte, 100)})
	}
	if err := closeRecorder(t, r); err != nil {
		t.Fatal(err)
	}
	out.Close()
	if n := len(entries(t, <-read)); n != 1001 {
		t.Errorf("%d entries", n)
	}
}

// TestMessageAllocs: recording costs no allocation a message.
func TestMessageAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("allocations differ with -race")
	}
	r := New(io.Discard, Options{})
	c := r.Open(recording.Open{})
	m := core.Message{Data: make([]byte, 125)}
	if n := testing.AllocsPerRun(2000, func() { c.Message(recording.Out, m) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if err := closeRecorder(t, r); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkMessage(b *testing.B) {
	r := New(io.Discard, Options{})
	c := r.Open(recording.Open{})
	m := core.Message{Data: bytes.Repeat([]byte("a"), 125)}
	b.SetBytes(125)
	b.ReportAllocs()
	for b.Loop() {
		c.Message(recording.Out, m)
	}
	r.Close(context.Background())
}
