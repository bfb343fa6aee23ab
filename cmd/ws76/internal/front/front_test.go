package front

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core/hixie"
)

func TestRemoteName(t *testing.T) {
	s := &Front{Forwarded: true}
	for _, tc := range []struct{ field, want string }{
		{"192.0.2.1", "192.0.2.1"}, {"192.0.2.1, 192.0.2.2", "192.0.2.2"}, {"[2001:db8::1]", "2001:db8::1"}, {"evil\x1b[31m", "unix socket"}, {"", "unix socket"},
	} {
		fields := hixie.Fields{{Name: "x-forwarded-for", Value: tc.field}}
		if got := s.RemoteName(nil, fields); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.field, got, tc.want)
		}
		if got := (&Front{}).RemoteName(nil, fields); got != "unix socket" {
			t.Errorf("%q is believed: %q", tc.field, got)
		}
	}
}

// TestDropLog: a flood of losses is a few lines, and none is left out of them.
func TestDropLog(t *testing.T) {
	var out bytes.Buffer
	d := dropLog{log: app.NewLogger(&out)}
	for i := range 1000 {
		d.Add("a", 2, "why")
		d.Add(fmt.Sprintf("c%d", i), 1, "why")
	}
	d.close()
	d.close()
	text := out.String()
	if lines := strings.Count(text, "\n"); lines > 3*maxPlaces {
		t.Errorf("%d lines", lines)
	}
	sum := 0
	for line := range strings.Lines(text) {
		var n int
		_, rest, _ := strings.Cut(strings.TrimPrefix(line, "ws76: "), ": ")
		if _, err := fmt.Sscanf(rest, "%d messages lost: why", &n); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		sum += n
	}
	if sum != 3000 {
		t.Errorf("%d of 3000 are told", sum)
	}
}

// An address that is refused again and again makes no more than a line of it.
func TestRefusalsAreSummedUp(t *testing.T) {
	var out bytes.Buffer
	r := RefusalLog{log: app.NewLogger(&out)}
	for i := range 5000 {
		r.Add("", fmt.Sprintf("192.0.2.1:%d", i), errors.New("no"))
		r.Add("", fmt.Sprintf("192.0.2.2:%d", i), fmt.Errorf("path %d", i))
	}
	r.Add("", "192.0.2.3:1", errors.New("no"))
	r.close()
	if n := strings.Count(out.String(), "\n"); n != 1+maxSaid+1+2 {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
	if want := "192.0.2.1: refused 4999 times more"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, out.String())
	}
}
