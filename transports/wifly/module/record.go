package module

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
)

// recordGap is the silence that ends an entry of a recording.
const recordGap = 50 * time.Millisecond

// A recorder puts what passes over the UART into entries: a line of the host's, and what the module says up to the next
// one or a pause. Secrets are found in whole lines.
type recorder struct {
	mu    sync.Mutex
	write func(Record)
	start time.Time
	ways  [2]recording // from the host, to it
}

// recording is what has passed one way since the last entry.
type recording struct {
	began, last time.Time
	text        []byte
}

// Record is one entry of a recording.
type Record struct {
	At       time.Duration // when its first byte had passed, since Serve
	FromHost bool
	Text     string // secrets masked
}

// String returns an entry as a line: the time in seconds, > from the host or < to it, and the text in quotes of Go.
func (r Record) String() string {
	way := "<"
	if r.FromHost {
		way = ">"
	}
	return fmt.Sprintf("%.6f %s %q", r.At.Seconds(), way, r.Text)
}

// add takes bytes that have passed. A line of the host's that begins ends what the module has said before.
func (r *recorder) add(fromHost bool, p []byte) {
	if r.write == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	host, module := &r.ways[0], &r.ways[1]
	way := module
	if fromHost {
		way = host
	}
	for len(p) > 0 {
		if len(way.text) > 0 && now.Sub(way.last) > recordGap && !unfinished(way.text) || len(way.text) > maxText {
			r.flush(way)
		}
		if len(way.text) == 0 {
			way.began = now
			if fromHost {
				r.flush(module)
			}
		}
		n := len(p)
		if i := bytes.IndexByte(p, '\r'); fromHost && i >= 0 {
			n = i + 1
		}
		way.text, way.last = append(way.text, p[:n]...), now
		if p = p[n:]; fromHost && way.text[len(way.text)-1] == '\r' {
			r.flush(way)
		}
	}
}

// unfinished reports whether text ends in what may become, typed slowly or its echo, a command with a secret.
func unfinished(text []byte) bool {
	line := text[bytes.LastIndexAny(text, "\r\n>")+1:]
	line = bytes.TrimLeft(line, " ")
	const set = "set "
	return len(line) > 0 && (bytes.HasPrefix(line, []byte(set)) || strings.HasPrefix(set, string(line)))
}

// end writes what is left.
func (r *recorder) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush(&r.ways[0])
	r.flush(&r.ways[1])
}

func (r *recorder) flush(way *recording) {
	if len(way.text) > 0 {
		r.write(Record{At: way.began.Sub(r.start), FromHost: way == &r.ways[0], Text: maskText(string(way.text))})
		way.text = way.text[:0]
	}
}

var shownSecrets = regexp.MustCompile(`(?m)^(Pass\w*|\w*Phrase|Key|PASS)=[^\r\n]+`)

// maskText hides the secrets of whole lines.
func maskText(text string) string {
	lines := strings.SplitAfter(text, "\r")
	for i, line := range lines {
		body := strings.TrimRight(line, "\r")
		if masked := maskSecrets(body); masked != body {
			lines[i] = masked + line[len(body):]
		}
	}
	return shownSecrets.ReplaceAllString(strings.Join(lines, ""), "$1=***")
}
