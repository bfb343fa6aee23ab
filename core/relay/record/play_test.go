package record

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay/recording"
)

// opened returns both sides of a connection.
func opened(t *testing.T) (client, server *core.Conn) {
	t.Helper()
	near, far := net.Pipe()
	accepted := make(chan error, 1)
	go func() {
		var err error
		server, err = core.Accept(t.Context(), far, nil)
		accepted <- err
	}()
	client, err := core.Client(t.Context(), near, "ws://tv/", nil)
	if err := errors.Join(err, <-accepted); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func playback(text string) *Playback {
	return &Playback{
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
		Conn: 1, Side: recording.Client, Speed: 1, Linger: time.Second, Wait: time.Second,
	}
}

const conversation = `{"ws76":"recording","version":1}
{"t":10,"conn":1,"event":"open","role":"client"}
{"t":10,"conn":2,"dir":"out","data":"another"}
{"t":11,"conn":1,"dir":"out","data":"one"}
{"t":12,"conn":1,"dir":"in","data":"ONE"}
{"t":40,"conn":1,"dir":"out","data":"two"}
{"t":41,"conn":1,"dir":"in","data":"TWO"}
{"t":50,"conn":1,"event":"close"}
{"t":51,"conn":1,"dir":"in","data":"of another with this number"}
`

// TestTimes plays with the pauses of the recording, on a clock of the test's.
func TestTimes(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Playback)
		want   []time.Duration // when messages arrive, then the end
	}{
		"as recorded": {func(*Playback) {}, []time.Duration{time.Second, 30 * time.Second, 41 * time.Second}},
		"4x":          {func(p *Playback) { p.Speed = 4 }, []time.Duration{time.Second / 4, 30 * time.Second / 4, 11 * time.Second}},
		"max":         {func(p *Playback) { p.Speed = 0 }, []time.Duration{0, 0, time.Second}},
		"server":      {func(p *Playback) { p.Side = recording.Server }, []time.Duration{2 * time.Second, 31 * time.Second, 41 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := opened(t)
				start := time.Now()
				var got []time.Duration
				served := make(chan error, 1)
				go func() {
					for {
						if _, err := server.Receive(t.Context()); err != nil {
							served <- server.Close(t.Context())
							return
						}
						got = append(got, time.Since(start))
					}
				}()
				p := playback(conversation)
				c.change(p)
				played, err := p.Play(t.Context(), client)
				if err := errors.Join(err, <-served); err != nil || played.Sent != 2 {
					t.Fatalf("%+v, %v", played, err)
				}
				got = append(got, time.Since(start))
				if len(got) != 3 || got[0] != c.want[0] || got[1] != c.want[1] || got[2] != c.want[2] {
					t.Errorf("at %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestCheck plays to servers that do, or do not, as the recorded one did.
func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(n int, text string) []string
		want   string
	}{
		"same":      {func(_ int, text string) []string { return []string{strings.ToUpper(text)} }, ""},
		"differs":   {func(_ int, text string) []string { return []string{strings.ToUpper(text[:1]) + text[1:]} }, "message 1 of the server, line 5 of the recording, differs at byte 1"},
		"silent":    {func(n int, text string) []string { return strings.Fields(strings.ToUpper(text))[:min(n, 1)] }, "message 1 of the server, line 5 of the recording, did not come: it was waited for 30s"},
		"last lost": {func(n int, text string) []string { return strings.Fields(strings.ToUpper(text))[:1-n] }, "message 2 of the server, line 7 of the recording, did not come: it was waited for 11s"},
		"too many":  {func(_ int, text string) []string { return []string{strings.ToUpper(text), "more"} }, "message 2 of the server, line 7 of the recording, differs at byte 0"},
		"one more": {func(n int, text string) []string {
			return append([]string{strings.ToUpper(text)}, make([]string, n)...)
		}, "message 3 of the server is not in the recording"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := opened(t)
				served := make(chan struct{})
				go func() {
					defer close(served)
					for n := 0; ; n++ {
						m, err := server.Receive(t.Context())
						if err != nil {
							server.Close(t.Context())
							return
						}
						for _, text := range c.answer(n, string(m.Data)) {
							server.Send(t.Context(), core.Message{Data: []byte(text)})
						}
					}
				}()
				p := playback(conversation)
				p.Check = true
				_, err := p.Play(t.Context(), client)
				<-served
				var d *Difference
				switch {
				case c.want == "" && err != nil:
					t.Error(err)
				case c.want != "" && (!errors.As(err, &d) || !strings.HasPrefix(err.Error(), c.want)):
					t.Errorf("%v, want %s", err, c.want)
				}
			})
		})
	}
}

// TestPlayEnds: a playback ends with its context, with the peer, and with an error
// of who is shown the messages.
func TestPlayEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := opened(t)
		stop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() { cancel(stop) })
		go server.Receive(t.Context())
		if played, err := playback(conversation).Play(ctx, client); err != stop || played.Sent != 1 {
			t.Errorf("context: %+v, %v", played, err)
		}
		server.Close(t.Context())

		client, server = opened(t)
		go func() {
			server.Receive(t.Context())
			server.Close(t.Context())
		}()
		if played, err := playback(conversation).Play(t.Context(), client); err != ErrEnded || played.Sent != 1 {
			t.Errorf("peer: %+v, %v", played, err)
		}

		client, server = opened(t)
		go func() {
			server.Send(t.Context(), core.Message{Data: []byte("x")})
			server.Close(t.Context())
		}()
		p := playback(conversation)
		p.Received = func(core.Message) error { return stop }
		if _, err := p.Play(t.Context(), client); err != stop {
			t.Errorf("shown: %v", err)
		}
		synctest.Wait()
	})
}

func TestLook(t *testing.T) {
	got, err := Look(strings.NewReader(conversation), 0, 1)
	if err != nil || got.Conn != 1 || !got.Several || got.Messages[recording.Client] != 2 || got.Messages[recording.Server] != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = Look(strings.NewReader(conversation), 0, 0)
	if err != nil || got.Conn != 2 || !got.Several || got.Messages[recording.Client] != 1 {
		t.Errorf("the first: %+v, %v", got, err)
	}
	var syntax *recording.SyntaxError
	if _, err := Look(strings.NewReader(conversation+"{\n"), 0, 0); !errors.As(err, &syntax) || syntax.Line != 10 {
		t.Errorf("malformed: %v", err)
	}
	if got, err := Look(strings.NewReader(conversation+"{"), 0, 0); err != nil || !got.Cut {
		t.Errorf("cut: %+v, %v", got, err)
	}
}
