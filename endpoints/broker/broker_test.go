package broker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/ws76/ws76/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testSyntax = Syntax{
	Ports: map[string]string{"mq": "1883", "mqs": "8883"}, Usage: "mq://HOST/TOPIC",
	Params: []string{"sub", "pub", "retain", "envelope"}, Lists: []string{"sub"},
}

func TestParse(t *testing.T) {
	for _, tc := range []struct{ raw, hosts, user, password, name, sub string }{
		{"mq://host/a/b", "host:1883", "", "", "a/b", ""},
		{"mqs://host/", "host:8883", "", "", "", ""},
		{"mq://host", "host:1883", "", "", "", ""},
		{"mq://host:99//a", "host:99", "", "", "/a", ""},
		{"mq://a,b:2,[::1]:3,[::2]/x", "a:1883 b:2 [::1]:3 [::2]:1883", "", "", "x", ""},
		{"mq://ann:se%40c%2Fret@host/x", "host:1883", "ann", "se@c/ret", "x", ""},
		{"mq://ann:a@b@host/x", "host:1883", "ann", "a@b", "x", ""},
		{"mq://token@host/x", "host:1883", "token", "", "x", ""},
		{"mq://host/a/+/b/#", "host:1883", "", "", "a/+/b/#", ""},
		{"mq://host/a/#?sub=b/+/#&sub=c%2B", "host:1883", "", "", "a/#", "b/+/# c+"},
		{"mq://host/a%20b?sub=%23", "host:1883", "", "", "a b", "#"},
		{"mq://host/{path}?pub={query.x}", "host:1883", "", "", "{path}", ""},
		{"mq://host/ä", "host:1883", "", "", "ä", ""},
		{"mq://host?sub=x", "host:1883", "", "", "", "x"},
	} {
		u, err := testSyntax.Parse(tc.raw)
		if err != nil {
			t.Errorf("%s: %v", tc.raw, err)
			continue
		}
		if hosts, sub := strings.Join(u.Hosts, " "), strings.Join(u.Query["sub"], " "); hosts != tc.hosts || u.User != tc.user ||
			u.Password != tc.password || u.Name != tc.name || sub != tc.sub {
			t.Errorf("%s: %+v", tc.raw, u)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct{ raw, want string }{
		{"", "no URL of mq or mqs"}, {"http://host/", "no URL of"}, {"mq:host/x", "no URL of"},
		{"mq:///x", "names no host"}, {"mq://a,,b/x", "names no host"}, {"mq://:1/x", "names no host"},
		{"mq://host:0/x", "1 to 65535"}, {"mq://host:65536/x", "1 to 65535"}, {"mq://ann:hunter2/x@host/y", "1 to 65535"},
		{"mq://::1/x", "cannot be read"}, {"mq://[::1/x", "cannot be read"}, {"mq://{query.h}/x", "cannot be read"},
		{"mq://ann:hunter2%@host/x", "cannot be read"}, {"mq://ann:hunter2@host/%zz", "cannot be read"}, {"mq://ann:hunter2@host/?sub=%zz", "cannot be read"},
		{"mq://host/x?subb=1", `"subb" of the URL is unknown; known are sub, pub`}, {"mq://host/x?pub=1&pub=2", "is there 2 times"},
		{"mq://host/%00", "NUL"}, {"mq://host/%ff", "no UTF-8"}, {"mq://host/x?pub=%ff", "no UTF-8"},
		{"mq://host/" + strings.Repeat("x", maxURL), "are allowed"},
	} {
		_, err := testSyntax.Parse(tc.raw)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.80s: %v, want %q", tc.raw, err, tc.want)
		}
	}
}

func TestParams(t *testing.T) {
	u, err := testSyntax.Parse("mq://host/x?retain=1&envelope=json")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := u.Bool("retain", false); !v || err != nil {
		t.Errorf("retain: %v, %v", v, err)
	}
	if v, err := u.Envelope(); !v || err != nil {
		t.Errorf("envelope: %v, %v", v, err)
	}
	if u, err = testSyntax.Parse("mq://host/x?retain=maybe&envelope=xml"); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Bool("retain", false); err == nil || !strings.Contains(err.Error(), `retain="maybe"`) {
		t.Errorf("retain: %v", err)
	}
	if _, err := u.Envelope(); err == nil || !strings.Contains(err.Error(), "want json") {
		t.Errorf("envelope: %v", err)
	}
}

func TestRedacted(t *testing.T) {
	for raw, want := range map[string]string{
		"mq://host/x":                    "mq://host/x",
		"mq://a:1,b/x@y":                 "mq://a:1,b/x@y",
		"mq://hunter2@host/x":            "mq://xxxxx@host/x",
		"mq://ann:hunter2@host/x?a=b":    "mq://xxxxx@host/x?a=b",
		"mq://ann:hunter2@more@host/x":   "mq://xxxxx@host/x",
		"mq://ann:hunter2/hunter2@host/": "mq://xxxxx@host/",
		"no URL":                         "no URL",
	} {
		if got := Redacted(raw); got != want {
			t.Errorf("%s: %s", raw, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, raw := range []string{"mq://ann:secret@a,b:2/x/+/#?sub=a/+&sub=%23", "mq://[::1]:1/", "mqs://x?retain=1#", "mq://u:p/w@h/"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := testSyntax.Parse(raw)
		if err != nil {
			return
		}
		if len(u.Hosts) == 0 || u.Name != "" && !strings.HasPrefix(u.Scheme, "mq") {
			t.Errorf("%q: %+v", raw, u)
		}
		// What is shown of it has nothing of who connects.
		_, shown, _ := strings.Cut(Redacted(raw), "://")
		if who, _, _ := strings.Cut(shown, "@"); u.Password != "" && who != "xxxxx" {
			t.Errorf("%q is shown as %q", raw, Redacted(raw))
		}
	})
}

func TestSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	for content, want := range map[string]string{"word": "word", "word\n": "word", "a b\r\nc": "a b", "": "", "\nx": ""} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadSecret("password-file", file)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	}
	if _, err := ReadSecret("password-file", file+"x"); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "password-file: ") {
		t.Errorf("no file: %v", err)
	}
}

func TestEnvelope(t *testing.T) {
	for _, tc := range []struct {
		e    Envelope
		m    core.Message
		want string
	}{
		{Envelope{Topic: "a/b"}, core.Message{Data: []byte("x\"<ä")}, `{"topic":"a/b","data":"x\"<ä"}`},
		{Envelope{Subject: "a.b", Retained: true}, core.Message{Data: []byte{0, 255}, Kind: core.Binary}, `{"subject":"a.b","base64":"AP8=","retained":true}`},
		{Envelope{Topic: "t"}, core.Message{Kind: core.Binary}, `{"topic":"t","data":""}`},
	} {
		sealed, err := tc.e.Seal(tc.m)
		if err != nil || string(sealed.Data) != tc.want || sealed.Kind != core.Text {
			t.Errorf("%s, %v; want %s", sealed.Data, err, tc.want)
			continue
		}
		e, data, err := Open(sealed)
		if err != nil || string(data) != string(tc.m.Data) || e.Topic != tc.e.Topic || e.Subject != tc.e.Subject || e.Retained != tc.e.Retained {
			t.Errorf("%s: %+v, %q, %v", sealed.Data, e, data, err)
		}
	}
	for _, bad := range []string{"", "x", "[]", "{}", `{"topic":"a"}`, `{"data":"a","base64":"AA=="}`, `{"data":"a","topix":"b"}`, `{"data":1}`, `{"base64":"?"}`, `{"data":"a"}{}`, `{"data":"a"}]`} {
		if _, _, err := Open(core.Message{Data: []byte(bad)}); err == nil || !strings.Contains(err.Error(), "want {") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(`{"topic":"a","data":"b","retained":true}`))
	f.Add([]byte(`{"subject":"a","base64":"AA=="}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, payload, err := Open(core.Message{Data: data})
		if err != nil {
			return
		}
		again, err := Envelope{Topic: e.Topic, Subject: e.Subject, Retained: e.Retained}.Seal(core.Message{Data: payload, Kind: KindOf(payload, false)})
		if err != nil {
			t.Fatal(err)
		}
		e2, payload2, err := Open(again)
		if err != nil || string(payload2) != string(payload) || e2.Topic != e.Topic || e2.Subject != e.Subject || e2.Retained != e.Retained {
			t.Errorf("%s became %s: %v", data, again.Data, err)
		}
	})
}

// TestQueue holds a queue against a plain slice.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const max, maxBytes = 5, 20
		q := NewQueue[int](max, maxBytes)
		var model []int
		bytes := 0
		for i := range rapid.IntRange(0, 300).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "offer") {
				size := rapid.IntRange(0, 30).Draw(t, "size")
				fits := len(model) == 0 || len(model) < max && bytes+size <= maxBytes
				if q.Offer(i*100+size, size) != fits {
					t.Fatalf("room for %d bytes: want %v with %d, %d bytes", size, fits, len(model), bytes)
				}
				if fits {
					model, bytes = append(model, i*100+size), bytes+size
				}
				continue
			}
			v, ok := q.Take()
			if ok != (len(model) > 0) || ok && v != model[0] {
				t.Fatalf("took %d, %v of %v", v, ok, model)
			}
			if ok {
				model, bytes = model[1:], bytes-v%100
			}
			if q.Len() != len(model) {
				t.Fatalf("%d of %d", q.Len(), len(model))
			}
		}
	})
}

func TestQueueWaits(t *testing.T) {
	q := NewQueue[int](1, 100)
	ended, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("over")
	cancel(cause)
	if err := q.Wait(ended); err != cause {
		t.Errorf("waiting for an entry: %v", err)
	}
	if err := q.Put(t.Context(), 1, 1); err != nil {
		t.Fatal(err)
	}
	if err := q.Put(ended, 2, 1); err != cause {
		t.Errorf("waiting for room: %v", err)
	}
	put := make(chan error)
	go func() { put <- q.Put(t.Context(), 2, 1) }()
	for want := 1; want <= 2; want++ {
		if err := q.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		v, ok := q.Take()
		if !ok || v != want {
			t.Fatalf("took %d, %v", v, ok)
		}
		if want == 1 {
			if err := <-put; err != nil {
				t.Fatal(err)
			}
		}
	}
	q.Offer(3, 1)
	go func() { put <- q.Put(t.Context(), 4, 1) }()
	for q.mu.Lock(); q.room.next == nil; q.mu.Lock() { // until it waits
		q.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	q.mu.Unlock()
	if left := q.Close(cause); len(left) != 1 || left[0] != 3 {
		t.Errorf("left: %v", left)
	}
	if err := <-put; err != cause {
		t.Errorf("put after the end: %v", err)
	}
	if err := q.Wait(t.Context()); err != cause || q.Offer(5, 1) || q.Close(errors.New("again")) != nil {
		t.Errorf("a closed queue: %v", err)
	}
}

func TestBackoff(t *testing.T) {
	var b Backoff
	for i, full := range []time.Duration{250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000} {
		full *= time.Millisecond
		if d := b.next(); d < full/2 || d > full {
			t.Errorf("wait %d is %v, want %v to %v", i, d, full/2, full)
		}
	}
	b.Reset()
	if d := b.next(); d > minWait {
		t.Errorf("the first wait again is %v", d)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := new(Backoff).Wait(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("wait: %v", err)
	}
}

func TestKindOf(t *testing.T) {
	if KindOf([]byte("ä"), false) != core.Text || KindOf([]byte{0xff}, false) != core.Binary || KindOf([]byte("a"), true) != core.Binary {
		t.Error("kinds")
	}
}
