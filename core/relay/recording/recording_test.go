package recording_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay/recording"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// session and sessionText are the same recording.
var session = []recording.Entry{
	{Conn: 1, Event: recording.Opened, Open: recording.Open{
		Role: recording.Client, Dialect: core.Hixie76, URL: "ws://tv/", Remote: "192.0.2.1:80", Request: "GET / HTTP/1.1",
		Header: hixie.Fields{{Name: "Host", Value: "tv"}}, Protocol: "remote",
	}},
	{T: 12005 * time.Microsecond, Conn: 1, Dir: recording.Out, Message: core.Message{Data: []byte("on\n\x1b")}},
	{T: time.Minute, Conn: 2, Dir: recording.In, Message: core.Message{Kind: core.Binary, Data: []byte{0, 1}}},
	{T: time.Hour + time.Microsecond, Conn: 1, Event: recording.Closed, Close: recording.Close{Code: 1006, Error: "reset"}},
}

const sessionText = `{"ws76":"recording","version":1,"time":"2026-01-01T12:00:00Z"}
{"t":0.000000,"conn":1,"event":"open","role":"client","dialect":"hixie-76","url":"ws://tv/","remote":"192.0.2.1:80","request":"GET / HTTP/1.1","header":[["Host","tv"]],"protocol":"remote"}
{"t":0.012005,"data":"on\n\u001b","kind":"text","dir":"out","conn":1}
{"t":60.000000,"base64":"AAE=","kind":"binary","dir":"in","conn":2}
{"t":3600.000001,"conn":1,"event":"close","clean":false,"code":1006,"error":"reset"}
`

func write(entries []recording.Entry) string {
	text := recording.AppendHeader(nil, start)
	for i := range entries {
		text = recording.AppendEntry(text, &entries[i])
	}
	return string(text)
}

func readAll(r *recording.Reader) (entries []recording.Entry, err error) {
	for {
		e, err := r.Next()
		if err == io.EOF {
			return entries, nil
		} else if err != nil {
			return entries, err
		}
		entries = append(entries, e)
	}
}

func TestFormat(t *testing.T) {
	if got := write(session); got != sessionText {
		t.Errorf("wrote\n%swant\n%s", got, sessionText)
	}
	for name, stream := range map[string]io.Reader{
		"whole": strings.NewReader(sessionText), "byte by byte": iotest.OneByteReader(strings.NewReader(sessionText)),
		"CR LF, no last newline": strings.NewReader(strings.TrimSpace(strings.ReplaceAll(sessionText, "\n", "\r\n"))),
	} {
		r := recording.NewReader(stream, 0)
		got, err := readAll(r)
		if err != nil || !reflect.DeepEqual(got, session) {
			t.Errorf("%s: read %+v, %v", name, got, err)
		}
		if !r.Start().Equal(start) || r.Line() != 5 {
			t.Errorf("%s: start %v, line %d", name, r.Start(), r.Line())
		}
	}
}

// TestJSONLines reads what connect --out json prints.
func TestJSONLines(t *testing.T) {
	r := recording.NewReader(strings.NewReader(`{"data":"a","kind":"text","dir":"in","time":"2026-01-01T12:00:00Z","conn":1}
{"data":"b","dir":"out","time":"2026-01-01T12:00:01.5Z"}

{"base64":"AA==","time":"2026-01-01T12:00:01Z"}
`), 0)
	got, err := readAll(r)
	want := []recording.Entry{
		{Conn: 1, Dir: recording.In, Message: core.Message{Data: []byte("a")}},
		{T: 1500 * time.Millisecond, Conn: 1, Dir: recording.Out, Message: core.Message{Data: []byte("b")}},
		{T: 1500 * time.Millisecond, Conn: 1, Dir: recording.In, Message: core.Message{Data: []byte{0}, Kind: core.Binary}},
	}
	if err != nil || !reflect.DeepEqual(got, want) || !r.Start().Equal(start) {
		t.Errorf("%+v, %v, from %v", got, err, r.Start())
	}
}

// Recordings that were written to a file one after the other are one: time goes on, and
// no two connections have a number.
func TestAppended(t *testing.T) {
	part := func(at string) string {
		return `{"ws76":"recording","version":1,"time":"2026-01-01T00:00:` + at + `Z"}` + "\n" +
			`{"t":0,"conn":1,"event":"open"}` + "\n" + `{"t":0.5,"conn":1,"dir":"in","data":"x"}` + "\n" + `{"t":9,"conn":2,"event":"open"}` + "\n"
	}
	r := recording.NewReader(strings.NewReader(part("00")+part("05")+part("30")), 0)
	entries, err := readAll(r)
	if err != nil || r.Cut() {
		t.Fatal(err, r.Cut())
	}
	want := []struct {
		conn int
		at   time.Duration
	}{{1, 0}, {1, 500 * time.Millisecond}, {2, 9 * time.Second}, {3, 9 * time.Second}, {3, 9500 * time.Millisecond}, {4, 18 * time.Second},
		{5, 30 * time.Second}, {5, 30500 * time.Millisecond}, {6, 39 * time.Second}}
	if len(entries) != len(want) {
		t.Fatalf("%d entries, want %d", len(entries), len(want))
	}
	for i, w := range want {
		if entries[i].Conn != w.conn || entries[i].T != w.at {
			t.Errorf("entry %d: connection %d at %v, want %d at %v", i, entries[i].Conn, entries[i].T, w.conn, w.at)
		}
	}
}

// A recording that is cut anywhere is what came whole before.
func TestCut(t *testing.T) {
	const whole = `{"ws76":"recording","version":1}` + "\n" + `{"t":0,"dir":"in","data":"one"}` + "\n"
	const last = `{"t":1,"dir":"in","data":"zwei é"}`
	for n := range len(last) + 1 {
		r := recording.NewReader(strings.NewReader(whole+last[:n]), 0)
		entries, err := readAll(r)
		cut := n > 0 && n < len(last)
		if err != nil || r.Cut() != cut || len(entries) != 1 && !(n == len(last) && len(entries) == 2) {
			t.Errorf("%q: %d entries, %v, cut %v", last[:n], len(entries), err, r.Cut())
		}
	}
}

func TestWrong(t *testing.T) {
	const header = `{"ws76":"recording","version":1}` + "\n"
	for text, want := range map[string]string{
		`{"t":0`:                             "line 1 of the recording: the line is cut",
		`"x"`:                                "line 1 of the recording: json: cannot unmarshal string",
		"{\"\xff\"}":                         "line 1 of the recording: byte 2, 0xFF, is not UTF-8",
		`{}`:                                 `neither "data" nor "base64"`,
		`{"ws76":"capture","version":1}`:     `"ws76" is "capture"`,
		`{"ws76":"recording","version":2}`:   "version 2 of the format, this program reads version 1",
		`{"t":1,"data":"x"}` + "\n" + header: "line 2 of the recording: a header that is not the first line",
		header + `{"data":"x","dir":"in"}`:   `line 2 of the recording: no "t"`,
		header + `{"t":-1,"data":"x","dir":"in"}`:                             `"t" is -1`,
		header + `{"t":1e300,"data":"x","dir":"in"}`:                          `"t" is 1e+300`,
		header + `{"t":0,"data":"x"}`:                                         `"dir" is ""`,
		header + `{"t":0,"data":"x","dir":"up"}`:                              `"dir" is "up"`,
		header + `{"t":0,"data":"x","base64":"AA==","dir":"in"}`:              `both "data" and "base64"`,
		header + `{"t":0,"base64":"A","dir":"in"}`:                            "illegal base64",
		header + `{"t":0,"data":"x","dir":"in","kind":"other"}`:               `"kind" is "other"`,
		header + `{"t":0,"data":"x","dir":"in","conn":0}`:                     `"conn" is 0`,
		header + `{"t":0,"data":"\ud800","dir":"in"}`:                         "half of a surrogate pair",
		header + `{"t":0,"event":"pause"}`:                                    `"event" is "pause"`,
		header + `{"t":0,"event":"open","role":"proxy"}`:                      `"role" is "proxy"`,
		header + `{"t":0,"event":"open","header":[["Host"]]}`:                 `"header" has 1 strings`,
		header + `{"t":2,"event":"close"}` + "\n" + `{"t":1,"event":"close"}`: `line 3 of the recording: "t" is 1, before`,
		`{"data":"123456789"}`:                                                "a message of 9 bytes, the limit is 8",
		`{"data":"` + strings.Repeat("x", 1<<20):                              "line 1 of the recording: longer than a message of 8 bytes can be",
	} {
		_, err := readAll(recording.NewReader(strings.NewReader(text), 8))
		var syntax *recording.SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
	}
	if _, err := readAll(recording.NewReader(strings.NewReader(`{"data":"123456789"}`), 8)); !errors.Is(err, core.ErrMessageTooLarge) {
		t.Errorf("too large: %v", err)
	}
	broken := errors.New("broken")
	if _, err := readAll(recording.NewReader(iotest.ErrReader(broken), 0)); !errors.Is(err, broken) {
		t.Errorf("broken stream: %v", err)
	}
}

func TestSent(t *testing.T) {
	for _, c := range []struct {
		role recording.Side
		dir  recording.Direction
		want recording.Side
	}{
		{recording.Client, recording.Out, recording.Client}, {recording.Client, recording.In, recording.Server},
		{recording.Server, recording.Out, recording.Server}, {recording.Server, recording.In, recording.Client},
	} {
		if got := recording.Sent(c.role, c.dir); got != c.want {
			t.Errorf("%s recorded %q: sent by %s, want %s", c.role, c.dir, got, c.want)
		}
	}
}

// TestAppendAllocs: recording a message needs no memory but the line's.
func TestAppendAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("allocations differ with -race")
	}
	e, line := session[1], make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { line = recording.AppendEntry(line[:0], &e) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzReader: what is read is the same again once it was written.
func FuzzReader(f *testing.F) {
	f.Add([]byte(sessionText))
	f.Add([]byte(`{"data":"a","dir":"in","time":"2026-01-01T12:00:00Z"}`))
	f.Add([]byte(`{"ws76":"recording","version":1}` + "\n" + `{"t":1.0000005,"base64":"/w==","kind":"text","dir":"in"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := readAll(recording.NewReader(bytes.NewReader(text), 1<<16))
		var syntax *recording.SyntaxError
		if err != nil && !errors.As(err, &syntax) {
			t.Fatalf("%T: %v", err, err)
		}
		again, err := readAll(recording.NewReader(strings.NewReader(write(entries)), 1<<16))
		if err != nil || len(again) != len(entries) {
			t.Fatalf("%d entries, again %d: %v", len(entries), len(again), err)
		}
		for i := range entries {
			a, b := entries[i], again[i]
			if a.T != b.T || a.Conn != b.Conn || a.Event != b.Event || a.Dir != b.Dir || a.Message.Kind != b.Message.Kind ||
				!bytes.Equal(a.Message.Data, b.Message.Data) || !reflect.DeepEqual(a.Open, b.Open) || a.Close != b.Close {
				t.Fatalf("entry %d: %+v, again %+v", i, a, b)
			}
		}
	})
}
