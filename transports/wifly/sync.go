package wifly

import (
	"bytes"
	"context"
	"regexp"
	"time"
)

// sync brings the module into command mode, whatever it was doing, and learns its
// prompt. Each round tries $$$ and then, in case that was no news to it, an empty
// line. An empty line goes second, since it would be payload on an open connection.
func (m *Module) sync(ctx context.Context, rounds int) error {
	return m.syncWithin(ctx, rounds, enterWait, promptWait)
}

// syncWithin is sync with a module that says CMD, or its prompt, within these times.
func (m *Module) syncWithin(ctx context.Context, rounds int, enter, prompt time.Duration) error {
	s := syncer{m: m, enterWait: enter, promptWait: prompt}
	for n := range rounds {
		came := len(s.seen)
		ok, err := s.round(ctx)
		if ok && err == nil {
			err = m.settle(ctx)
		}
		if err != nil {
			if !m.answered && ctx.Err() != nil && (s.inside != nil || s.enters()) {
				m.retreat()
			}
			return m.broken(err, "entering command mode", "")
		}
		if ok {
			m.answered = true
			return nil
		}
		// A boot may begin with noise.
		if n > 0 && isNoise(s.seen[min(came, len(s.seen)):]) {
			break
		}
	}
	err := s.failed()
	if s.inside != nil || !m.answered && rounds > 1 && countGarbage(s.seen) > 0 { // of CMD some may have been lost
		m.retreat()
	}
	return err
}

// retreatWait bounds what is done for a module that was given up on its way into command mode.
const retreatWait = 2 * time.Second

// enterLate is how long it takes at most until a module that was heard nothing of says CMD.
const enterLate = 600 * time.Millisecond

// enters reports whether a module that was given up between $$$ and its CMD says that still.
func (s *syncer) enters() bool {
	if !s.escaped {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), retreatWait)
	defer cancel()
	got, err := s.m.await(ctx, enterLate, enteredPattern.Match)
	s.hear(got, false)
	return err == nil && s.inside != nil
}

// retreat has a module that said CMD leave command mode, with the UART mode that it had.
func (m *Module) retreat() {
	if mode, ok := parseNumber(m.books.was(uartMode)); ok {
		ctx, cancel := context.WithTimeout(context.Background(), retreatWait)
		defer cancel()
		m.setMode(ctx, mode)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*retreatWait) // for all of its tries
	defer cancel()
	m.quit(ctx)
}

// A syncer is one sync.
type syncer struct {
	m       *Module
	seen    []byte // all that came
	inside  []byte // what came since it said CMD; nil: it has not
	escaped bool   // $$$ is the last thing that it was sent

	enterWait, promptWait time.Duration
}

var (
	// enteredPattern is the answer to $$$, as the last thing that came: a stream may have the same text in it.
	enteredPattern = regexp.MustCompile(`CMD\r?\n *$`)
	// insidePattern is what is said in command mode alone.
	insidePattern = regexp.MustCompile(`CMD\r?\n|ERR:`)
	// lastPrompt is a prompt that nothing follows.
	lastPrompt = regexp.MustCompile(`(?:^|[\r\n]) *<[^<>\r\n]{1,16}> *$`)
)

// hear takes what has come, as the answer to an empty line if asked, and reports whether
// there was a prompt in it. What is behind other text is only taken for one, or for the
// answer to $$$, where it is the last thing: the text may be of a stream.
func (s *syncer) hear(got []byte, asked bool) bool {
	s.seen = append(s.seen, got...)
	s.seen = s.seen[max(0, len(s.seen)-replyLimit):]
	if s.inside != nil {
		s.inside = append(s.inside, got...)
	} else if said := insidePattern.FindAllIndex(s.seen, -1); said != nil && (asked || enteredPattern.Match(s.seen) || lastPrompt.Match(s.seen)) {
		s.inside = append([]byte{}, s.seen[said[len(said)-1][0]:]...)
	} else {
		return false
	}
	return s.learn(s.inside)
}

// learn finds the module's prompt in b, and reports whether it is there.
func (s *syncer) learn(b []byte) bool {
	prompt := findPrompt(b, s.m.prompt)
	if prompt != "" {
		s.m.prompt = prompt
	}
	return prompt != ""
}

// round is one of sync. A module that has said CMD is in command mode: $$$ would be
// text, and an empty line is all that it is sent from then on.
func (s *syncer) round(ctx context.Context) (ok bool, err error) {
	m := s.m
	got, err := m.quiet(ctx, guard)
	if s.hear(got, false) || err != nil {
		return err == nil, err
	}
	if s.inside == nil {
		s.escaped = true
		m.books.setCommand(true) // soon, maybe
		if err := m.send(ctx, escapeChars); err != nil {
			return false, err
		}
		got, err := m.await(ctx, s.enterWait, enteredPattern.Match)
		if s.hear(got, false) || err != nil {
			return err == nil, err
		}
		if s.inside != nil {
			if err := m.settle(ctx); err != nil {
				return false, err
			}
		}
	}
	s.escaped = false
	if err := m.send(ctx, "\r"); err != nil {
		return false, err
	}
	wait := s.promptWait
	if s.inside != nil {
		wait = replyWait
	}
	got, err = m.await(ctx, wait, func(b []byte) bool { return findPrompt(b, m.prompt) != "" })
	if s.learn(got) || err != nil {
		return err == nil, err
	}
	s.hear(got, true)
	if s.inside != nil && len(got) > 0 && !isNoise(got) { // it has another text for its prompt
		return s.showPrompt(ctx)
	}
	m.books.setCommand(s.inside != nil)
	return false, nil
}

// showPrompt has a module whose prompt is replaced by a text show it again, and keeps
// its UART mode for restore. What it says ends by silence.
func (s *syncer) showPrompt(ctx context.Context) (bool, error) {
	m := s.m
	if err := m.send(ctx, "get uart\r"); err != nil {
		return false, err
	}
	wait := replyWait + m.line.duration(200)
	got, err := m.gather(ctx, nil, wait, wait, func(b []byte) bool { return parseSettings(m.reader("").text(wholeLines(b)))["mode"] != "" })
	if s.hear(got, true) || err != nil {
		return err == nil, err
	}
	mode := parseSettings(m.reader("").text(wholeLines(got)))["mode"]
	if _, ok := parseNumber(mode); !ok { // it could not be put back
		return false, m.settle(ctx)
	}
	m.books.begins(uartMode, mode)
	if err := m.settle(ctx); err != nil {
		return false, err
	}
	if err := m.send(ctx, "set uart mode 1\r"); err != nil {
		return false, err
	}
	m.books.accepted(uartMode, "1") // maybe
	got, err = m.await(ctx, promptWait, func(b []byte) bool { return findPrompt(b, m.prompt) != "" })
	return s.hear(got, true) && err == nil, err
}

// ownWords are in what a module says by itself, in no answer to anything.
var ownWords = append([][]byte{ready, []byte("Auto-Assoc "), []byte("Associated!"), []byte("Disconn"), []byte("DHCP"), []byte("Listen on")}, bootWords...)

// failed is the error for a module that has not come into command mode.
func (s *syncer) failed() *Error {
	const doing = "entering command mode"
	text := s.m.reader("").text(s.seen)
	switch {
	case s.m.answered: // what has come may be of a stream
		return fail(ErrHung, doing, "")
	case s.inside != nil:
		err := fail(ErrHung, doing, text)
		if countGarbage(s.inside) > 0 {
			err = fail(ErrReply, doing, text)
		}
		err.spoke = true
		return err
	case len(bytes.TrimSpace(s.seen)) == 0:
		return fail(ErrNoAnswer, doing, "")
	case isNoise(s.seen):
		return fail(ErrWrongBaud, doing, text)
	}
	for _, word := range ownWords {
		if bytes.Contains(s.seen, word) {
			err := fail(ErrNoAnswer, doing, text)
			err.spoke = true
			err.Hint = "it says something by itself: it hangs, or its escape character is another (comm $); cut its power for a second"
			return err
		}
	}
	return fail(ErrReply, doing, text)
}

// isNoise reports whether what has come is mostly no text.
func isNoise(b []byte) bool { return countGarbage(b)*5 > len(b) }

// countGarbage counts the bytes that no module prints.
func countGarbage(b []byte) (n int) {
	for _, c := range b {
		if c >= 0x7f || c < ' ' && c != '\r' && c != '\n' && c != '\t' {
			n++
		}
	}
	return n
}

// awaitBoot waits until a module that reboots says that it is up, and a moment more.
func (m *Module) awaitBoot(ctx context.Context) error {
	text := func(b []byte) string { return m.reader("reboot").text(wholeLines(b)) }
	got, err := m.await(ctx, bootWait, func(b []byte) bool { return bytes.Contains(b, ready) || isRefusal(text(b)) })
	switch {
	case err != nil:
		return err
	case bytes.Contains(got, ready):
	case isRefusal(text(got)):
		return fail(ErrReply, "reboot", text(got))
	default:
		return fail(ErrHung, "waiting for *READY* after a reboot", string(got))
	}
	return sleep(ctx, 100*time.Millisecond)
}
