package metrics

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// sample is a server with something of everything.
func sample(s *Stats) {
	s.Conns["hixie-76"], s.Conns["rfc6455"] = 3, 1
	s.Opened["hixie-76"], s.Closed["hixie-76"] = 10, 7
	s.MessagesIn, s.MessagesOut, s.BytesIn, s.BytesOut = 100, 200, 1e15, 1<<53-1
	s.Dropped["drop-oldest"] = 4
	s.Refused["forbidden"] = 2
	s.Channels, s.Subscribers, s.Queued, s.QueueMax = 5, 6, 70, 50
}

func brief() (conns, channels uint64) { return 4, 5 }

func scrape(m *Metrics) string {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// value returns what a series is, by its whole name and labels.
func value(t *testing.T, text, series string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Errorf("there is no series %s", series)
	return ""
}

func TestScrape(t *testing.T) {
	m := New(sample, brief)
	m.Refused(&core.HandshakeError{Status: 403})
	m.Refused(context.DeadlineExceeded)
	m.Hook(3 * time.Microsecond)
	m.Hook(2 * time.Second)
	text := scrape(m)
	for series, want := range map[string]string{
		`ws76_connections{dialect="hixie-76"}`:              "3",
		`ws76_connections_opened_total{dialect="hixie-76"}`: "10",
		`ws76_connections_closed_total{dialect="hixie-76"}`: "7",
		`ws76_messages_total{direction="out"}`:              "200",
		`ws76_bytes_total{direction="in"}`:                  "1000000000000000",
		`ws76_bytes_total{direction="out"}`:                 "9007199254740991",
		`ws76_dropped_total{policy="drop-oldest"}`:          "4",
		`ws76_handshakes_failed_total{cause="forbidden"}`:   "3",
		`ws76_handshakes_failed_total{cause="timeout"}`:     "1",
		`ws76_channels`:                           "5",
		`ws76_subscribers`:                        "6",
		`ws76_queue_messages`:                     "70",
		`ws76_queue_longest_messages`:             "50",
		`ws76_hook_seconds_bucket{le="1e-06"}`:    "0",
		`ws76_hook_seconds_bucket{le="4e-06"}`:    "1",
		`ws76_hook_seconds_bucket{le="1.048576"}`: "1",
		`ws76_hook_seconds_bucket{le="+Inf"}`:     "2",
		`ws76_hook_seconds_sum`:                   "2.000003",
		`ws76_hook_seconds_count`:                 "2",
	} {
		if got := value(t, text, series); got != want {
			t.Errorf("%s is %s, want %s", series, got, want)
		}
	}
	for _, name := range []string{"go_goroutines", "go_memstats_heap_alloc_bytes", "process_start_time_seconds"} {
		if v := value(t, text, name); v == "0" {
			t.Errorf("%s is %s", name, v)
		}
	}
}

// TestLabelsAreBounded: whatever a caller counts by, a family has at most so many series.
func TestLabelsAreBounded(t *testing.T) {
	m := New(func(s *Stats) {
		for i := range 1000 {
			s.Dropped[fmt.Sprintf("p%03d", i)] = 1
		}
		s.Dropped["other"] = 5
		s.Refused["a\"b\\c\nd\xff"] = 1
	}, brief)
	text := scrape(m)
	if n := strings.Count(text, "ws76_dropped_total{"); n > maxLabels+1 {
		t.Errorf("%d series", n)
	}
	if got := value(t, text, `ws76_dropped_total{policy="other"}`); got != fmt.Sprint(1000-maxLabels+5) {
		t.Errorf("other is %s", got)
	}
	value(t, text, `ws76_handshakes_failed_total{cause="a\"b\\c\nd`+"\ufffd"+`"}`)
}

// TestScrapeIsBounded: who asks again and again does not make the server do nothing else.
func TestScrapeIsBounded(t *testing.T) {
	reads := 0
	m := New(func(*Stats) { reads++; time.Sleep(20 * time.Millisecond) }, brief)
	began := time.Now()
	for range 50 {
		scrape(m)
	}
	// A read is good for ten times what it took.
	if most := 1 + int(time.Since(began)/(200*time.Millisecond)); reads > most {
		t.Errorf("50 scrapes in %v are %d reads, want at most %d", time.Since(began), reads, most)
	}
}

func TestScript(t *testing.T) {
	m := New(sample, brief)
	for _, test := range []struct {
		name   string
		labels map[string]string
		want   string // part of the error
	}{
		{"temp", nil, ""},
		{"temp", map[string]string{"room": "a\nb\"", "A_1": ""}, ""},
		{"", nil, "metric name"},
		{"9a", nil, "metric name"},
		{"a-b", nil, "metric name"},
		{"a{b=\"c\"}", nil, "metric name"},
		{"a\n", nil, "metric name"},
		{"é", nil, "metric name"},
		{strings.Repeat("x", 65), nil, "metric name"},
		{"a", map[string]string{"le": "1"}, "label name"},
		{"a", map[string]string{"quantile": "1"}, "label name"},
		{"a", map[string]string{"a=b": "1"}, "label name"},
		{"a", map[string]string{"__name__": "b"}, "label name"},
		{"a", map[string]string{"b": strings.Repeat("x", 129)}, "129 bytes"},
		{"a", map[string]string{"a": "", "b": "", "c": "", "d": "", "e": "", "f": "", "g": "", "h": "", "i": ""}, "9 labels"},
	} {
		err := m.Script(test.name, 1.5, test.labels)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%q %v: %v, want %q", test.name, test.labels, err, test.want)
		}
	}
	m.Script("temp", math.Inf(1), nil)
	text := scrape(m)
	if got := value(t, text, `ws76_script_temp{A_1="",room="a\nb\""}`); got != "1.5" {
		t.Errorf("got %s", got)
	}
	if got := value(t, text, "ws76_script_temp"); got != "+Inf" {
		t.Errorf("got %s, want the last value", got)
	}
}

func TestScriptIsBounded(t *testing.T) {
	m := New(sample, brief)
	var err error
	for i := range maxScriptSeries + 1 {
		err = m.Script("n", float64(i), map[string]string{"i": fmt.Sprint(i)})
		if i < maxScriptSeries && err != nil {
			t.Fatal(i, err)
		}
	}
	if !errors.Is(err, ErrTooManySeries) {
		t.Errorf("got %v", err)
	}
	if err := m.Script("n", 7, map[string]string{"i": "0"}); err != nil {
		t.Errorf("one that exists: %v", err)
	}
	names := New(sample, brief)
	for i := range maxScriptNames + 1 {
		err = names.Script(fmt.Sprintf("n%d", i), 1, nil)
	}
	if !errors.Is(err, ErrTooManySeries) || !strings.Contains(err.Error(), "use a label") {
		t.Errorf("got %v", err)
	}
	if n := strings.Count(scrape(names), "# TYPE ws76_script_"); n != maxScriptNames {
		t.Errorf("%d names", n)
	}
}

func TestHealth(t *testing.T) {
	m := New(func(*Stats) { t.Error("all connections are walked for anybody who asks") }, brief)
	ask := func(target string) (int, string) {
		w := httptest.NewRecorder()
		m.Health().ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		return w.Code, w.Body.String()
	}
	if code, text := ask("/healthz"); code != 200 || text != "ok\n" {
		t.Errorf("%d %q", code, text)
	}
	var said struct {
		Status                string
		Uptime                float64
		Connections, Channels int
	}
	code, text := ask("/healthz?json")
	if err := json.Unmarshal([]byte(text), &said); err != nil || code != 200 || said.Status != "ok" || said.Connections != 4 || said.Channels != 5 {
		t.Errorf("%d %q %v", code, text, err)
	}
	m.Stopping()
	if code, text := ask("/healthz"); code != 503 || text != "stopping\n" {
		t.Errorf("%d %q", code, text)
	}
	if code, text := ask("/healthz?json"); code != 503 || !strings.Contains(text, `"status":"stopping"`) {
		t.Errorf("%d %q", code, text)
	}
	for _, h := range []string{"POST", "DELETE"} {
		w := httptest.NewRecorder()
		m.Health().ServeHTTP(w, httptest.NewRequest(h, "/healthz", nil))
		if w.Code != 405 || w.Header().Get("Allow") == "" {
			t.Errorf("%s: %d", h, w.Code)
		}
	}
}

func TestCause(t *testing.T) {
	wrap := func(status int, err error) error {
		return fmt.Errorf("opening: %w", &core.HandshakeError{Status: status, Err: err})
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{wrap(408, context.DeadlineExceeded), "timeout"},
		{wrap(408, nil), "timeout"},
		{fmt.Errorf("reading: %w", os.ErrDeadlineExceeded), "timeout"},
		{wrap(400, &hixie.KeyError{Err: hixie.ErrNoSpaces}), "key"},
		{wrap(400, errors.New("no Host field")), "bad-request"},
		{wrap(401, nil), "unauthorized"},
		{wrap(403, nil), "forbidden"},
		{wrap(404, nil), "not-found"},
		{wrap(413, nil), "too-large"},
		{wrap(431, hixie.ErrHeadTooLarge), "too-large"},
		{wrap(426, nil), "version"},
		{wrap(503, nil), "too-many"},
		{wrap(418, nil), "other"},
		{wrap(0, io.ErrUnexpectedEOF), "disconnected"},
		{io.EOF, "disconnected"},
		{&core.HandshakeError{Step: core.StepTLS, Err: tls.RecordHeaderError{}}, "tls"},
		{&core.HandshakeError{Step: core.StepTLS, Err: errors.New("tls: no cipher suite supported")}, "tls"},
		{&core.HandshakeError{Step: core.StepTLS, Err: io.EOF}, "disconnected"},
		{errors.New("x"), "other"},
		{nil, "other"},
	} {
		if got := Cause(test.err); got != test.want {
			t.Errorf("%v: %s, want %s", test.err, got, test.want)
		}
	}
}

// TestConcurrent is for the race detector, and holds the sums.
func TestConcurrent(t *testing.T) {
	m := New(sample, brief)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 100 {
				m.Hook(time.Millisecond)
				m.Refused(io.EOF)
				m.Script("x", 1, map[string]string{"i": fmt.Sprint(i)})
			}
			scrape(m)
		})
	}
	all.Wait()
	text := scrape(m)
	if got := value(t, text, "ws76_hook_seconds_count"); got != "800" {
		t.Errorf("%s hooks", got)
	}
	if got := value(t, text, `ws76_handshakes_failed_total{cause="disconnected"}`); got != "800" {
		t.Errorf("%s refusals", got)
	}
}

func TestHookAllocs(t *testing.T) {
	m := New(sample, brief)
	if n := testing.AllocsPerRun(100, func() { m.Hook(time.Millisecond) }); n != 0 {
		t.Errorf("Hook allocates %v times", n)
	}
}

func BenchmarkHook(b *testing.B) {
	m := New(sample, brief)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Hook(20 * time.Microsecond)
		}
	})
}

func BenchmarkScrape(b *testing.B) {
	m := New(sample, brief)
	for i := range maxScriptSeries {
		m.Script("n", float64(i), map[string]string{"i": fmt.Sprint(i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		m.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil))
	}
}
