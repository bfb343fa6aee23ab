package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ws76/ws76/endpoints/broker"
)

const (
	// maxHeld bounds the messages of a stream that are taken from it and not acknowledged.
	maxHeld = 256
	// defaultAckWait is how long a consumer of ours waits for an acknowledgement before it
	// delivers a message again. Meanwhile it is told that we are at work.
	defaultAckWait = 10 * time.Second
	// maxDone bounds the acknowledged messages that are known again.
	maxDone = 4096

	fetchTimeout   = 30 * time.Second
	fetchHeartbeat = 2 * time.Second
	releaseTimeout = 2 * time.Second

	// dueMargin is how late what is due may come.
	dueMargin = 2 * time.Second
	// endMargin is how long nothing must have come for nothing to be on its way.
	endMargin = 50 * time.Millisecond
)

// What is published to the reply subject of a message of a stream; see ADR-8 of NATS.
var (
	ack      = []byte("+ACK")
	nak      = []byte("-NAK")
	progress = []byte("+WPI")
	term     = []byte("+TERM too large")
)

// delivered is a message of a stream that came in and is not acknowledged.
type delivered struct {
	seq   uint64 // in the stream
	reply string // where to acknowledge it, as it was delivered last
	taken bool
}

// consumer takes messages from a durable consumer of a stream, in order, and acknowledges them. A message that the
// server delivers again, because it has not seen the acknowledgement, is known by its number and not handed on twice.
//
// Behind a break the server delivers what is new at once, and what it had delivered before
// only when the time for its acknowledgement is over, in the order in which that is. So
// nothing is handed on before all of that has come, or would have.
type consumer struct {
	e       *Endpoint
	from    jetstream.Consumer
	ackWait time.Duration
	batch   int // most messages of one request

	// Of run:
	on     uint64    // the connection, by the count of reconnects
	joined bool      // and on that, what is due is known
	due    int       // messages that the server has delivered before, and we do not have
	high   uint64    // the last one that it had delivered
	until  time.Time // when the time for all of their acknowledgements is over
	last   time.Time // when they are waited for no more
	back   []*backed // what is held back
	fresh  int       // of those, the new ones

	mu    sync.Mutex
	held  map[uint64]*delivered
	done  map[uint64]string // acknowledged ones: where that was
	order []uint64          // of those, a ring
	next  int
	again uint64 // were handed on, and delivered before
}

// backed is a message that is held back.
type backed struct {
	message
	size int
}

// openConsumer finds the consumer of the URL, or makes it.
func (e *Endpoint) openConsumer(ctx context.Context, js jetstream.JetStream) error {
	t := e.t
	doing := fmt.Sprintf("consumer %q of stream %q at %s", t.durable, t.stream, t)
	stream, err := js.Stream(ctx, t.stream)
	if err != nil {
		return e.refuse(ctx, doing, err)
	}
	comes := t.subjects
	if len(comes) == 0 {
		comes = stream.CachedInfo().Config.Subjects
	}
	if t.subject != "" && slices.ContainsFunc(comes, func(f string) bool { return matches(f, t.subject) }) {
		return &broker.RefusedError{Doing: doing, Got: fmt.Sprintf("what is published on %q would come back", t.subject), Hint: "want another subject for pub="}
	}
	from, err := stream.Consumer(ctx, t.durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrConsumerDoesNotExist) {
		c := jetstream.ConsumerConfig{
			Durable: t.durable, AckPolicy: jetstream.AckExplicitPolicy, AckWait: t.ackWait, MaxAckPending: maxHeld, DeliverPolicy: t.deliver,
			Description: "ws76 bridge", FilterSubjects: t.subjects,
		}
		if len(t.subjects) == 1 { // which older servers know, too
			c.FilterSubject, c.FilterSubjects = t.subjects[0], nil
		}
		from, err = stream.CreateConsumer(ctx, c)
	}
	if err != nil {
		return e.refuse(ctx, doing, err)
	}
	config := from.CachedInfo().Config
	filters := config.FilterSubjects
	if config.FilterSubject != "" {
		filters = []string{config.FilterSubject}
	}
	if len(t.subjects) > 0 && !slices.Equal(slices.Sorted(slices.Values(filters)), slices.Sorted(slices.Values(t.subjects))) {
		return &broker.RefusedError{Doing: doing, Got: fmt.Sprintf("it is there, for %q and not for %q", filters, t.subjects), Hint: "leave the subject out of the URL, or take another durable="}
	}
	if config.AckPolicy != jetstream.AckExplicitPolicy {
		return &broker.RefusedError{Doing: doing, Got: fmt.Sprintf("it is there, with acknowledgements %q", config.AckPolicy), Hint: "want a consumer with explicit acknowledgements"}
	}
	c := &consumer{e: e, from: from, ackWait: config.AckWait, batch: maxHeld, held: make(map[uint64]*delivered), done: make(map[uint64]string)}
	if config.MaxRequestBatch > 0 {
		c.batch = min(c.batch, config.MaxRequestBatch)
	}
	e.consumer = c
	e.watching.Go(c.run)
	e.watching.Go(c.keep)
	return nil
}

// refuse returns the error for what JetStream has answered, or for why it has not.
func (e *Endpoint) refuse(ctx context.Context, doing string, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errViolation) {
		err = cause
	}
	refused := &broker.RefusedError{Doing: doing, Got: errorText(err)}
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		refused.Got, refused.Hint = "JetStream is not enabled", "start nats-server with -js, or leave out stream= and jetstream=1"
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		refused.Hint = "see the user's account"
	case errors.Is(err, jetstream.ErrStreamNotFound):
		refused.Hint = "see `nats stream ls`, and make it with `nats stream add`"
	case errors.Is(err, jetstream.ErrNotPullConsumer):
		refused.Hint = "take another durable=, or a consumer without a delivery subject"
	case errors.Is(err, errViolation):
		refused.Hint = "see what the user may publish"
	case errors.Is(err, jetstream.ErrConsumerDeleted), errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrConsumerDoesNotExist):
		refused.Hint = "somebody has deleted it; start the bridge again to have it made anew"
	default:
		var api jetstream.JetStreamError
		if !errors.As(err, &api) || api.APIError() == nil {
			return fmt.Errorf("%s: %w", doing, err) // of the connection
		}
	}
	return refused
}

// errorText is an error of the library without its prefix.
func errorText(err error) string {
	var api jetstream.JetStreamError
	if errors.As(err, &api) && api.APIError() != nil {
		return fmt.Sprintf("%s (%d)", api.APIError().Description, api.APIError().ErrorCode)
	}
	return trim(err)
}

// final reports whether err, of a consumer that was there, stays.
func final(err error) bool {
	for _, end := range []error{jetstream.ErrConsumerDeleted, jetstream.ErrConsumerNotFound, jetstream.ErrConsumerDoesNotExist, jetstream.ErrStreamNotFound} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

// run takes messages from the consumer until the endpoint ends.
func (c *consumer) run() {
	var wait broker.Backoff
	for c.e.ctx.Err() == nil {
		err := c.some()
		switch {
		case err == nil:
			wait.Reset()
			continue
		case c.e.ctx.Err() != nil:
		case final(err):
			c.e.fail(c.e.refuse(c.e.ctx, fmt.Sprintf("consumer %q of stream %q", c.e.t.durable, c.e.t.stream), err))
			return
		case c.joined:
			c.e.o.Note(fmt.Sprintf("NATS: taking messages from stream %q: %s; trying again", c.e.t.stream, errorText(err)))
		}
		c.joined = false
		wait.Wait(c.e.ctx)
	}
}

// some takes messages once, as many as there is room for.
func (c *consumer) some() error {
	c.e.mu.Lock()
	changed := c.e.changed.Next()
	c.e.mu.Unlock()
	if !c.e.conn.IsConnected() {
		return broker.Await(c.e.ctx, c.e.ctx, changed)
	}
	if on := c.e.conn.Stats().Reconnects; !c.joined || on != c.on {
		if err := c.join(); err != nil {
			return err
		}
		c.on, c.joined = on, true
	}
	if c.fresh > 0 && time.Now().Before(c.until) {
		pause := time.NewTimer(time.Until(c.until))
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-changed:
		case <-c.e.ctx.Done():
		}
		return nil
	}
	if c.due > 0 && time.Now().After(c.last) {
		c.handBack()
	}
	if c.due > 0 {
		return c.fetch(1, changed) // what is due comes first, unless it is not to be had yet
	}
	n := c.room()
	if n == 0 {
		return broker.Await(c.e.ctx, c.e.ctx, changed)
	}
	return c.fetch(n, changed)
}

// room returns how many messages may come: none, or many at once. The channel of changes was looked at before.
func (c *consumer) room() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.held) > maxHeld/2 {
		return 0
	}
	return min(maxHeld-len(c.held), c.batch)
}

// join finds out on a new connection what is due, after it has acknowledged again what the server may not know to be.
func (c *consumer) join() error {
	ctx, cancel := context.WithTimeout(c.e.ctx, answerTimeout)
	defer cancel()
	info, err := c.from.Info(ctx)
	if err != nil {
		return err
	}
	c.acknowledgeAgain(info.AckFloor.Stream)
	// An acknowledgement that the server has read may be worked on a little later.
	for range 10 {
		if err := c.e.conn.FlushWithContext(ctx); err != nil {
			return err
		}
		if info, err = c.from.Info(ctx); err != nil {
			return err
		}
		c.high, c.due = info.Delivered.Stream, info.NumAckPending-c.have(info.AckFloor.Stream, info.Delivered.Stream)
		if c.due <= 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if c.due > 0 {
		c.until = time.Now().Add(c.ackWait)
		c.last = c.until.Add(dueMargin)
	} else {
		c.handBack()
	}
	return nil
}

// have returns how many messages between two numbers wait to be acknowledged.
func (c *consumer) have(above, upTo uint64) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for seq := range c.held {
		if seq > above && seq <= upTo {
			n++
		}
	}
	return n
}

// acknowledgeAgain acknowledges what is taken, and what was taken before behind a number.
func (c *consumer) acknowledgeAgain(above uint64) {
	var replies []string
	c.mu.Lock()
	for seq, reply := range c.done {
		if seq > above {
			replies = append(replies, reply)
		}
	}
	var taken []*delivered
	for _, d := range c.held {
		if d.taken {
			taken = append(taken, d)
		}
	}
	c.mu.Unlock()
	for _, reply := range replies {
		if c.e.conn.Publish(reply, ack) != nil {
			return
		}
	}
	c.acknowledge(taken)
}

// fetch asks for n messages, and takes them until they are there, nothing comes for long, or the connection is another.
func (c *consumer) fetch(n int, changed <-chan struct{}) error {
	e := c.e
	bytes := max(e.o.PendingBytes, 2*e.conn.MaxPayload())
	options := []jetstream.FetchOpt{jetstream.FetchMaxBytes(int(min(bytes, 1<<30)))}
	timeout := fetchTimeout
	if c.due > 0 {
		timeout = min(timeout, max(time.Until(c.last), 10*time.Millisecond))
	} else {
		options = append(options, jetstream.FetchHeartbeat(fetchHeartbeat))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), timeout)
	defer cancel()
	before := e.conn.NumSubscriptions()
	batch, err := c.from.Fetch(n, append(options, jetstream.FetchContext(ctx))...)
	if err != nil {
		return err
	}
	// At the end nothing may be delivered to it any more when messages are given back. It
	// unsubscribes a moment after it has ended.
	defer func() {
		for i := 0; e.ctx.Err() != nil && e.conn.NumSubscriptions() > before && i < 1000; i++ {
			time.Sleep(100 * time.Microsecond)
		}
	}()
	// In the end what is on its way is taken still, or it could not be given back.
	ending, last := e.ctx.Done(), time.NewTimer(timeout+time.Second)
	defer last.Stop()
	for {
		select {
		case <-ending:
			ending = nil
			last.Reset(endMargin)
		case <-last.C:
			cancel()
		case m, more := <-batch.Messages():
			if more {
				if c.take(m); ending == nil {
					last.Reset(endMargin)
				}
				continue
			}
			err := batch.Error()
			if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		case <-changed:
			if !e.conn.IsConnected() || e.conn.Stats().Reconnects != c.on {
				cancel()
				for m := range batch.Messages() {
					c.take(m)
				}
				return nil
			}
			e.mu.Lock()
			changed = e.changed.Next()
			e.mu.Unlock()
		}
	}
}

// take takes a message that came in.
func (c *consumer) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		return // it is no message of a stream
	}
	seq, size := meta.Sequence.Stream, len(m.Subject())+len(m.Data())
	c.mu.Lock()
	if old := c.held[seq]; old != nil {
		old.reply = m.Reply()
		c.mu.Unlock()
		return // and acknowledged when it is taken
	}
	if _, known := c.done[seq]; known {
		c.done[seq] = m.Reply()
		c.mu.Unlock()
		c.settled(seq)
		c.e.conn.Publish(m.Reply(), ack)
		return
	}
	d := &delivered{seq: seq, reply: m.Reply()}
	c.held[seq] = d
	if meta.NumDelivered > 1 {
		c.again++
	}
	c.mu.Unlock()
	if int64(len(m.Data())) > c.e.o.MaxMessage {
		c.e.tooLarge(m.Subject(), len(m.Data()))
		c.answer([]*delivered{d}, term) // or it comes again and again
		c.settled(seq)
		return
	}
	in := &backed{message{subject: m.Subject(), data: m.Data(), from: d}, size}
	switch {
	case c.due == 0:
		c.handOn(in)
	case seq <= c.high:
		c.back = append(c.back, in)
		c.last = later(c.last, time.Now().Add(dueMargin))
		c.settled(seq)
		if len(c.back) > 2*maxHeld {
			c.flushBack() // there are more than can be held back
		}
	default:
		c.back = append(c.back, in)
		if c.fresh++; c.fresh > 1 {
			c.handBack() // by now all would have come
		} else {
			c.e.o.Note(fmt.Sprintf("NATS: %d messages of stream %q were delivered before and not acknowledged; they come first, within %v", c.due, c.e.t.stream, time.Until(c.until).Round(time.Second)))
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// settled notes that a message has come which may have been due.
func (c *consumer) settled(seq uint64) {
	if c.due > 0 && seq <= c.high {
		if c.due--; c.due == 0 {
			c.handBack()
		}
	}
}

// handBack hands on what was held back, and nothing is due any more.
func (c *consumer) handBack() {
	c.due, c.fresh = 0, 0
	c.flushBack()
}

// flushBack hands on what was held back, but for the new ones while others are due.
func (c *consumer) flushBack() {
	slices.SortFunc(c.back, func(a, b *backed) int { return cmp.Compare(a.from.seq, b.from.seq) })
	n := len(c.back) - c.fresh
	for _, in := range c.back[:n] {
		c.handOn(in)
	}
	c.back = slices.Delete(c.back, 0, n)
}

func (c *consumer) handOn(in *backed) { c.e.queue.Put(c.e.ctx, in.message, in.size) }

// acknowledge tells the server that messages were taken. What it cannot be told now it is told on the next connection.
func (c *consumer) acknowledge(taken []*delivered) {
	c.mu.Lock()
	again := c.again
	c.again = 0
	for _, d := range taken {
		d.taken = true
	}
	c.mu.Unlock()
	c.answer(taken, ack)
	if again > 0 {
		c.e.mu.Lock()
		c.e.stats.Again += again
		c.e.mu.Unlock()
		c.e.o.Note(fmt.Sprintf("NATS: %d messages of stream %q have come again; they may have been delivered before", again, c.e.t.stream))
	}
	c.e.mu.Lock()
	c.e.changed.Tell() // there is room
	c.e.mu.Unlock()
}

// answer tells the server what has become of messages, for good.
func (c *consumer) answer(all []*delivered, what []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range all {
		if c.held[d.seq] != d {
			continue
		}
		if c.e.conn.Publish(d.reply, what) != nil {
			return
		}
		delete(c.held, d.seq)
		if len(c.order) < maxDone {
			c.order = append(c.order, d.seq)
		} else {
			delete(c.done, c.order[c.next])
			c.order[c.next] = d.seq
			c.next = (c.next + 1) % maxDone
		}
		c.done[d.seq] = d.reply
	}
}

// keep tells the server, until the endpoint ends, that what is held is being worked on.
func (c *consumer) keep() {
	tick := time.NewTicker(max(c.ackWait/3, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-c.e.ctx.Done():
			return
		}
		c.mu.Lock()
		for _, seq := range slices.Sorted(maps.Keys(c.held)) { // which is how the time for them ends
			if d := c.held[seq]; !d.taken && c.e.conn.Publish(d.reply, progress) != nil {
				break // there is no connection
			}
		}
		c.mu.Unlock()
	}
}

// release gives back what was not taken, when run and keep have ended: somebody else gets it at once.
func (c *consumer) release() {
	c.mu.Lock()
	for _, seq := range slices.Sorted(maps.Keys(c.held)) {
		what := nak
		if c.held[seq].taken {
			what = ack
		}
		if c.e.conn.Publish(c.held[seq].reply, what) != nil {
			break
		}
	}
	c.mu.Unlock()
	c.e.conn.FlushTimeout(releaseTimeout)
}

// SeeksProof is relay.Accountable's: a message of a stream is acknowledged when the other side is known to have it.
func (e *Endpoint) SeeksProof() bool { return e.t.durable != "" }
