package channels

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/relay/format"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startHTTP(t *testing.T, o HTTP) (h *hub.Hub, url string) {
	t.Helper()
	h, err := hub.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Hub = h
	server := httptest.NewServer(&o)
	t.Cleanup(func() {
		server.Close()
		http.DefaultClient.CloseIdleConnections()
		for _, c := range h.Channels() {
			t.Errorf("channel %q is left with %d members", c.Name, c.Members)
		}
	})
	return h, server.URL
}

func request(t *testing.T, method, url, body string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestHTTPPublish(t *testing.T) {
	h, url := startHTTP(t, HTTP{MaxMessage: 10})
	e, err := h.Endpoint("lab", hub.EndpointOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	for _, tc := range []struct {
		method, path, body, contentType string
		status                          int
		want                            string // in the answer
	}{
		{"POST", "/ws/lab/wo", "text", "", 204, ""},
		{"POST", "/ws/lab/rw", "0123456789", "text/plain", 204, ""},
		{"POST", "/ws/lab/wo", "\xff\x00", "application/octet-stream", 204, ""},
		{"POST", "/ws/none/wo", "x", "", 204, ""}, // nobody is there: nobody gets it
		{"POST", "/ws/lab/wo", "\xff", "", 400, "octet-stream"},
		{"POST", "/ws/lab/wo", "0123456789a", "", 413, "too large"},
		{"POST", "/ws/lab/ro", "x", "", 405, "/ws/lab/wo"},
		{"GET", "/ws/lab/wo", "", "", 405, "/ws/lab/ro"},
		{"DELETE", "/ws/lab/rw", "", "", 405, "POST"},
		{"GET", "/ws/lab", "", "", 404, "/ws/CHANNEL/rw"},
		{"GET", "/ws/<b>/ro", "", "", 404, "letters"},
		{"GET", "/ws/lab/ro?format=xml", "", "", 400, "xml"},
	} {
		resp := request(t, tc.method, url+tc.path, tc.body, "Content-Type", tc.contentType)
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != tc.status || !strings.Contains(string(text), tc.want) || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s %q: %d %q", tc.method, tc.path, tc.body, resp.StatusCode, text)
		}
	}
	for _, want := range []core.Message{{Data: []byte("text")}, {Data: []byte("0123456789")}, {Data: []byte("\xff\x00"), Kind: core.Binary}} {
		if m, err := e.Receive(t.Context()); string(m.Data) != string(want.Data) || m.Kind != want.Kind || err != nil {
			t.Errorf("%q, %v; want %q", m.Data, err, want.Data)
		}
	}
	if e.Ready() {
		t.Error("a refused message was published")
	}
}

func TestHTTPStream(t *testing.T) {
	stop := make(chan struct{})
	h, url := startHTTP(t, HTTP{Stop: stop})
	type stream struct {
		query, accept string
		contentType   string
		want          string
		body          *bufio.Reader
	}
	streams := []*stream{
		{"/ws/lab/ro", "*/*", "text/plain; charset=utf-8", "one\ntwo\nlines\n\xff\n", nil},
		{"/ws/lab/rw?format=json", "", "application/x-ndjson", `"data":"two\nlines"`, nil},
		{"/ws/lab/ro?format=len32", "", "application/octet-stream", "\x00\x00\x00\x03one\x00\x00\x00\x09two\nlines\x00\x00\x00\x01\xff", nil},
		{"/ws/lab/ro", "text/event-stream", "text/event-stream", "data: one\n\ndata: two\ndata: lines\n\nevent: binary\ndata: /w==\n\n", nil},
	}
	for _, s := range streams {
		resp := request(t, "GET", url+s.query, "", "Accept", s.accept)
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != s.contentType {
			t.Fatalf("%s: %d %s", s.query, resp.StatusCode, got)
		}
		s.body = bufio.NewReader(resp.Body)
	}
	h.Publish("lab", core.Message{Data: []byte("one")})
	h.Publish("lab", core.Message{Data: []byte("two\nlines")}, core.Message{Data: []byte("\xff"), Kind: core.Binary})
	for _, s := range streams {
		got := make([]byte, 0, 4096)
		for !strings.Contains(string(got), s.want) {
			n, err := s.body.Read(got[len(got):cap(got)])
			if got = got[:len(got)+n]; err != nil {
				t.Fatalf("%s: %q, %v; want %q", s.query, got, err, s.want)
			}
		}
	}
	close(stop)
	for _, s := range streams {
		if _, err := io.ReadAll(s.body); err != nil {
			t.Errorf("%s: at the end: %v", s.query, err)
		}
	}
	waitGone(t, h)
}

// waitGone waits until the handlers have seen that their streams are over.
func waitGone(t *testing.T, h *hub.Hub) {
	t.Helper()
	for start := time.Now(); h.Stats().Channels > 0; time.Sleep(time.Millisecond) {
		if time.Since(start) > 30*time.Second {
			t.Fatal("the channel is still there")
		}
	}
}

// TestHTTPStreamLive: a message is there as soon as it is published, and a client
// that goes leaves the channel.
func TestHTTPStreamLive(t *testing.T) {
	h, url := startHTTP(t, HTTP{})
	resp := request(t, "GET", url+"/ws/lab/ro", "")
	body := bufio.NewReader(resp.Body)
	for _, s := range []string{"a\n", "b\n"} {
		h.Publish("lab", core.Message{Data: []byte(s[:1])})
		if line, err := body.ReadString('\n'); line != s || err != nil {
			t.Fatalf("%q, %v", line, err)
		}
	}
	resp.Body.Close()
	waitGone(t, h)
}

func TestEventLines(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"", "data: \n\n"}, {"a", "data: a\n\n"}, {"a\nb", "data: a\ndata: b\n\n"}, {"a\r\nb\rc\n", "data: a\ndata: b\ndata: c\ndata: \n\n"},
		{"\r\r\n", "data: \ndata: \ndata: \n\n"}, {"data: x\n\nevent: y", "data: data: x\ndata: \ndata: event: y\n\n"},
	} {
		var out strings.Builder
		e := eventStream{w: &out}
		e.text([]byte(tc.text))
		e.Flush()
		if out.String() != tc.want {
			t.Errorf("%q: %q, want %q", tc.text, out.String(), tc.want)
		}
	}
}

// largestWrite is the size of the largest write.
type largestWrite struct {
	bytes.Buffer
	size int
}

func (l *largestWrite) Write(p []byte) (int, error) {
	l.size = max(l.size, len(p))
	return l.Buffer.Write(p)
}

// However large a message is, and whatever it becomes, not all of it is written at once.
func TestEventsInPieces(t *testing.T) {
	const size = 1 << 20
	for _, tc := range []struct {
		m    core.Message
		want string
	}{
		{core.Message{Data: bytes.Repeat([]byte("\n"), size)}, strings.Repeat("data: \n", size+1) + "\n"},
		{core.Message{Data: bytes.Repeat([]byte("x"), size)}, "data: " + strings.Repeat("x", size) + "\n\n"},
		{core.Message{Data: make([]byte, size), Kind: core.Binary}, "event: binary\ndata: " + base64.StdEncoding.EncodeToString(make([]byte, size)) + "\n\n"},
	} {
		var out largestWrite
		e := eventStream{w: &out}
		if err := errors.Join(e.Write(tc.m, format.Meta{}), e.Flush()); err != nil {
			t.Error(err)
		}
		if out.String() != tc.want {
			t.Errorf("%.10q…: %d bytes, want %d, or other ones", tc.m.Data, out.Len(), len(tc.want))
		}
		if out.size > 3*gathered {
			t.Errorf("%.10q…: %d bytes at once", tc.m.Data, out.size)
		}
	}
}
