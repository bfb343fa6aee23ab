package bridge_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/serve"
)

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// running runs b until the test ends, or stop is called, which returns what Run has.
func running(t *testing.T, b *bridge.Bridge) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	over := false
	stop = func() (err error) {
		if cancel(); !over {
			over, err = true, <-ended
		}
		return err
	}
	t.Cleanup(func() { stop() })
	return stop
}

// end is somebody at an end of a bridge. Its strings are those of messages; that of ended
// is how its peer has ended the connection.
type end struct {
	say   func(string)
	hear  func() string
	end   func()
	ended func() string
}

func webSocketEnd(t *testing.T, c *core.Conn) end {
	return end{
		say: func(text string) {
			if err := c.Send(t.Context(), core.Message{Data: []byte(text)}); err != nil {
				t.Error(err)
			}
		},
		hear: func() string {
			m, err := c.Receive(t.Context())
			if err != nil {
				t.Error(err)
			}
			return string(m.Data)
		},
		end: func() {
			if err := c.CloseWith(t.Context(), 4000, "done"); err != nil {
				t.Error(err)
			}
		},
		ended: func() string {
			m, err := c.Receive(t.Context())
			var end *core.CloseError
			if !errors.As(err, &end) || !end.Clean {
				return fmt.Sprintf("%q, %v", m.Data, err)
			}
			c.Close(t.Context())
			return fmt.Sprintf("%d %s", end.Code, end.Reason)
		},
	}
}

func lineEnd(t *testing.T, c net.Conn) end {
	c.SetDeadline(time.Now().Add(patience))
	lines := bufio.NewReader(c)
	return end{
		say: func(text string) { fmt.Fprintln(c, text) },
		hear: func() string {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Error(err)
			}
			return strings.TrimSuffix(line, "\n")
		},
		end: func() { c.Close() },
		ended: func() string {
			rest, err := io.ReadAll(lines)
			c.Close()
			return fmt.Sprintf("%q %v", rest, err)
		},
	}
}

// over is what is told of a session that has ended.
type over struct {
	err, ended error
	losses     []string
	to, from   uint64
}

func tell(sessions chan over) func(*bridge.Session, error) error {
	return func(s *bridge.Session, err error) error {
		o := over{err: err, ended: s.Ended()}
		o.losses, _ = s.Losses()
		o.to, o.from, _ = s.Delivered()
		sessions <- o
		return err
	}
}

// TestBridge: a device of draft 76, or of today, and a server of today, or a stream of lines,
// have each other's messages, and the end of each is told to the other.
func TestBridge(t *testing.T) {
	const closed = "1005 " // in a dialect that has no codes
	for _, tc := range []struct {
		name             string
		device, dialect  core.Dialect // of FROM and TO; "": lines
		toldTO, toldFROM string       // when the other has ended
	}{
		{"RFC 6455", core.Hixie76, core.RFC6455, "1000 ", closed},
		{"lines", core.Hixie76, "", `"" <nil>`, closed},
		{"RFC 6455 on both sides", core.RFC6455, core.RFC6455, "4000 done", "4000 done"},
		{"RFC 6455 to lines", core.RFC6455, "", `"" <nil>`, "1000 "},
	} {
		for _, byTO := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, ended by TO %v", tc.name, byTO), func(t *testing.T) {
				front, back := listen(t), listen(t)
				far := make(chan end, 1)
				asked := make(chan string, 1)
				go func() {
					defer close(far)
					stream, err := back.Accept()
					if err != nil {
						return
					}
					if tc.dialect == "" {
						far <- lineEnd(t, stream)
						return
					}
					c, err := core.Accept(t.Context(), stream, nil)
					if err != nil {
						t.Error(err)
						return
					}
					origin := core.OriginOf(c.Request().Fields)
					asked <- c.Request().Resource + " of " + origin
					far <- webSocketEnd(t, c)
				}()

				sessions := make(chan over, 1)
				b := &bridge.Bridge{From: &bridge.WebSockets{Listener: front}, Options: bridge.Options{Closed: tell(sessions)}}
				if tc.dialect == "" {
					b.To = func(ctx context.Context, _ *bridge.Client) (relay.Endpoint, error) {
						stream, err := new(net.Dialer).DialContext(ctx, "tcp", back.Addr().String())
						if err != nil {
							return nil, err
						}
						return bridge.NewStream(stream, format.Options{}, format.Options{}, bridge.Bounds{}), nil
					}
				} else {
					url, err := bridge.ParseTemplate("ws+rfc6455://" + back.Addr().String() + "/new{path}")
					if err != nil {
						t.Fatal(err)
					}
					b.To = (&bridge.Dialer{URL: url}).Open
				}
				stop := running(t, b)

				conn, err := core.Dial(t.Context(), "ws://"+front.Addr().String()+"/old", &core.DialOptions{Dialect: tc.device, Origin: "http://localhost"})
				if err != nil {
					t.Fatal(err)
				}
				device, server := webSocketEnd(t, conn), <-far
				if server.say == nil {
					t.Fatal("no TO")
				}
				if tc.dialect != "" {
					if got := <-asked; got != "/new/old of http://localhost" {
						t.Errorf("TO is asked for %s", got)
					}
				}
				device.say("forth")
				server.say("back")
				if forth, back := server.hear(), device.hear(); forth != "forth" || back != "back" {
					t.Errorf("got %q and %q", forth, back)
				}
				ends, told, want := device, server, tc.toldTO
				if byTO {
					ends, told, want = server, device, tc.toldFROM
				}
				go ends.end()
				if got := told.ended(); got != want {
					t.Errorf("the other is told %s, want %s", got, want)
				}
				session := <-sessions
				if session.err != nil || session.losses != nil || session.to != 1 || session.from != 1 {
					t.Errorf("said of the session: %+v", session)
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// refusing takes no message.
type refusing struct{}

var errRefused = errors.New("refused")

func (refusing) Send(context.Context, core.Message) error { return errRefused }

func (refusing) Receive(ctx context.Context) (core.Message, error) {
	<-ctx.Done()
	return core.Message{}, context.Cause(ctx)
}

func (refusing) Close(context.Context) error { return nil }

// TestBridgeSaysLosses: a message that was not taken is counted, and why is said.
func TestBridgeSaysLosses(t *testing.T) {
	front := listen(t)
	sessions := make(chan over, 1)
	running(t, &bridge.Bridge{
		From:    &bridge.WebSockets{Listener: front},
		To:      func(context.Context, *bridge.Client) (relay.Endpoint, error) { return refusing{}, nil },
		Options: bridge.Options{Closed: tell(sessions)},
	})
	conn, err := core.Dial(t.Context(), "ws://"+front.Addr().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	webSocketEnd(t, conn).say("forth")
	// Without a closing frame: that is how draft 76 says that something has failed.
	if _, err := conn.Receive(t.Context()); !errors.Is(err, core.ErrNoClosingFrame) {
		t.Errorf("the device is told %v", err)
	}
	conn.Close(t.Context())
	session := <-sessions
	want := []string{"1 messages to TO were dropped: it is closed, or did not take them"}
	if !errors.Is(session.err, errRefused) || !strings.HasPrefix(session.err.Error(), "TO: ") || !slices.Equal(session.losses, want) {
		t.Errorf("said of the session: %+v", session)
	}
}

// TestBridgeRefuses: a client is told in HTTP why there is no other side for it.
func TestBridgeRefuses(t *testing.T) {
	front := listen(t)
	running(t, &bridge.Bridge{
		From: &bridge.WebSockets{Listener: front, Path: "/served"},
		To: func(_ context.Context, c *bridge.Client) (relay.Endpoint, error) {
			switch c.Values().Query {
			case "address":
				return nil, &bridge.AddressError{Err: errRefused}
			case "slow":
				return nil, context.DeadlineExceeded
			}
			return nil, errRefused
		},
		Options: bridge.Options{Admit: func(c *bridge.Client, _ *serve.Opening) (string, *core.Refusal) {
			if c.Values().Query == "admit" {
				return "", &core.Refusal{Status: 403, Reason: "Forbidden"}
			}
			return "", nil
		}},
	})
	for resource, want := range map[string]int{"/": 404, "/served": 502, "/served?address": 400, "/served?slow": 504, "/served?admit": 403} {
		_, err := core.Dial(t.Context(), "ws://"+front.Addr().String()+resource, nil)
		var refused *core.HandshakeError
		if !errors.As(err, &refused) || refused.Status != want {
			t.Errorf("%s: %v, want %d", resource, err, want)
		}
	}
}

// TestBridgeStreams: lines of TCP to a server of draft 75, one connection at a time.
func TestBridgeStreams(t *testing.T) {
	front := listen(t)
	server := newUpstream(t, core.Hixie75)
	server.start()
	sessions := make(chan over, 1)
	notes := make(chan string, 1)
	running(t, &bridge.Bridge{
		From: &bridge.Streams{Listener: front, MaxConns: 1},
		To: func(ctx context.Context, _ *bridge.Client) (relay.Endpoint, error) {
			return server.dial(ctx)
		},
		Options: bridge.Options{Closed: tell(sessions), Note: func(_, text string) { notes <- text }},
	})
	dial := func() net.Conn {
		stream, err := net.Dial("tcp", front.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stream.Close() })
		return stream
	}
	device := dial()
	fmt.Fprint(device, "one\ntwo\n")
	if got := server.all(2); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("got %q", got)
	}
	second := lineEnd(t, dial())
	if got := <-notes; got != "turned away, 1 connections are open already" {
		t.Errorf("said of a second one: %s", got)
	}
	if got := second.ended(); got != `"" <nil>` {
		t.Errorf("it is told %s", got)
	}
	device.(*net.TCPConn).CloseWrite()
	if session := <-sessions; session.err != nil || session.losses != nil || session.to != 2 {
		t.Errorf("said of the session: %+v", session)
	}
}

// TestBridgeOpensAgain: a FROM that is opened is opened again, until that fails too often.
func TestBridgeOpensAgain(t *testing.T) {
	opened, notes := 0, 0
	b := &bridge.Bridge{
		From: &bridge.Opened{
			Open: func(context.Context, *bridge.Client) (relay.Endpoint, error) {
				if opened++; opened > 1 {
					return nil, errRefused
				}
				return format.NewEndpoint(strings.NewReader("one\n"), io.Discard, format.EndpointOptions{}), nil
			},
			Again:   func(error) bool { return true },
			Retries: bridge.Retries{Most: 2, Backoff: time.Millisecond},
		},
		To: func(context.Context, *bridge.Client) (relay.Endpoint, error) {
			return format.NewEndpoint(strings.NewReader(""), io.Discard, format.EndpointOptions{}), nil
		},
		Options: bridge.Options{Note: func(string, string) { notes++ }},
	}
	err := b.Run(t.Context())
	var gaveUp *bridge.GaveUpError
	if !errors.As(err, &gaveUp) || !errors.Is(err, errRefused) || opened != 3 || notes != 2 {
		t.Errorf("%v, opened %d times, said %d times", err, opened, notes)
	}
}

// TestBridgeIdle: a session ends in which nothing passes.
func TestBridgeIdle(t *testing.T) {
	client, from := pair(t, core.Hixie76)
	to, server := pair(t, core.RFC6455)
	b := &bridge.Bridge{
		From:    &bridge.Opened{Open: func(context.Context, *bridge.Client) (relay.Endpoint, error) { return from, nil }},
		To:      func(context.Context, *bridge.Client) (relay.Endpoint, error) { return to, nil },
		Options: bridge.Options{Idle: 20 * time.Millisecond},
	}
	ended := make(chan error, 1)
	go func() { ended <- b.Run(t.Context()) }()
	go client.Receive(t.Context())
	if m, err := server.Receive(t.Context()); err == nil {
		t.Errorf("TO is told %q", m.Data)
	}
	if err := <-ended; !errors.Is(err, bridge.ErrIdle) {
		t.Error(err)
	}
	client.Close(t.Context())
	server.Close(t.Context())
}
