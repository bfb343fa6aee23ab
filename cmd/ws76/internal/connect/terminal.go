package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
)

// terminal is the near side of connect: the messages of the command line, then
// standard input, and standard output; or a console in place of those two.
type terminal struct {
	*format.Endpoint
	console   *console // nil: plain lines
	first     []core.Message
	sent      int // of first
	noStdin   bool
	ignoreEOF bool
	linger    time.Duration // as relay.Options has it
	eof       atomic.Bool
	bad       error // what is wrong with the input, after which nothing is sent
}

func newTerminal(e *reach.Env, o *Options, path string) (*terminal, error) {
	t := &terminal{noStdin: o.NoStdin}
	var err error
	if t.first, err = o.firstMessages(); err != nil {
		return nil, err
	}
	t.setOnEOF(o, app.IsTerminal(e.Stdin) && !t.noStdin)
	in := format.Options{Format: o.In, CRLF: o.Output.CRLF, MaxMessage: o.Reach.MaxMessage, ReplaceInvalid: o.ReplaceInvalid}
	out, err := o.Output.Format(e.Env)
	if err != nil {
		return nil, err
	}
	if t.console, err = newConsole(e, o, in, out); err != nil {
		return nil, err
	}
	stdin, stdout := e.Stdin, e.Stdout
	if t.console != nil {
		stdin, stdout = strings.NewReader(""), t.console
	}
	t.Endpoint = format.NewEndpoint(stdin, stdout, format.EndpointOptions{
		In: in, Out: out, Meta: format.Meta{Dir: "in", Conn: 1, Path: path},
	})
	return t, nil
}

// firstMessages gathers -m and the MESSAGE arguments.
func (o *Options) firstMessages() ([]core.Message, error) {
	var messages []core.Message
	for _, text := range o.First {
		data := []byte(text)
		if file, ok := strings.CutPrefix(text, "@"); ok {
			var err error
			if data, err = os.ReadFile(file); err != nil {
				return nil, app.Usagef("--message: %w", err)
			}
		}
		data, err := o.sendable(data)
		if err != nil {
			return nil, app.WithCode(app.ExitProtocol, fmt.Errorf("--message %.40q: %w", text, err))
		}
		messages = append(messages, core.Message{Data: data})
	}
	for _, text := range o.Messages {
		data, err := o.sendable([]byte(text))
		if err != nil {
			return nil, app.WithCode(app.ExitProtocol, fmt.Errorf("message %.40q: %w", text, err))
		}
		messages = append(messages, core.Message{Data: data})
	}
	return messages, nil
}

// sendable returns data as it may go out as a text, by the rules of standard input.
func (o *Options) sendable(data []byte) ([]byte, error) {
	if !hixie.ValidUTF8(data) {
		if !o.ReplaceInvalid {
			return nil, &core.InvalidUTF8Error{Offset: hixie.InvalidAt(data)}
		}
		data = hixie.AppendValidUTF8(nil, data)
	}
	if limit := o.Reach.MaxMessage; int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", core.ErrMessageTooLarge, len(data), limit)
	}
	return data, nil
}

func (t *terminal) setOnEOF(o *Options, interactive bool) {
	policy := o.OnEOF
	if policy == "" {
		if policy = "linger"; interactive {
			policy = "close"
		}
	}
	switch policy {
	case "linger":
		t.linger = max(o.Linger, time.Nanosecond)
	case "close":
		t.linger = 0
	case "wait":
		t.linger = relay.Forever
	case "ignore":
		t.ignoreEOF = true
	}
}

// Receive returns the messages of the command line, then those of standard input.
func (t *terminal) Receive(ctx context.Context) (core.Message, error) {
	if t.sent < len(t.first) {
		t.sent++
		return t.first[t.sent-1], nil
	}
	m, err := core.Message{}, io.EOF
	switch {
	case t.console != nil:
		m, err = t.console.receive(ctx)
	case t.bad == nil && !t.noStdin:
		if m, err = t.Endpoint.Receive(ctx); app.Is[*format.InvalidUTF8Error](err) || app.Is[*format.SyntaxError](err) || app.Is[*format.TooLargeError](err) {
			t.bad = err
		}
	}
	if t.bad != nil {
		// Answers to what was sent may be on their way.
		if err = io.EOF; t.ignoreEOF || t.linger == relay.Forever {
			return m, t.bad
		}
	}
	if err == io.EOF {
		if t.ignoreEOF {
			<-ctx.Done()
			return m, context.Cause(ctx)
		}
		t.eof.Store(true)
	}
	return m, err
}

// hook has a binary message of standard input, which conn has no frame for, be an error of the input.
func (t *terminal) hook(conn *core.Conn) relay.Hook {
	return relay.HookFunc(func(_ *relay.Session, next relay.Sink) (relay.Sink, error) {
		if !conn.Dialect().Lacks().Binary || t.console != nil {
			return nil, nil
		}
		return func(d relay.Direction, m core.Message) error {
			if d == relay.AToB && m.Kind == core.Binary {
				if at := t.Endpoint.Position(); at.Record > 0 { // else a script has made it of a MESSAGE
					t.bad = fmt.Errorf("%s: %w", at, core.ErrBinary)
					return nil
				}
			}
			return next(d, m)
		}, nil
	})
}

// badInput adds what was wrong with the input to err, how a session has ended.
func (t *terminal) badInput(err error) error {
	switch {
	case t.bad == nil || errors.Is(err, t.bad):
		return err
	case err == nil || err == errPeerClosed || err == errClosedHere:
		return fmt.Errorf("standard input: %w", t.bad)
	}
	return fmt.Errorf("standard input: %w; %w", t.bad, err)
}

// Ready reports whether the next Receive does not wait. With --on-eof ignore the
// end of standard input, which an Endpoint counts as ready, is a wait.
func (t *terminal) Ready() bool {
	if t.sent < len(t.first) {
		return true
	}
	if t.console != nil {
		return t.console.ready()
	}
	return !t.noStdin && !t.ignoreEOF && t.Endpoint.Ready()
}

// Send shows m.
func (t *terminal) Send(ctx context.Context, m core.Message) error {
	if t.console != nil {
		m = t.console.shown(m)
	}
	return t.Endpoint.Send(ctx, m)
}

// Queue has m shown with the next Flush, or before.
func (t *terminal) Queue(ctx context.Context, m core.Message) error {
	if t.console != nil {
		m = t.console.shown(m)
	}
	return t.Endpoint.Queue(ctx, m)
}

// start begins to read what is typed, where a console does that.
func (t *terminal) start() error {
	if t.console == nil {
		return nil
	}
	return t.console.start()
}

// detach says that a session is over and why.
func (t *terminal) detach(err error) {
	if t.console != nil {
		t.console.detach(err)
	}
}

// closedHere reports whether /close was said since it was asked last.
func (t *terminal) closedHere() bool { return t.console != nil && t.console.again.Swap(false) }

// Close shows what was queued and gives standard input and output back.
func (t *terminal) Close(ctx context.Context) error {
	err := t.Endpoint.Close(ctx)
	if t.console != nil {
		t.console.close(ctx)
	}
	return err
}

// unsent is how many of the messages of the command line were not sent.
func (t *terminal) unsent() int { return len(t.first) - t.sent }

// rewind sends the messages of the command line again, to a new connection.
func (t *terminal) rewind() { t.sent = 0 }

// ended reports whether there is no more to send.
func (t *terminal) ended() bool { return t.eof.Load() }
