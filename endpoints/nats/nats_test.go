package nats

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/endpoints/broker"
)

var (
	_ relay.Endpoint = (*Endpoint)(nil)
	_ relay.Batcher  = (*Endpoint)(nil)
	_ relay.Pumper   = (*Endpoint)(nil)

	_ relay.HalfCloser = (*Endpoint)(nil)
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTarget(t *testing.T) {
	for _, tc := range []struct{ url, subjects, subject, servers string }{
		{"nats://h/a.b", "a.b", "a.b", "nats://h:4222"}, {Example, "sensors.>", "sensors.lab", "nats://nats.local:4222"},
		{"nats://h,[::1]:5/a.>", "a.>", "", "nats://h:4222 nats://[::1]:5"}, {"nats+tls://h/*.a?pub=b", "*.a", "b", "nats://h:4222"},
		{"nats://h/?pub=b", "", "b", "nats://h:4222"}, {"nats://h/?envelope=json", "", "", "nats://h:4222"}, {"nats://h/a?sub=", "", "a", "nats://h:4222"},
		{"nats://h/a?reply=1", "a", "", "nats://h:4222"}, {"nats://h/a?request=1&timeout=3", "", "a", "nats://h:4222"}, {"nats://h/a?request=1&sub=b", "b", "a", "nats://h:4222"},
		{"nats://h/?stream=S&durable=D", "", "", "nats://h:4222"}, {"nats://h/a.b?stream=S&durable=D", "a.b", "", "nats://h:4222"}, {"nats://h/a?jetstream=1", "a", "a", "nats://h:4222"},
	} {
		got, err := parse(tc.url)
		if err != nil || strings.Join(got.subjects, " ") != tc.subjects || got.subject != tc.subject || strings.Join(got.servers(), " ") != tc.servers {
			t.Errorf("%s: %+v, %v", tc.url, got, err)
		}
	}
	for _, tc := range []struct{ url, want string }{
		{"nats://h", "names no subject"}, {"nats://h/a..b", "is empty"}, {"nats://h/a.", "is empty"}, {"nats://h/a b", "a space"}, {"nats://h/a.>.b", "> is for the end"},
		{"nats://h/a?pub=*.b", "for sub= only"}, {"nats://h/a?queue=x.*", "parameter queue"}, {"nats://h/a?qos=1", "unknown"}, {"mqtt://h/a", "nats or nats+tls"},
		{"nats://h/" + strings.Repeat("x", maxSubject+1), "are allowed"}, {"nats://h/a?binary=2", "want 0 or 1"}, {"nats://h/a?envelope=2", "want json"},
		{"nats://h/a?reply=1&request=1", "want one of"}, {"nats://h/a?reply=1&envelope=json", `its "reply"`}, {"nats://h/?pub=a&reply=1", "no subject on which requests come"},
		{"nats://h/a?stream=S", "want both"}, {"nats://h/a?durable=D", "want both"}, {"nats://h/a?stream=S.x&durable=D", "parameter stream="},
		{"nats://h/a?stream=S&durable=D&deliver=some", "all, new or last"}, {"nats://h/a?deliver=new", "need stream=NAME"}, {"nats://h/a?stream=S&durable=D&queue=q", "not for durable=NAME"},
		{"nats://h/a?jetstream=1&request=1", "not for reply=1 and request=1"}, {"nats://h/a?stream=S&durable=D&ack-wait=1ms", "from 0.1s"},
		{"nats://h/a.*?request=1", "to send requests on"}, {"nats://h/a?timeout=1s", "needs reply=1 or request=1"}, {"nats://h/a?reply=1&timeout=2h", "from 0.001s to 3600s"},
		{"nats://h/a?inbox-prefix=a..b", "parameter inbox-prefix"},
	} {
		if err := Check(tc.url); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "NATS: ") {
			t.Errorf("%.60s: %v, want %q", tc.url, err, tc.want)
		}
	}
}

// TestOpenRefused: nobody is there, or says nothing.
func TestOpenRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := &broker.Options{ConnectTimeout: 100 * time.Millisecond}
	_, err = Open(t.Context(), "nats://ann:hunter2@"+l.Addr().String()+"/a", o)
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a server that is silent: %v", err)
	}
	l.Close()
	_, err = Open(t.Context(), "nats://"+l.Addr().String()+"/a", o)
	var refused *broker.RefusedError
	if err == nil || errors.As(err, &refused) {
		t.Errorf("no server: %v", err)
	}
}

func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		filter, subject string
		want            bool
	}{
		{"a.b", "a.b", true}, {"a.*", "a.b", true}, {"*.*", "a.b", true}, {">", "a.b", true}, {"a.>", "a.b.c", true},
		{"a.b", "a.c", false}, {"a.*", "a", false}, {"a.*", "a.b.c", false}, {"a.>", "a", false}, {"a", "a.b", false},
	} {
		if got := matches(tc.filter, tc.subject); got != tc.want {
			t.Errorf("%q takes %q: %v", tc.filter, tc.subject, got)
		}
	}
}

func FuzzTarget(f *testing.F) {
	f.Add("nats+tls://ann:x@h,i:2/a.*.>?sub=b.>&pub=c&queue=q&creds=f&binary=1")
	f.Add("nats://t@h/?envelope=json")
	f.Add("nats://h/a?stream=S&durable=D&deliver=new&ack-wait=3s&jetstream=1")
	f.Add("nats://h/a?request=1&timeout=3s&inbox-prefix=_I.x")
	f.Fuzz(func(t *testing.T, raw string) {
		target, err := parse(raw)
		if err != nil {
			return
		}
		for _, s := range target.subjects {
			if checkSubject(s, true) != nil {
				t.Errorf("%q: subject %q", raw, s)
			}
		}
		if target.subject != "" && checkSubject(target.subject, false) != nil {
			t.Errorf("%q: subject %q", raw, target.subject)
		}
	})
}
