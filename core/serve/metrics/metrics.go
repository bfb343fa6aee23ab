// Package metrics shows what a server does to whoever watches it: in the Prometheus text format, and as a health check.
//
// What engine and hub count anyway is read at each scrape, so that nothing is paid per message. Own series are few and
// their labels come from closed sets, because every label value costs whoever stores them for good.
package metrics

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxLabels bounds the values of a label; those beyond are added up as "other".
const maxLabels = 32

// Stats is what a scrape reads. The maps are by label value and come empty, not nil.
type Stats struct {
	// Conns are the open connections, Opened and Closed the totals, by dialect.
	Conns, Opened, Closed map[string]uint64
	// Totals since the server started.
	MessagesIn, MessagesOut, BytesIn, BytesOut uint64
	// Dropped are messages that were accepted and not delivered, by the policy
	// that says so: "drop-oldest", "drop-newest", "close", …
	Dropped map[string]uint64
	// NotKnown are messages that may have arrived or not, to connections that have ended.
	NotKnown uint64
	// Refused are failed opening handshakes by cause; see Cause.
	Refused map[string]uint64
	// Channels and Subscribers are how many there are now.
	Channels, Subscribers uint64
	// Pending is how many bytes are taken now by messages that are unfinished or wait for who does not read, GivenUp
	// how often one was given up because that, or QueueBytes, was too much.
	Pending, GivenUp uint64
	// Queued messages wait in all queues now, QueueMax of them in the longest.
	Queued, QueueMax uint64
	// QueueBytes is the memory of messages of channels that wait, each counted once.
	QueueBytes uint64
}

// Metrics gathers what there is to say about one server. All methods may be called at the same time.
type Metrics struct {
	read     func(*Stats)
	brief    func() (conns, channels uint64)
	started  time.Time
	stopping atomic.Bool
	hook     histogram
	refused  counters

	// One at a time: a scrape may walk all connections. What it has read is good for
	// ten times as long as that took, so that who asks and asks costs a tenth at most.
	scrape sync.Mutex
	last   *Stats
	until  time.Time

	script script
}

// New returns Metrics of a server that starts now. read fills in a Stats; it is called at a scrape, one at a time.
// brief is what Health tells; anybody may ask for that, so it must cost little.
func New(read func(*Stats), brief func() (conns, channels uint64)) *Metrics {
	return &Metrics{read: read, brief: brief, started: time.Now()}
}

// Refused counts an opening handshake that failed. It adds up with Stats.Refused.
func (m *Metrics) Refused(err error) { m.refused.add(Cause(err)) }

// Hook counts a run of a session's hooks, for one message or for all that a read brought, that took d.
func (m *Metrics) Hook(d time.Duration) { m.hook.observe(d) }

// Stopping makes Health answer 503, so that a balancer sends nobody here any more.
func (m *Metrics) Stopping() { m.stopping.Store(true) }

// stats returns what there is to say, which is not to be changed.
func (m *Metrics) stats() *Stats {
	m.scrape.Lock()
	defer m.scrape.Unlock()
	began := time.Now()
	if m.last != nil && began.Before(m.until) {
		return m.last
	}
	s := &Stats{
		Conns: map[string]uint64{}, Opened: map[string]uint64{}, Closed: map[string]uint64{},
		Dropped: map[string]uint64{}, Refused: map[string]uint64{},
	}
	m.read(s)
	m.refused.addTo(s.Refused)
	now := time.Now()
	m.last, m.until = s, now.Add(10*now.Sub(began))
	return s
}

// ServeHTTP answers a scrape.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r) {
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	if r.Method != http.MethodHead {
		w.Write(m.append(nil))
	}
}

// append appends the whole exposition.
func (m *Metrics) append(dst []byte) []byte {
	s := m.stats()
	e := exposition{dst: dst}
	e.family("ws76_connections", "gauge", "Open WebSocket connections.")
	e.byLabel("dialect", s.Conns)
	e.family("ws76_connections_opened_total", "counter", "WebSocket connections that were opened.")
	e.byLabel("dialect", s.Opened)
	e.family("ws76_connections_closed_total", "counter", "WebSocket connections that have ended.")
	e.byLabel("dialect", s.Closed)
	e.family("ws76_messages_total", "counter", "Messages over all connections.")
	e.sample("", "direction", "in", float64(s.MessagesIn))
	e.sample("", "direction", "out", float64(s.MessagesOut))
	e.family("ws76_bytes_total", "counter", "Bytes on the wire over all connections, after their handshakes.")
	e.sample("", "direction", "in", float64(s.BytesIn))
	e.sample("", "direction", "out", float64(s.BytesOut))
	e.family("ws76_dropped_total", "counter", "Messages that were accepted and not delivered, by policy.")
	e.byLabel("policy", s.Dropped)
	e.single("ws76_not_known_total", "counter", "Messages to connections that have ended of which it is not known whether they arrived.", float64(s.NotKnown))
	e.family("ws76_handshakes_failed_total", "counter", "Opening handshakes that failed, and HTTP requests that were not let in, by cause.")
	e.byLabel("cause", s.Refused)
	e.single("ws76_channels", "gauge", "Channels with somebody in them.", float64(s.Channels))
	e.single("ws76_subscribers", "gauge", "Connections that get messages of a channel.", float64(s.Subscribers))
	e.single("ws76_queue_messages", "gauge", "Messages that wait to be sent, in all queues.", float64(s.Queued))
	e.single("ws76_queue_longest_messages", "gauge", "Messages that wait to be sent in the longest queue.", float64(s.QueueMax))
	e.single("ws76_queue_bytes", "gauge", "Memory taken by messages of channels that wait to be sent.", float64(s.QueueBytes))
	e.single("ws76_pending_bytes", "gauge", "Memory taken by messages that have not come whole, or wait for who does not read.", float64(s.Pending))
	e.single("ws76_pending_given_up_total", "counter", "Connections that were given up with what they held of that, because it was too much.",
		float64(s.GivenUp))
	e.family("ws76_hook_seconds", "histogram", "Time that scripts and other hooks took.")
	m.hook.expose(&e)
	m.script.expose(&e)
	exposeProcess(&e, m.started)
	return e.dst
}

// Health answers 200 "ok", and 503 "stopping" after Stopping. With ?json it says more:
// {"status":"ok","uptime":12.3,"connections":4,"channels":1}, uptime in seconds.
func (m *Metrics) Health() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowed(w, r) {
			return
		}
		code, body := m.Healthy()
		kind := HealthType
		if r.URL.Query().Has("json") {
			body, kind = m.health(strings.TrimSuffix(body, "\n")), "application/json"
		}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(code)
		if r.Method != http.MethodHead {
			w.Write([]byte(body))
		}
	})
}

// HealthType is the media type of what Healthy says.
const HealthType = "text/plain; charset=utf-8"

// Healthy returns the status and the text of Health, without ?json.
func (m *Metrics) Healthy() (code int, text string) {
	if m.stopping.Load() {
		return http.StatusServiceUnavailable, "stopping\n"
	}
	return http.StatusOK, "ok\n"
}

func (m *Metrics) health(status string) string {
	conns, channels := m.brief()
	b := []byte(`{"status":"` + status + `","uptime":`)
	b = strconv.AppendFloat(b, time.Since(m.started).Seconds(), 'f', 1, 64)
	b = append(b, `,"connections":`...)
	b = strconv.AppendUint(b, conns, 10)
	b = append(b, `,"channels":`...)
	b = strconv.AppendUint(b, channels, 10)
	return string(append(b, "}\n"...))
}

// Uncached are the header fields of all answers, which keep them out of caches.
var Uncached = map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

// allowed refuses methods that would change something, and keeps what is answered out of caches.
func allowed(w http.ResponseWriter, r *http.Request) bool {
	for name, value := range Uncached {
		w.Header().Set(name, value)
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
	return false
}
