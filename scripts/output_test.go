package scripts

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ws76/ws76/core"
)

// What a hook writes is bounded in length and rate, and what is left out is counted and said.
func TestOutput(t *testing.T) {
	for _, write := range []string{"print", "ws76.print", "ws76.log.debug", "ws76.log.info", "ws76.log.warn", "ws76.log.error"} {
		r := newRig(t, `function on_message(c, d)
			if d == "long" then `+write+`(("ä"):rep(40000), ("x"):rep(5e6)) end
			if d == "many" then for i = 1, 5000 do `+write+`("line", i) end end
			if d == "much" then for i = 1, 100 do `+write+`(("y"):rep(60000)) end end
		end`, Options{})
		r.push("long")
		said := append(r.got(&r.logs), r.got(&r.prints)...)
		if len(said) != 1 || len(said[0]) > maxOutputLine+100 || !strings.HasSuffix(said[0], "ä... (5080001 bytes in all)") {
			t.Errorf("%s of a long line: %d lines, %.100q", write, len(said), said)
		}
		r.push("many", "much")
		r.stop()
		written, bytes, omitted := 0, 0, 0
		for _, line := range append(r.got(&r.logs), r.got(&r.prints)...) {
			var lines, bytes2 int
			if n, _ := fmt.Sscanf(line, "WARN test.lua: left out %d lines of the script, %d bytes", &lines, &bytes2); n == 2 {
				omitted += lines
				continue
			}
			written++
			bytes += len(line)
		}
		if written+omitted != 5101 || omitted == 0 {
			t.Errorf("%s: %d lines written, %d left out; want 5101 together", write, written, omitted)
		}
	}
}

// What waits to be published is bounded in bytes.
func TestPublishIsBounded(t *testing.T) {
	held := make(chan struct{})
	most := make(chan int, 1000)
	r := newRig(t, `function on_message(c, d)
		local n = 0
		for i = 1, 100 do if ws76.publish("a", d) then n = n + 1 end end
		return tostring(n)
	end`, Options{Publish: func(_ string, m core.Message) error { <-held; most <- len(m.Data); return nil }})
	r.push(strings.Repeat("x", 1<<20))
	if got := r.got(&r.toB); len(got) != 1 || got[0] != "15" && got[0] != "16" {
		t.Errorf("%.20q messages of 1 MiB wait", got)
	}
	close(held)
	r.stop()
	if n := len(most); n != 15 && n != 16 {
		t.Errorf("%d were published", n)
	}
	r = newRig(t, `function on_message(c, d) return tostring(ws76.publish("a", d)) end`, Options{Publish: func(string, core.Message) error { return nil }})
	for range 100 { // what was done does not count
		r.push(strings.Repeat("x", 1<<20))
		r.script.mu.Lock()
		for r.script.ordering {
			r.script.mu.Unlock()
			r.script.mu.Lock()
		}
		r.script.mu.Unlock()
	}
	if got := r.got(&r.toB); strings.Contains(strings.Join(got, " "), "nil") {
		t.Errorf("%q", got)
	}
}
