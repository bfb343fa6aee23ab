package wifly

import (
	"bytes"
	"context"
	"time"
)

// sync brings the module into command mode, whatever it was doing, and learns its
// prompt. Each round tries $$$ and then, in case that was no news to it, an empty
// line. An empty line goes second, since it would be payload on an open connection.
func (m *Module) sync(ctx context.Context, rounds int) error {
	var seen []byte
	for range rounds {
		got, err := m.quiet(ctx, guard)
		seen = append(seen, got...)
		if err != nil {
			return m.broken(err, "waiting for the line to be quiet", nil)
		}
		got, ok, err := m.enter(ctx)
		seen = append(seen, got...)
		if err != nil {
			return m.broken(err, "entering command mode", nil)
		}
		if ok {
			m.answered = true
			return m.settle(ctx)
		}
		seen = seen[max(0, len(seen)-replyLimit):]
	}
	const doing = "entering command mode"
	switch garbage := countGarbage(seen); {
	case len(seen) == 0 && m.answered:
		return fail(ErrHung, doing, "")
	case len(seen) == 0:
		return fail(ErrNoAnswer, doing, "")
	case garbage*5 > len(seen):
		return fail(ErrWrongBaud, doing, string(seen))
	}
	return fail(ErrReply, doing, string(seen))
}

// enter is one round of sync on a quiet line.
func (m *Module) enter(ctx context.Context) (seen []byte, ok bool, err error) {
	if err := m.send(ctx, escapeChars); err != nil {
		return nil, false, err
	}
	entered := func(b []byte) bool { return bytes.Contains(b, []byte("CMD\r\n")) }
	got, err := m.await(ctx, enterWait, entered)
	if err != nil {
		return got, false, err
	}
	seen = append(seen, got...)
	if entered(got) {
		// The guard time behind $$$ is over, or there were no CMD.
		err = m.settle(ctx)
		if err != nil {
			return seen, false, err
		}
	}
	for _, line := range []string{"\r", "set uart mode 1\r"} { // a prompt may have been replaced by another text
		if err := m.send(ctx, line); err != nil {
			return seen, false, err
		}
		got, err = m.await(ctx, promptWait, func(b []byte) bool { return findPrompt(b) != "" })
		seen = append(seen, got...)
		if err != nil {
			return seen, false, err
		}
		if m.prompt = findPrompt(got); m.prompt != "" {
			return seen, true, nil
		}
		if !entered(seen) && !bytes.Contains(got, []byte("ERR:")) {
			break
		}
	}
	return seen, false, nil
}

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
	got, err := m.await(ctx, bootWait, func(b []byte) bool { return bytes.Contains(b, ready) })
	if err != nil {
		return err
	}
	if !bytes.Contains(got, ready) {
		return fail(ErrHung, "waiting for *READY* after a reboot", string(got))
	}
	return sleep(ctx, 100*time.Millisecond)
}
