package serve

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Who sends much in one read, or in many, is busy, and one that sends less for a while is not.
func TestHeat(t *testing.T) {
	l, err := newLoop(&Server{}, serving{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.release()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[1])
	defer unix.Close(ends[0])
	p := &Peer{by: &l.host, fd: int32(ends[0]), set: &nothingSet}
	if err := l.add(p); err != nil {
		t.Fatal(err)
	}
	l.passed = 1
	steps := []struct {
		name          string
		after         time.Duration
		reads, length int
		busy          bool
	}{
		{"a few messages", 0, 20, 1 << 10, false},
		{"many", 0, 20, 1 << 10, true},
		{"fewer, at the same time", 0, 1, 10, true},
		{"fewer", busySpan, 1, 10, true}, // there were many until now
		{"fewer for a while", busySpan, 1, 10, false},
		{"a large one", 0, 1, busyRead, true},
		{"another", busySpan, 1, busyRead, true},
		{"nothing, then a small one", 10 * busySpan, 1, 10, true},
		{"another small one", busySpan, 1, 10, false},
		{"very many small ones", busySpan, 100, 10, true},
	}
	for _, s := range steps {
		l.passed += int64(s.after)
		for range s.reads {
			l.warm(p, s.length)
		}
		is := p.flags.Load()&busy != 0
		if is != s.busy {
			t.Errorf("%s: busy is %v", s.name, is)
		}
		// The one epoll has it, the other not.
		for ep, has := range map[int]bool{l.ep: !is, l.lane.ep: is} {
			if err := l.control(ep, unix.EPOLL_CTL_MOD, ends[0], unix.EPOLLIN); (err == nil) != has {
				t.Errorf("%s: watched %v, want %v", s.name, err, has)
			}
		}
	}
	if l.lane.peers != 1 {
		t.Errorf("%d are busy", l.lane.peers)
	}
	l.remove(p)
	if l.lane.peers != 0 {
		t.Errorf("%d are busy", l.lane.peers)
	}
}
