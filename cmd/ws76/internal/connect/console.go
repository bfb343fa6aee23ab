package connect

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/internal/lineedit"
	"github.com/ws76/ws76/scripts"
)

// maxWaiting bounds what was typed and pasted for a connection that does not take
// it, in bytes; waitingCost is added for each line.
const (
	maxWaiting  = 16 << 20
	waitingCost = 64
)

// console is the terminal of connect where a user sits at it: a line that is edited, below what comes in and what is to
// be said. It replaces standard input and output of the line mode from start to close, in which ends do not differ.
//
// What is typed waits in line for receive, so that ^C is obeyed whatever the peer does.
type console struct {
	*reach.Env
	in, out  *os.File
	format   format.Options // of what is typed
	maxLine  int
	editor   *lineedit.Editor
	history  *lineedit.History
	messages string // SGR sequence for what comes in
	notes    string // and for what ws76 says
	canHex   bool   // --out does not say itself how messages look
	load     func(path string) (*scripts.Script, error)

	hex   atomic.Bool // messages are shown in hex
	again atomic.Bool // /close was said

	mu      sync.Mutex
	waiting []entered
	bytes   int
	wake    chan struct{} // has room for one
	live    *live         // the session at hand, or nil
	added   scripts.Set   // by /script
	quit    func()        // ends the command where there is no session
	paste   bool          // a paste is one message

	state   sync.Mutex // of start and close
	started bool
	closed  bool
	finish  func() // undoes start
}

// entered is one thing that the user wants, in line.
type entered struct {
	want wish
	m    core.Message
}

type wish uint8

const (
	wantSend wish = iota
	wantEOF
	wantClose
	wantQuit
)

// newConsole returns the console that newTerminal uses, or nil where the plain line mode is right: input or output is
// no terminal, or a dumb one, or --in does not read lines.
func newConsole(e *reach.Env, options *Options, in, out format.Options) (*console, error) {
	switch in.Format {
	case format.Lines, format.Hex, format.Base64, format.JSON:
	default:
		return nil, nil
	}
	if options.NoStdin || !app.IsTerminal(e.Stdin) || !app.IsTerminal(e.Stdout) || dumbTerminal(e) {
		return nil, nil
	}
	t := &console{
		Env: e, in: app.FileOf(e.Stdin), out: app.FileOf(e.Stdout), format: in,
		maxLine: int(min(in.MaxMessage, lineedit.DefaultMaxLine)), canHex: out.Format == format.Lines, wake: make(chan struct{}, 1),
	}
	o := lineedit.Options{Prompt: "> ", Size: e.Terminal.Size, MaxLine: t.maxLine, Complete: completeCommand}
	if e.Colors(options.Color) {
		o.PromptStyle, t.messages, t.notes = "\x1b[1m", "\x1b[36m", "\x1b[33m"
	}
	path := ""
	if !options.NoHistory {
		var err error
		if path, err = historyPath(e); err != nil {
			e.Log.Infof("no history: %v", err)
		}
	}
	var err error
	if t.history, err = lineedit.OpenHistory(path); err != nil {
		e.Log.Infof("no history: %v", err)
	}
	o.History = t.history
	t.editor = lineedit.New(t.out, o)
	return t, nil
}

// dumbTerminal reports whether the terminal knows no control sequences. A console of Windows has no TERM.
func dumbTerminal(e *reach.Env) bool {
	name := e.Getenv("TERM")
	return name == "dumb" || name == "" && os.PathSeparator == '/'
}

// historyPath is where what was typed is kept, under $XDG_STATE_HOME.
func historyPath(e *reach.Env) (string, error) {
	dir, err := e.StateDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "history"), nil
}

// start shows the prompt and begins to read keys, the first time it is called.
func (t *console) start() error {
	t.state.Lock()
	defer t.state.Unlock()
	if t.started || t.closed {
		return nil
	}
	if err := t.Terminal.Enter(t.in, t.out); err != nil {
		return err
	}
	t.started = true
	unlog := func() {}
	if app.IsTerminal(t.Stderr) {
		unlog = t.Log.Redirect(printer{t.editor, t.notes})
	}
	keys, cancel, release := app.Cancellable(t.in)
	signals := make(chan os.Signal, 1)
	app.WatchTerminal(signals)
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { t.watch(signals, done) })
	read := make(chan struct{})
	go func() {
		defer close(read)
		t.read(keys)
	}()
	t.editor.Show()
	t.finish = func() {
		if cancel() {
			<-read
			release()
		} // else the read ends with the process
		signal.Stop(signals)
		close(done)
		running.Wait()
		t.editor.Hide()
		unlog()
	}
	return nil
}

// close takes the prompt off the screen and gives the terminal back. It waits no longer than ctx for a terminal that
// takes no output. What was typed and is not sent is said.
func (t *console) close(ctx context.Context) {
	t.state.Lock()
	defer t.state.Unlock()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		if t.started && !t.closed {
			t.finish()
		}
	}()
	select {
	case <-finished:
	case <-ctx.Done():
	}
	t.closed = true
	t.Terminal.LeaveWithin(100 * time.Millisecond)
	t.mu.Lock()
	defer t.mu.Unlock()
	unsent := 0
	for _, e := range t.waiting {
		if e.want == wantSend {
			unsent++
		}
	}
	if unsent > 0 {
		t.Log.Warnf("%d of the lines that were typed were not sent", unsent)
	}
	if err := t.history.Err(); err != nil {
		t.Log.Warnf("%v", err)
	}
}

// watch draws anew what a change of size or a stop of the process has spoiled.
func (t *console) watch(signals <-chan os.Signal, done <-chan struct{}) {
	for {
		select {
		case s := <-signals:
			if app.IsContinue(s) {
				t.Terminal.Leave() // what enter did is gone: the shell has had the terminal
				t.resume()
				continue
			}
			t.editor.Refresh()
		case <-done:
			return
		}
	}
}

// resume takes the terminal after a stop.
func (t *console) resume() {
	t.Terminal.Enter(t.in, t.out)
	t.editor.Show()
}

// read feeds the editor until there are no more keys.
func (t *console) read(keys io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := keys.Read(buf)
		events, _ := t.editor.Feed(buf[:n]) // an error of the terminal shows in what is received, too
		for _, event := range events {
			t.obey(event)
		}
		if err != nil {
			t.put(entered{want: wantEOF})
			return
		}
	}
}

// obey does what the user has decided.
func (t *console) obey(event lineedit.Event) {
	switch event.Kind {
	case lineedit.Line:
		command, isCommand := strings.CutPrefix(event.Text, "/")
		switch {
		case event.Pasted || !isCommand:
			t.send(t.format, event.Text)
		case strings.HasPrefix(command, "/"):
			t.send(t.format, command)
		default:
			t.command(command)
		}
	case lineedit.EOF:
		t.put(entered{want: wantEOF})
	case lineedit.Interrupt:
		t.Interrupt()
	case lineedit.TooLong:
		t.say("not taken: a line holds no more than %d bytes, a paste %d", t.maxLine, lineedit.DefaultMaxPaste)
	case lineedit.Suspend:
		t.editor.Hide()
		t.Terminal.Leave()
		app.Raise(event.Kind)
		time.Sleep(20 * time.Millisecond) // the process stops within that, if it does
		t.resume()
	case lineedit.Quit:
		t.Terminal.Leave()
		app.Raise(event.Kind)
	}
}

// send puts a line that was typed in line for the connection, as --in has it.
func (t *console) send(o format.Options, text string) {
	if o.Format == format.Lines {
		t.put(entered{m: core.Message{Data: []byte(text)}}) // newlines of a paste among it
		return
	}
	r := format.NewReader(strings.NewReader(text+"\n"), o)
	for {
		m, err := r.Read()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.say("not sent: %v", err)
			return
		}
		m.Data = append([]byte(nil), m.Data...)
		t.put(entered{m: m})
	}
}

func (t *console) put(e entered) {
	t.mu.Lock()
	waiting, size := len(t.waiting), len(e.m.Data)+waitingCost
	refused := e.want == wantSend && size > maxWaiting-t.bytes && waiting > 0
	if !refused {
		t.waiting = append(t.waiting, e)
		t.bytes += size
	}
	quit := t.quit
	idle := t.live == nil
	t.mu.Unlock()
	switch {
	case refused:
		t.say("not sent: %d messages wait for the connection already", waiting)
	case e.want == wantQuit && idle && quit != nil:
		quit()
	}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// receive returns the next message that was typed, or io.EOF after ^D.
func (t *console) receive(ctx context.Context) (core.Message, error) {
	for {
		if e, ok := t.next(); ok {
			switch e.want {
			case wantSend:
				return e.m, nil
			case wantEOF:
				return core.Message{}, io.EOF
			case wantQuit:
				t.endSession()
				return core.Message{}, io.EOF
			}
			t.again.Store(true)
			t.endSession()
			<-ctx.Done()
			return core.Message{}, context.Cause(ctx)
		}
		select {
		case <-t.wake:
		case <-ctx.Done():
			return core.Message{}, context.Cause(ctx)
		}
	}
}

// next takes the first in line. The end of input stays there.
func (t *console) next() (entered, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		return entered{}, false
	}
	e := t.waiting[0]
	if e.want != wantEOF {
		t.waiting[0] = entered{}
		t.waiting = t.waiting[1:]
		t.bytes -= len(e.m.Data) + waitingCost
	}
	return e, true
}

// ready reports whether receive does not wait.
func (t *console) ready() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting) > 0 && t.waiting[0].want == wantSend
}

// Write shows messages, above the prompt.
func (t *console) Write(p []byte) (int, error) { return printer{t.editor, t.messages}.Write(p) }

// say shows what was asked for, above the prompt.
func (t *console) say(text string, args ...any) {
	t.editor.Print(t.notes, format.AppendEscaped(nil, fmt.Appendf(nil, text+"\n", args...)))
}

// printer writes above a prompt.
type printer struct {
	editor *lineedit.Editor
	style  string
}

func (p printer) Write(text []byte) (int, error) {
	if err := p.editor.Print(p.style, text); err != nil {
		return 0, err
	}
	return len(text), nil
}
