//go:build linux || darwin

package wifly

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ws76/ws76/transports/wifly/module"
)

// A dialogue is what a module has answered to each line of the host's, the first time,
// the second time and so on. Those in testdata are recordings of the module in software
// (ws76 wifly emulate --log), one for each firmware.
type dialogue struct {
	replies map[string][]string
	marks   map[string]string // of the recording: "open", "close"
}

var markCommand = regexp.MustCompile(`^set comm (open|close) (~\S+)\r$`)

// key is a line of the host's without what is another in each session.
func dialogueKey(line string) string { return markCommand.ReplaceAllString(line, "set comm $1 MARK\r") }

func readDialogue(t *testing.T, path string) *dialogue {
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	d := &dialogue{replies: map[string][]string{}, marks: map[string]string{}}
	key := ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.SplitN(lines.Text(), " ", 3)
		if strings.HasPrefix(lines.Text(), "#") || len(fields) < 3 {
			continue
		}
		text, err := strconv.Unquote(fields[2])
		if err != nil {
			t.Fatalf("%s: %q: %v", path, lines.Text(), err)
		}
		if fields[1] == ">" {
			if m := markCommand.FindStringSubmatch(text); m != nil && d.marks[m[1]] == "" {
				d.marks[m[1]] = m[2]
			}
			key = dialogueKey(text)
			d.replies[key] = append(d.replies[key], "")
		} else if list := d.replies[key]; len(list) > 0 {
			list[len(list)-1] += text
		}
	}
	return d
}

// A player is a line with a module at its end that knows a dialogue by heart. It answers
// in pieces, as cut says, with pause between them and gap after each byte.
type player struct {
	net.Conn // the host's end reads here
	far      net.Conn
	*dialogue
	cut        int
	pause, gap time.Duration

	in    []byte
	times map[string]int
	marks map[string]string // of this session
	said  []string
	out   chan string
}

func (p *player) Write(b []byte) (int, error) {
	p.in = append(p.in, b...)
	if string(p.in) == escapeChars {
		p.answer(escapeChars)
	}
	for {
		i := strings.IndexByte(string(p.in), '\r')
		if i < 0 {
			return len(b), nil
		}
		line := string(p.in[:i+1])
		p.in = p.in[i+1:]
		p.answer(line)
	}
}

func (p *player) answer(line string) {
	if line == escapeChars {
		p.in = nil
	}
	key := dialogueKey(line)
	if m := markCommand.FindStringSubmatch(line); m != nil {
		p.marks[m[1]] = m[2]
	}
	p.said = append(p.said, key)
	list := p.replies[key]
	if len(list) == 0 {
		list = []string{"ERR: ?-Cmd\r\n<unrecorded> "}
	}
	text := list[min(p.times[key], len(list)-1)]
	p.times[key]++
	for name, old := range p.dialogue.marks {
		if now := p.marks[name]; now != "" {
			text = strings.ReplaceAll(text, old, now)
		}
	}
	p.out <- text
}

func (p *player) SetWriteDeadline(time.Time) error { return nil }

// play writes what is said to the host.
func (p *player) play() {
	for text := range p.out {
		if n := min(p.cut, len(text)); n > 0 && p.gap == 0 {
			io.WriteString(p.far, text[:n])
			time.Sleep(p.pause)
			text = text[n:]
		}
		if p.gap == 0 {
			io.WriteString(p.far, text)
			continue
		}
		for i := range len(text) {
			time.Sleep(p.gap)
			io.WriteString(p.far, text[i:i+1])
			if i+1 == p.cut {
				time.Sleep(p.pause)
			}
		}
	}
	p.far.Close()
}

// told is what a session came to.
type told struct {
	Info *Info
	Scan []Network
	Said []string
	Err  string
}

// session asks the module of a dialogue for what it is, what it hears, and dials over it.
func session(t *testing.T, d *dialogue, cut int, pause, gap time.Duration) (got told) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		p := &player{Conn: near, far: far, dialogue: d, cut: cut, pause: pause, gap: gap,
			times: map[string]int{}, marks: map[string]string{}, out: make(chan string, 100)}
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.play()
		}()
		got = converse(t, fmt.Sprintf("%s, cut %d, %v, %v", t.Name(), cut, pause, gap), p)
		close(p.out)
		<-done
		got.Said = p.said
	})
	return got
}

// converse asks the module on port for what it is and what it hears, and dials over it.
func converse(t *testing.T, name string, port net.Conn) (got told) {
	tr := New(Config{Name: name, Baud: 9600, Open: func(context.Context, int) (net.Conn, error) { return port, nil }})
	m, err := tr.Module(t.Context())
	if err == nil {
		got.Info, err = m.Info(t.Context())
	}
	if err == nil {
		got.Scan, err = m.Scan(t.Context())
	}
	if err == nil {
		if _, err = m.connect(t.Context(), "device.example", "80"); err != nil {
			err = m.abandon(err)
		} else {
			err = m.leave(t.Context())
		}
	}
	if m != nil {
		m.closePort()
	}
	if err != nil {
		got.Err = err.Error()
	}
	return got
}

var update = flag.Bool("update", false, "record the dialogues of testdata anew")

// record has a module in software hold a session, and returns what was said.
func record(t *testing.T, firmware string) (text string) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		fmt.Fprintf(&log, "# made by the module in software, firmware %s\n", firmware)
		near, far := net.Pipe()
		there, peer := net.Pipe()
		o := fast()
		o.Firmware, o.Baud, o.Settings = firmware, 9600, "set wlan ssid lab\nset comm open *HERE*\n"
		o.Networks = []module.Network{{SSID: "lab", Channel: 11}, {SSID: "a, b", Channel: 6, Phrase: "12345678"}}
		o.Lookup = func(context.Context, string) (netip.Addr, error) { return netip.MustParseAddr("192.0.2.1"), nil }
		o.Dial = func(context.Context, string) (net.Conn, error) { return there, nil }
		o.Record = func(r module.Record) { fmt.Fprintln(&log, r) }
		m, err := module.New(&o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			m.Serve(ctx, far)
		}()
		if got := converse(t, t.Name()+firmware, near); got.Err != "" {
			t.Errorf("%s: %s", firmware, got.Err)
		}
		cancel()
		<-done
		peer.Close()
		text = log.String()
	})
	return text
}

// TestDialogues: wherever a reply is cut, and at whatever pace it comes, the result of
// a dialogue is the same, and so is all that the driver says; an open that is refused
// is one that all is put back after.
func TestDialogues(t *testing.T) {
	if *update {
		for _, firmware := range module.Firmwares() {
			if err := os.WriteFile("testdata/dialogues/"+firmware+".log", []byte(record(t, firmware)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	paths, _ := filepath.Glob("testdata/dialogues/*.log")
	if len(paths) != len(module.Firmwares()) {
		t.Fatalf("recordings: %q", paths)
	}
	for i, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			d := readDialogue(t, path)
			everyPace(t, d, i, "")
			refused := *d // as firmware may go on behind it
			refused.replies = maps.Clone(d.replies)
			prompt := d.replies["\r"][0]
			for command := range refused.replies {
				if strings.HasPrefix(command, "open ") {
					refused.replies[command] = []string{prompt + "Connect FAILED\r\n" + prompt}
				}
			}
			everyPace(t, &refused, i+len(paths)/2, ErrRefused.Error())
		})
	}
}

// everyPace holds a session with the module of a dialogue at each cut and pace. It ends
// with an error that has failure in it, or none. Of the cuts it takes every eighth, those
// of turn; with WS76_MATRIX=all each.
func everyPace(t *testing.T, d *dialogue, turn int, failure string) {
	const turns = 8
	want := session(t, d, 0, 0, 0)
	if (want.Err == "") != (failure == "") || !strings.Contains(want.Err, failure) || want.Info == nil || len(want.Scan) != 2 {
		t.Fatalf("%+v", want)
	}
	same := func(cut int, pause, gap time.Duration) {
		if got := session(t, d, cut, pause, gap); !reflect.DeepEqual(got, want) {
			t.Errorf("cut at %d, pause %v, %v a byte:\n%+v\nwant\n%+v", cut, pause, gap, got, want)
		}
	}
	longest := 0
	for _, list := range d.replies {
		for _, text := range list {
			longest = max(longest, len(text))
		}
	}
	for _, gap := range []time.Duration{100 * time.Microsecond, 1042 * time.Microsecond, 5 * time.Millisecond} {
		same(0, 0, gap)
	}
	for cut := range longest {
		if os.Getenv("WS76_MATRIX") != "all" && cut%turns != turn%turns {
			continue
		}
		same(cut, time.Millisecond, 0)
		if cut < 60 { // where prompts, echoes and words end
			same(cut, 40*time.Millisecond, 0)
		}
	}
}
