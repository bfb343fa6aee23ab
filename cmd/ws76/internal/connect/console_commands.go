package connect

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/scripts"
)

// commands are what a typed line may be that begins with a slash. They are looked up by name, the argument goes to run.
var commands []command

type command struct {
	name, argument, about string
	run                   func(t *console, argument string)
}

func init() { // they refer to each other by way of /help
	commands = []command{
		{"help", "", "list these commands; //TEXT sends /TEXT", (*console).help},
		{"hex", "[BYTES]", "show what comes in in hex, or no longer; or send these bytes", (*console).hexCommand},
		{"paste", "", "a pasted block is one message, or one for each line", (*console).pasteCommand},
		{"script", "FILE", "run messages through a Lua script from now on", (*console).scriptCommand},
		{"stats", "", "say how much has passed", (*console).statsCommand},
		{"close", "", "close the connection properly; --reconnect then opens another", func(t *console, _ string) { t.put(entered{want: wantClose}) }},
		{"quit", "", "close it properly and leave", func(t *console, _ string) { t.put(entered{want: wantQuit}) }},
	}
}

// command runs a line, of which the slash is off.
func (t *console) command(line string) {
	name, argument, _ := strings.Cut(line, " ")
	argument = strings.TrimSpace(argument)
	for _, c := range commands {
		switch {
		case c.name != name:
		case argument != "" && c.argument == "":
			t.say("/%s takes nothing, and %q was given", name, argument)
			return
		default:
			c.run(t, argument)
			return
		}
	}
	t.say("no command %q; /help lists them, and /%s sends it as a message", "/"+name, "/"+name)
}

// completeCommand completes the names of commands and files.
func completeCommand(before string) []string {
	line, ok := strings.CutPrefix(before, "/")
	if !ok || strings.HasPrefix(line, "/") {
		return nil
	}
	found := []string{}
	if path, ok := strings.CutPrefix(line, "script "); ok {
		return completeFile("/script ", path)
	}
	for _, c := range commands {
		if strings.HasPrefix(c.name, line) {
			name := "/" + c.name
			if c.argument != "" {
				name += " "
			}
			found = append(found, name)
		}
	}
	return found
}

// completeFile completes path to the names of scripts and folders; before stands in front of each.
func completeFile(before, path string) []string {
	found := []string{}
	dir, prefix := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Join(".", dir))
	if filepath.IsAbs(dir) {
		entries, err = os.ReadDir(dir)
	}
	if err != nil {
		return found
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, ".") && prefix == "" {
			continue
		}
		switch {
		case e.IsDir():
			name += string(filepath.Separator)
		case filepath.Ext(name) != ".lua":
			continue
		}
		if found = append(found, before+dir+name); len(found) == maxNames {
			break
		}
	}
	return found
}

func (t *console) help(string) {
	for _, c := range commands {
		t.say("%-13s %s", strings.TrimSpace("/"+c.name+" "+c.argument), c.about)
	}
}

func (t *console) hexCommand(argument string) {
	switch {
	case argument != "":
		o := t.format
		o.Format = format.Hex
		t.send(o, argument)
	case !t.canHex:
		t.say("--out or --format says already how messages are shown")
	default:
		on := !t.hex.Load()
		t.hex.Store(on)
		t.say("messages are shown %s", map[bool]string{true: "in hex", false: "as text"}[on])
	}
}

// shown returns m as it is to be shown.
func (t *console) shown(m core.Message) core.Message {
	if t.hex.Load() {
		text := make([]byte, 0, 3*len(m.Data))
		for i, c := range m.Data {
			if i > 0 {
				text = append(text, ' ')
			}
			text = hex.AppendEncode(text, []byte{c})
		}
		m.Data = text
	}
	return m
}

func (t *console) pasteCommand(string) {
	t.paste = !t.paste
	t.editor.SetPasteWhole(t.paste)
	t.say("a pasted block is %s", map[bool]string{true: "one message", false: "a message for each line"}[t.paste])
}

func (t *console) statsCommand(string) {
	t.mu.Lock()
	l := t.live
	t.mu.Unlock()
	if l == nil {
		t.say("not connected")
		return
	}
	s := l.conn.Stats()
	t.say("%s to %s, open for %v: %d messages in (%d bytes), %d out (%d bytes)", l.conn.Dialect(), l.conn.RemoteAddr(),
		time.Since(l.opened).Round(time.Second), s.MessagesIn, s.BytesIn, s.MessagesOut, s.BytesOut)
}

// live is the session at hand with the scripts that /script has added to it.
type live struct {
	session *relay.Session
	conn    *core.Conn
	opened  time.Time
	next    relay.Sink // behind all of them
	last    *handOver  // what the last of them gives to
	added   []*scripts.Session
}

// handOver is a sink that may become another one.
type handOver struct{ to relay.Sink }

func (h *handOver) sink(d relay.Direction, m core.Message) error { return h.to(d, m) }

// scripts returns set and what /script has loaded.
func (t *console) scripts(set scripts.Set) scripts.Set {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(set[:len(set):len(set)], t.added...)
}

// hook returns the place of scripts to come in the chain of a session, which has the
// first included ones of /script already.
func (t *console) hook(conn *core.Conn, included int) relay.Hook {
	return relay.HookFunc(func(s *relay.Session, next relay.Sink) (relay.Sink, error) {
		first := &handOver{to: next}
		l := &live{session: s, conn: conn, opened: time.Now(), next: next, last: first}
		t.mu.Lock()
		t.live = l
		late := t.added[included:]
		t.mu.Unlock()
		for _, script := range late {
			if err := t.attach(l, script); err != nil {
				return nil, err
			}
		}
		return first.sink, nil
	})
}

// attach puts script behind those of l. No message is in l's chain meanwhile.
func (t *console) attach(l *live, script *scripts.Script) error {
	last := &handOver{to: l.next}
	scripted := scripts.Set{script}.Session(nil, scripts.NewPeer(l.conn, "client"), true)
	sink, err := scripted.Bind(last.sink, l.session.Do, l.session.End)
	if err != nil {
		return err
	}
	l.last.to, l.last = sink, last
	t.mu.Lock()
	over := t.live != l
	if !over {
		l.added = append(l.added, scripted)
	}
	t.mu.Unlock()
	if over {
		scripted.Closed(relay.ErrClosed)
	}
	return nil
}

// detach says that the session is over and why.
func (t *console) detach(err error) {
	t.mu.Lock()
	l := t.live
	t.live = nil
	t.mu.Unlock()
	if l == nil {
		return
	}
	for _, s := range l.added {
		s.Closed(err)
	}
}

// endSession ends the session at hand properly.
func (t *console) endSession() {
	t.mu.Lock()
	l := t.live
	t.mu.Unlock()
	if l != nil {
		l.session.End(nil)
	}
}

// scriptCommand loads a script and puts it behind those of the session at hand; the sessions to come begin with it.
func (t *console) scriptCommand(path string) {
	if path == "" {
		t.say("/script: no file; for instance /script upper.lua")
		return
	}
	script, err := t.load(path)
	if err != nil {
		t.say("loading %v", err)
		return
	}
	if err := script.Start(); err != nil {
		t.say("%v", err)
		hooks.Stop(scripts.Set{script}, core.DefaultCloseTimeout)
		return
	}
	t.mu.Lock()
	t.added = append(t.added, script)
	l := t.live
	t.mu.Unlock()
	if l == nil {
		return
	}
	if err := l.session.Do(func() error { return t.attach(l, script) }); err != nil {
		t.say("/script %s: %v", path, err)
		return
	}
	t.say("messages go through %s", script.Name())
}

// maxNames is more than anyone reads.
const maxNames = 1000
