package connect

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/internal/silence"
)

// rules end a run by what is received: -n, --until, --expect, --idle. The counts go on over reconnects.
type rules struct {
	*Rules
	until, expect *regexp.Regexp
	beating       sync.WaitGroup // the heartbeat's goroutine

	received int64
	expected bool
	done     bool
}

func newRules(o *Rules) (*rules, error) {
	r := &rules{Rules: o}
	for _, f := range []struct {
		name, text string
		to         **regexp.Regexp
	}{{"until", o.Until, &r.until}, {"expect", o.Expect, &r.expect}} {
		if f.text == "" {
			continue
		}
		compiled, err := regexp.Compile(f.text)
		if err != nil {
			return nil, app.Usagef("--%s: %w", f.name, err)
		}
		*f.to = compiled
	}
	return r, nil
}

func (r *rules) met() bool { return r.expect == nil || r.expected }

// hook returns the rules as they apply to one session, with conn.
func (r *rules) hook(conn *core.Conn) relay.Hook {
	return relay.HookFunc(func(s *relay.Session, next relay.Sink) (relay.Sink, error) {
		var sent atomic.Uint64 // without heartbeats: those hide that nobody answers
		r.watchIdle(s, conn, &sent)
		r.beat(s, next)
		return func(d relay.Direction, m core.Message) error {
			if d == relay.AToB {
				sent.Add(1)
			}
			if err := next(d, m); err != nil || d == relay.AToB {
				return err
			}
			return r.see(m.Data)
		}, nil
	})
}

// see counts a received message and says relay.ErrStop when it was the last.
func (r *rules) see(data []byte) error {
	r.received++
	if r.expect != nil && !r.expected {
		r.expected = r.expect.Match(data)
	}
	r.done = r.Count > 0 && r.received >= r.Count || r.until != nil && r.until.Match(data)
	if r.done {
		return relay.ErrStop
	}
	return nil
}

// watchIdle ends a session in which nothing was received, and nothing but heartbeats sent, for --idle.
func (r *rules) watchIdle(s *relay.Session, conn *core.Conn, sent *atomic.Uint64) {
	if r.Idle <= 0 {
		return
	}
	passed := func() uint64 { return conn.Stats().BytesIn + sent.Load() }
	w := silence.New(r.Idle, passed, conn.Unread, func() {
		s.End(app.WithCode(app.ExitTimeout, fmt.Errorf("nothing passed for --idle %v", r.Idle)))
	})
	context.AfterFunc(s.Context(), w.Stop)
}

// beat sends the heartbeat until the session ends.
func (r *rules) beat(s *relay.Session, next relay.Sink) {
	if r.Heartbeat == "" {
		return
	}
	m := core.Message{Data: []byte(r.Heartbeat)}
	r.beating.Go(func() {
		ticker := time.NewTicker(r.Interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				s.Do(func() error { return next(relay.AToB, m) })
			case <-s.Context().Done():
				return
			}
		}
	})
}
