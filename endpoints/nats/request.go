package nats

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ws76/ws76/endpoints/broker"
)

// defaultTimeout bounds the wait for an answer, in both directions; nats(1) has the same.
const defaultTimeout = 5 * time.Second

// asked is the request that the other side has and is to answer. It has one at a time:
// nothing in a message says which request it answers.
type asked struct {
	reply string // where its answer goes
	until time.Time
	late  bool // given up; what is sent until then is its answer still
}

// take removes the next message that the other side may have now.
func (e *Endpoint) take() (message, bool) {
	for {
		if !e.t.reply {
			return e.queue.Take()
		}
		e.mu.Lock()
		busy := e.asked != nil
		e.mu.Unlock()
		if busy {
			return message{}, false
		}
		m, ok := e.queue.Take()
		if !ok || m.reply == "" {
			return m, ok
		}
		now := time.Now()
		if now.Sub(m.came) < e.t.timeout {
			e.mu.Lock()
			e.asked = &asked{reply: m.reply, until: now.Add(e.t.timeout)}
			e.mu.Unlock()
			return m, true
		}
		e.lose(1, fmt.Sprintf("requests have waited for %v behind others", e.t.timeout))
	}
}

// await returns when take may have something, or with why it never will.
func (e *Endpoint) await(ctx context.Context) error {
	e.mu.Lock()
	busy, changed := e.asked != nil, e.changed.Next()
	e.mu.Unlock()
	if !busy {
		return e.queue.Wait(ctx)
	}
	return broker.Await(ctx, e.ctx, changed)
}

// answer makes msg the answer to the request that the other side has, if it has one. It
// returns false where that is given up.
func (e *Endpoint) answer(msg *nats.Msg) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.asked
	if a == nil {
		return true
	}
	e.asked = nil
	e.changed.Tell()
	msg.Subject = a.reply
	return !a.late
}

// request is one that was sent, and whose answer is waited for.
type request struct {
	subject string
	until   time.Time
	answer  *nats.Msg // nil: none has come
	over    bool      // none will
}

func (r *request) done() bool { return r.over || r.answer != nil }

// requests are those that were sent. Their answers are handed on in their order, and their
// reply subjects are inbox and a number.
type requests struct {
	inbox string

	mu      sync.Mutex
	first   uint64 // number of list[0]
	list    []request
	changed broker.Change // when there are fewer
}

// add notes a request, gives it its reply subject, and returns false, and what to wait for, where there are too many.
func (r *requests) add(msg *nats.Msg, until time.Time) (added bool, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.list) >= maxWindow {
		return false, r.changed.Next()
	}
	msg.Reply = r.inbox + strconv.FormatUint(r.first+uint64(len(r.list)), 10)
	r.list = append(r.list, request{subject: msg.Subject, until: until})
	return true, nil
}

// find returns the request whose reply subject this is; nil: it is over. The caller holds r.mu.
func (r *requests) find(reply string) *request {
	number, ours := strings.CutPrefix(reply, r.inbox)
	n, err := strconv.ParseUint(number, 10, 64)
	if i := n - r.first; ours && err == nil && i < uint64(len(r.list)) && !r.list[i].over {
		return &r.list[i]
	}
	return nil
}

// wants reports whether there is still an answer to come to this reply subject.
func (r *requests) wants(reply string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.find(reply)
	return q != nil && !q.done()
}

// pop removes the first request if it is done, and returns it.
func (r *requests) pop() (request, bool) {
	if len(r.list) == 0 || !r.list[0].done() {
		return request{}, false
	}
	q := r.list[0]
	r.list[0] = request{}
	r.list = r.list[1:]
	r.first++
	r.changed.Tell()
	return q, true
}

// expect notes that msg is a request, once there is room for one. Where msg says itself
// where its answer goes, it is none of ours.
func (e *Endpoint) expect(ctx context.Context, msg *nats.Msg) error {
	if !e.t.request || msg.Reply != "" {
		return nil
	}
	for {
		added, changed := e.requests.add(msg, time.Now().Add(e.t.timeout))
		if added {
			return nil
		}
		within, cancel := context.WithTimeout(ctx, answerTimeout)
		e.conn.FlushWithContext(within) // for answers to come
		cancel()
		if err := broker.Await(ctx, e.ctx, changed); err != nil {
			return err
		}
	}
}

// answered takes an answer that came in.
func (e *Endpoint) answered(m *nats.Msg) {
	r := &e.requests
	r.mu.Lock()
	q := r.find(m.Subject)
	switch {
	case q == nil || q.done(): // it came too late, or twice
	case len(m.Data) == 0 && m.Header.Get("Status") == "503":
		q.over = true
		defer e.lose(1, fmt.Sprintf("nobody answers requests on %q", q.subject))
	default:
		q.answer = m
	}
	e.handOn()
}

// handOn puts answers into the queue, in the order of the requests. The caller holds requests.mu, which is let go.
func (e *Endpoint) handOn() {
	for {
		q, ok := e.requests.pop()
		if !ok {
			break
		}
		if q.answer != nil {
			q.answer.Subject, q.answer.Reply = q.subject, ""
			e.deliver(q.answer)
		}
	}
	e.requests.mu.Unlock()
}

// watch gives up, until the endpoint ends, what nobody has answered in time.
func (e *Endpoint) watch() {
	tick := time.NewTicker(max(e.t.timeout/16, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			e.expire(now)
		case <-e.ctx.Done():
			return
		}
	}
}

func (e *Endpoint) expire(now time.Time) {
	silent := uint64(0)
	e.mu.Lock()
	switch a := e.asked; {
	case a == nil || now.Before(a.until):
	case a.late:
		e.asked = nil
		e.changed.Tell()
	default:
		a.late, a.until = true, now.Add(e.t.timeout)
		silent = 1
	}
	e.mu.Unlock()
	e.lose(silent, fmt.Sprintf("the other side has not answered a request within %v", e.t.timeout))

	r, unanswered := &e.requests, uint64(0)
	r.mu.Lock()
	for i := range r.list {
		q := &r.list[i]
		if now.Before(q.until) {
			break // those behind it were sent later
		}
		if !q.done() {
			q.over = true
			unanswered++
		}
	}
	e.handOn()
	e.lose(unanswered, fmt.Sprintf("requests were not answered within %v; it is not known what became of them", e.t.timeout))
}

// abandon counts what will not be answered any more, as the endpoint has ended.
func (e *Endpoint) abandon() {
	left := uint64(0)
	e.mu.Lock()
	if e.asked != nil && !e.asked.late {
		left++
	}
	e.asked = nil
	e.mu.Unlock()
	e.requests.mu.Lock()
	for i := range e.requests.list {
		if !e.requests.list[i].over {
			left++
		}
	}
	e.requests.list = nil
	e.requests.mu.Unlock()
	e.lose(left, "requests were not answered before the end")
}

// SendClose is relay.HalfCloser's. With request=1 it waits for the answers that are still to
// come, and until they are received. Then it is Close.
func (e *Endpoint) SendClose(ctx context.Context, _ int, _ string) error {
	for e.t.request {
		e.requests.mu.Lock()
		left, changed := len(e.requests.list), e.requests.changed.Next()
		e.requests.mu.Unlock()
		if left == 0 || broker.Await(ctx, e.ctx, changed) != nil {
			break
		}
	}
	if e.t.request {
		e.queue.Drain(ctx)
	}
	return e.Close(ctx)
}
