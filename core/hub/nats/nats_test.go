package nats

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ws76/ws76/core/hub"
)

var _ hub.Backplane = (*Backplane)(nil)

func TestSubject(t *testing.T) {
	for _, tc := range []struct{ channel, want string }{
		{"lab", "ws76.lab"}, {"a.b", "ws76.a%2Eb"}, {"...", "ws76.%2E%2E%2E"}, {"A-1_z", "ws76.A-1_z"},
		{"ä", "ws76.%C3%A4"}, {"a:b~c@d+e", "ws76.a%3Ab%7Ec%40d%2Be"}, {"%2E", "ws76.%252E"}, {"> *", "ws76.%3E%20%2A"},
	} {
		if got := Subject(tc.channel); got != tc.want {
			t.Errorf("%q: %s, want %s", tc.channel, got, tc.want)
		}
	}
	// One token, and no two channels share a subject.
	rapid.Check(t, func(t *rapid.T) {
		channel := rapid.String().Draw(t, "channel")
		token, _ := strings.CutPrefix(Subject(channel), prefix)
		if back, err := url.PathUnescape(token); err != nil || back != channel || strings.ContainsAny(token, ".*> \t\r\n") {
			t.Errorf("%q is %q", channel, token)
		}
	})
}

func TestMissing(t *testing.T) {
	s := &subscription{last: map[string]uint64{}}
	for i, tc := range []struct {
		header string
		want   uint64
	}{
		{"a 5", 0}, // what was before it joined is no loss
		{"a 6", 0}, {"a 9", 2}, {"b 1", 0}, {"a 10", 0}, {"b 3", 1},
		{"a 1", 0}, // it began again
		{"a 2", 0}, {"nonsense", 0}, {"a x", 0}, {"a -1", 0}, {"", 0}, {"a 3", 0},
	} {
		if got := s.missing([]string{tc.header}); got != tc.want {
			t.Errorf("%d, %q: %d missing, want %d", i, tc.header, got, tc.want)
		}
	}
	if s.missing(nil) != 0 || s.missing([]string{"a 9", "a 10"}) != 0 {
		t.Error("a gap without a number")
	}
	for i := range 3 * maxOrigins {
		s.missing([]string{fmt.Sprintf("o%d 1", i)})
	}
	if len(s.last) > maxOrigins {
		t.Errorf("%d origins are remembered", len(s.last))
	}
}

func TestSequence(t *testing.T) {
	var s sequence
	first, second, other := s.next("a"), s.next("a"), s.next("b")
	origin, _, _ := strings.Cut(first, " ")
	if first != origin+" 1" || second != origin+" 2" || other != origin+" 1" {
		t.Errorf("numbers are %q, %q, %q", first, second, other)
	}
	for i := range maxChannels {
		s.next(fmt.Sprint(i))
	}
	if again := s.next("a"); len(s.last) > maxChannels || strings.HasPrefix(again, origin) {
		t.Errorf("%d channels are remembered; then %q", len(s.last), again)
	}
}

func TestDialRefuses(t *testing.T) {
	for _, tc := range []struct{ url, want string }{
		{"http://host", `scheme "http"`}, {"nats://", "not name one host"}, {"nats://u:hunter2@h:1,nats://i", "not name one host"},
		{"nats://u:hunter2@h:x", "cannot be read"}, {"nats://u:hunter2@127.0.0.1:1", "connecting to NATS at nats://127.0.0.1:1: "},
	} {
		_, err := Dial(t.Context(), []string{tc.url}, nil)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", tc.url, err)
		}
	}
}
