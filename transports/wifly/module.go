package wifly

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Times of the dialogue with a module; to those that wait for an answer comes what the bytes take on the wire.
const (
	guard        = 350 * time.Millisecond // around $$$; the module asks for 250
	noiseLimit   = 2 * time.Second        // how long to wait for the line to become quiet
	enterWait    = 1500 * time.Millisecond
	promptWait   = time.Second
	replyWait    = 3 * time.Second         // of silence; 850 ms have been measured
	behindPrompt = 1500 * time.Millisecond // of silence
	replyMost    = 12 * time.Second        // for a reply with text in between that never ends
	slowReply    = time.Second             // a module that takes longer is told as slow, where time runs out
	settleWait   = 50 * time.Millisecond
	bootWait     = 10 * time.Second
	syncRounds   = 3
	replyLimit   = 64 << 10 // bytes of one reply
	escapeChars  = "$$$"
)

// usualRates are tried, in this order, when the baud rate is to be found.
var usualRates = []int{9600, 115200, 57600, 460800, 230400, 921600, 38400, 19200}

// Module is a module in command mode. It is for one goroutine at a time.
type Module struct {
	line   *line
	prompt string // "<4.41>"; "" if there is none yet
	trace  func(sent bool, text string)
	notice func(text string)
	heard  []byte // and not traced yet
	open   Opener // for another rate
	unlock func()
	books  *books // what is not as it was

	old      settings // as configure found them; nil before that
	opening  string   // what the module prints when a connection opens
	closing  string   // and when it ends; the mark twice
	server   bool     // what configure was for
	answered bool     // it has answered once
	again    bool     // the last command of ask was sent twice
	slow     bool     // its last answer took longer than slowReply
	said     []byte   // its last text, for what it says between replies
	booted   bool     // *READY* was in that
	opens    bool     // time was up after it was told to open a connection
	stands   status   // as it told last
	found    *Network // that Plan has found in the air, nil if it does not show there
}

// Baud returns the rate of the UART.
func (m *Module) Baud() int { return m.line.baud }

// Version returns the firmware's version as the prompt has it: "4.41".
func (m *Module) Version() string { return strings.Trim(m.prompt, "<>") }

// Command sends a command and returns the module's reply: its lines, without echo, prompt and empty lines. A refusal
// (ERR: …) is a reply like any other. Commands that go on after their prompt, such as join, are read until the line has
// been quiet for wait; 0 reads until the prompt.
func (m *Module) Command(ctx context.Context, command string, wait time.Duration) (string, error) {
	if strings.ContainsAny(command, "\r\n\x00") {
		return "", fmt.Errorf("command %q: a command is one line", command)
	}
	if value, ok := strings.CutPrefix(command, "set "+uartMode+" "); ok { // the prompt may be another behind it
		if mode, ok := parseNumber(value); ok {
			return "AOK", m.setMode(ctx, mode)
		}
	}
	text, rest, err := m.command(ctx, command, nil)
	if err == nil {
		err = notSaved(command, text)
	}
	if err != nil || wait == 0 {
		return text, err
	}
	more := rest
	for {
		n := len(more)
		if more, err = m.receive(ctx, more, wait); err != nil {
			return text, err
		}
		if len(more) == n || len(more) > replyLimit {
			break
		}
	}
	return strings.Trim(text+"\n"+m.reader(command).text(more), "\n"), nil
}

// reader returns what takes the reply to command apart.
func (m *Module) reader(command string) *reader {
	r := &reader{prompt: m.prompt, command: command, strings: []string{"*OPEN*", "*CLOS*"}}
	for _, s := range []string{m.opening, m.closing, m.old["open"], m.old["close"]} {
		if s != "" && s != "0" && (m.prompt == "" || !strings.HasPrefix(s, m.prompt)) { // one like the prompt can't be told from it
			r.strings = append(r.strings, s)
		}
	}
	return r
}

// command sends a command and reads until the prompt. complete, if not nil, must accept what comes before it, or the
// prompt is one of an earlier command. What came behind the prompt is returned too.
func (m *Module) command(ctx context.Context, command string, complete func(text string) bool) (text string, rest []byte, err error) {
	m.drop()
	if err := m.send(ctx, command+"\r"); err != nil {
		return "", nil, err
	}
	return m.reply(ctx, command, complete)
}

// reply reads the reply to a command that has been sent.
func (m *Module) reply(ctx context.Context, command string, complete func(text string) bool) (text string, rest []byte, err error) {
	r := m.reader(command)
	began := time.Now()
	wire := 2 * m.line.duration(len(command)+200)
	done := func(got []byte) bool {
		_, _, ok := r.answer(got, complete)
		return ok || bytes.Contains(got, ready)
	}
	prompted := func(got []byte) bool { parts, _ := r.split(got); return len(parts) > 0 }
	got, err := m.gather(ctx, nil, replyWait+wire, replyMost+wire, func(got []byte) bool { return done(got) || prompted(got) })
	if err == nil && !done(got) && prompted(got) { // of an earlier command, or the answer is garbled
		got, err = m.gather(ctx, got, behindPrompt+wire, replyMost+wire, done)
	}
	if err != nil {
		return "", nil, m.broken(err, command, r.text(got))
	}
	if text, rest, ok := r.answer(got, complete); ok {
		m.slow = time.Since(began)-wire > slowReply
		return text, rest, nil
	}
	if bytes.Contains(got, ready) {
		return "", nil, fail(ErrRebooted, Mask(command), r.text(got))
	}
	return "", nil, m.silent(Mask(command), got)
}

// gather reads on behind got until done accepts it, nothing has come for quiet, or
// most has passed. Running out of time is no error.
func (m *Module) gather(ctx context.Context, got []byte, quiet, most time.Duration, done func([]byte) bool) ([]byte, error) {
	for limit := time.Now().Add(most); !done(got) && len(got) < replyLimit; {
		n := len(got)
		var err error
		if got, err = m.receive(ctx, got, min(quiet, time.Until(limit))); err != nil || len(got) == n {
			return got, err
		}
	}
	return got, nil
}

// silent is the error for an answer that did not come, or not whole.
func (m *Module) silent(doing string, got []byte) error {
	switch {
	case len(bytes.TrimSpace(got)) > 0:
		return m.refused(doing, got)
	case m.answered:
		return fail(ErrHung, doing, "")
	}
	return fail(ErrNoAnswer, doing, "")
}

// refused is the error for an answer that says no, or nothing that is known.
func (m *Module) refused(doing string, got []byte) error {
	return fail(ErrReply, doing, m.reader("").text(got))
}

// broken is the error for a port that failed or a context that ended. If a module
// that is slow has used up the time, it is to blame.
func (m *Module) broken(err error, command, got string) error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return err
	case m.slow && errors.Is(err, context.DeadlineExceeded):
		late := fail(ErrLate, Mask(command), got)
		late.Err = err
		return late
	case got != "":
		return fmt.Errorf("%s: %w (the module said %q so far)", Mask(command), err, Excerpt(got))
	}
	return fmt.Errorf("%s: %w", Mask(command), err)
}

// send writes text in one piece.
func (m *Module) send(ctx context.Context, text string) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	limit := time.Now().Add(replyWait + 2*m.line.duration(len(text)))
	if d, ok := ctx.Deadline(); ok && d.Before(limit) {
		limit = d
	}
	stop := context.AfterFunc(ctx, func() { m.line.port.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	m.line.port.SetWriteDeadline(limit)
	m.traceHeard()
	if m.trace != nil {
		m.trace(true, Mask(text))
	}
	_, err := m.line.write([]byte(text))
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errTimeout):
		return fail(ErrHung, Mask(strings.TrimSpace(text)), "it takes no bytes")
	}
	return &Error{Kind: ErrUnplugged, Doing: "write", Err: err, Hint: hints[ErrUnplugged]}
}

// receive is line.receive, traced.
func (m *Module) receive(ctx context.Context, dst []byte, wait time.Duration) ([]byte, error) {
	n := len(dst)
	dst, err := m.line.receive(ctx, dst, max(wait, 0))
	m.hear(dst[n:])
	return dst, err
}

// hear keeps what the module says: for the trace, as secrets are found in whole
// lines, and for who looks for what comes between replies.
func (m *Module) hear(p []byte) {
	if m.trace != nil && len(m.heard) < replyLimit {
		m.heard = append(m.heard, p...)
	}
	from := max(0, len(m.said)-len(ready)+1)
	m.said = append(m.said, p...)
	m.booted = m.booted || bytes.Contains(m.said[from:], ready)
	if extra := len(m.said) - saidSize; extra > saidSize {
		m.said = append(m.said[:0], m.said[extra:]...)
	}
}

// saidSize is how much is kept of what the module has said, at least.
const saidSize = 4 << 10

func (m *Module) traceHeard() {
	if len(m.heard) > 0 {
		m.trace(false, Mask(string(m.heard)))
		m.heard = m.heard[:0]
	}
}

// drop forgets what has arrived.
func (m *Module) drop() {
	var block [512]byte
	for {
		n, _ := m.line.take(block[:])
		if n == 0 {
			return
		}
		m.hear(block[:n])
	}
}

var secrets = regexp.MustCompile(`(?i)(\bset[ \t]+(?:w\S*[ \t]+[pk]|a\S*[ \t]+p|o\S*[ \t]+p)\S*[ \t]+|\b(?:pass\w*|\w*phrase|key)=)[^\r\n]+`)

// Mask returns a dialogue with the module without passphrases and keys, be it in commands, in their echo or in replies.
// Group and parameter of a command may be cut to one letter.
func Mask(text string) string { return secrets.ReplaceAllString(text, "$1******") }

// set gives a setting a value; a refusal is an error.
func (m *Module) set(ctx context.Context, name, value string) error {
	command := "set " + name + " " + value
	text, err := m.ask(ctx, command, accepted)
	return m.wasSet(name, value, text, err)
}

// change is set for another value than the setting has; was is what restore gives it
// again, as set takes it, "" if that is not known.
func (m *Module) change(ctx context.Context, name, value, was string) error {
	if was == "" || !sameValue(name, was, value) {
		m.books.begins(name, was)
	}
	return m.set(ctx, name, value)
}

func accepted(text string) bool { return strings.Contains(text, "AOK") }

// wasSet is what came of a set command.
func (m *Module) wasSet(name, value, text string, err error) error {
	switch {
	case err != nil:
		return err
	case isRefusal(text):
		if !m.again { // else the first may have gone through
			m.books.refused(name)
		}
		return fail(ErrReply, Mask("set "+name+" "+value), text)
	}
	m.books.accepted(name, value)
	return nil
}

// get sends a query and reads the settings in the reply. Where keys of it are needed,
// a reply without them is one that was not whole.
func (m *Module) get(ctx context.Context, what string) (settings, error) {
	text, err := m.ask(ctx, "get "+what, func(text string) bool {
		s := parseSettings(text)
		for _, key := range needed[what] {
			if _, ok := s[key]; !ok {
				return false
			}
		}
		return len(s) > 0
	})
	return parseSettings(text), err
}

// ask is command, tried again after an empty line if the answer is lost: for
// commands that may be given twice. An answer that is only late will do.
func (m *Module) ask(ctx context.Context, command string, complete func(string) bool) (string, error) {
	m.again = false
	text, _, err := m.command(ctx, command, complete)
	if !errors.Is(err, ErrHung) && !errors.Is(err, ErrReply) {
		return text, err
	}
	m.again = true
	got, lineErr := m.enterLine(ctx)
	if lineErr != nil {
		return "", err
	}
	if text, _, ok := m.reader(command).answer(got, complete); ok && complete != nil {
		return text, nil
	}
	text, _, err = m.command(ctx, command, complete)
	return text, err
}

// askLine is ask for replies that are known by their lines, as where the prompt may be
// another text. It ends by told, a refusal or silence.
func (m *Module) askLine(ctx context.Context, command string, told func(text string) bool) (string, error) {
	r := m.reader(command)
	line := func(b []byte) string { return r.text(wholeLines(b)) }
	wait := replyWait + 2*m.line.duration(len(command)+200)
	var got []byte
	for n := range 2 {
		m.again = n > 0
		m.drop()
		if err := m.send(ctx, command+"\r"); err != nil {
			return "", err
		}
		var err error
		got, err = m.gather(ctx, nil, wait, wait, func(b []byte) bool { return told(line(b)) || isRefusal(line(b)) })
		if err != nil {
			return "", m.broken(err, command, r.text(got))
		}
		if told(line(got)) || isRefusal(line(got)) {
			return line(got), m.settle(ctx)
		}
	}
	return "", m.silent(Mask(command), got)
}

// setMode sets the mode of the UART, which may make the prompt another text at once.
func (m *Module) setMode(ctx context.Context, mode int64) error {
	value := strconv.FormatInt(mode, 10)
	text, err := m.askLine(ctx, "set uart mode "+value, accepted)
	return m.wasSet(uartMode, value, text, err)
}

// uartMode is the setting with which the echo, and the prompt's replacement, end.
const uartMode = "uart mode"

// enterLine sends an empty line, waits for the prompt that it brings and for silence,
// and returns what came. What is still on its way before that is not taken for the
// answer: it may begin in the middle of a prompt, which hides the next.
func (m *Module) enterLine(ctx context.Context) ([]byte, error) {
	late, err := m.quiet(ctx, settleWait+m.line.duration(4))
	if err != nil {
		return late, err
	}
	if err := m.send(ctx, "\r"); err != nil {
		return late, err
	}
	wait := replyWait + m.line.duration(100)
	got, err := m.gather(ctx, nil, wait, wait, func(b []byte) bool { return findPrompt(b, m.prompt) != "" })
	late = append(late, got...)
	if err != nil {
		return late, err
	}
	if findPrompt(got, m.prompt) == "" {
		return late, m.silent("asking for a prompt", got)
	}
	more, err := m.quiet(ctx, settleWait+m.line.duration(4))
	return append(late, more...), err
}

// await reads until done accepts what has come or wait, and the time that it
// takes on the wire, has passed. Running out of time is no error.
func (m *Module) await(ctx context.Context, wait time.Duration, done func([]byte) bool) ([]byte, error) {
	return m.readUntil(ctx, nil, wait+m.line.duration(100), done)
}

// readUntil is await on top of what came before.
func (m *Module) readUntil(ctx context.Context, got []byte, wait time.Duration, done func([]byte) bool) ([]byte, error) {
	return m.gather(ctx, got, wait, wait, done)
}

// settle drops what comes until the line has been quiet for a moment.
func (m *Module) settle(ctx context.Context) error {
	_, err := m.quiet(ctx, settleWait+m.line.duration(4))
	return err
}

// quiet reads until nothing has come for d, at most for noiseLimit.
func (m *Module) quiet(ctx context.Context, d time.Duration) ([]byte, error) {
	var got []byte
	for deadline := time.Now().Add(noiseLimit); time.Now().Before(deadline); {
		n := len(got)
		var err error
		if got, err = m.receive(ctx, got, d); err != nil {
			return got, err
		}
		if len(got) == n {
			break
		}
		if len(got) > replyLimit {
			got = got[len(got)-replyLimit/2:]
		}
	}
	return got, nil
}
