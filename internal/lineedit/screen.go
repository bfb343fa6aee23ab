package lineedit

import "strconv"

const resetStyle = "\x1b[m"

// screen is what of prompt and line is on the terminal.
type screen struct {
	widths  []int // of the characters, in columns
	cursor  int   // index of the one that the cursor is on
	columns int   // when it was drawn
	row     int   // of the cursor, from the first that was drawn
}

// place is a cell of the screen, relative to the first that is drawn.
type place struct{ row, column int }

// layout returns where characters of these widths begin when the terminal wraps
// them, and behind the last one where the next would.
func layout(widths []int, columns int) []place {
	at := make([]place, 0, len(widths)+1)
	p := place{}
	for _, w := range widths {
		if p.column+w > columns && p.column > 0 {
			p = place{row: p.row + 1}
		}
		at = append(at, p)
		p.column += w
	}
	if p.column >= columns {
		p = place{row: p.row + 1}
	}
	return append(at, p)
}

type size struct{ columns, rows int }

func (e *Editor) size() size {
	var s size
	if e.o.Size != nil {
		s.columns, s.rows = e.o.Size()
	}
	if s.columns <= 0 {
		s.columns = 80
	}
	if s.rows <= 0 {
		s.rows = 24
	}
	return s
}

// home appends what brings the cursor to where the line begins. A terminal that has
// become narrower or wider since has wrapped the line anew, as most do.
func (s *screen) home(b []byte, now size) []byte {
	row := s.row
	if s.columns != 0 && s.columns != now.columns {
		p := layout(s.widths, now.columns)[s.cursor]
		if row = p.row; s.cursor == len(s.widths) && p.column == 0 && row > 0 {
			row-- // behind the last character in the last column: it has not wrapped
		}
	}
	return moveUp(append(b, '\r'), min(row, now.rows-1))
}

// erase appends what takes the line off the screen, from where it begins.
func (s *screen) erase(b []byte, now size) []byte {
	b = append(b, "\x1b[K"...)
	if p := layout(s.widths, now.columns); p[len(s.widths)].row > 0 {
		// Not ESC [ J alone: in the upper left corner it makes some terminals keep what it erases for scrolling back.
		b = append(b, "\x1b[B\x1b[J\x1b[A"...)
	}
	*s = screen{}
	return b
}

func moveUp(b []byte, n int) []byte    { return move(b, n, 'A') }
func moveRight(b []byte, n int) []byte { return move(b, n, 'C') }

func move(b []byte, n int, direction byte) []byte {
	if n <= 0 {
		return b
	}
	return append(strconv.AppendInt(append(b, "\x1b["...), int64(n), 10), direction)
}

// update writes what above appends, above the line, and the line as it is now.
func (e *Editor) update(above func([]byte) []byte) error {
	if !e.visible {
		return nil
	}
	now := e.size()
	// What is longer than the screen is shown in part.
	columns := max(now.columns, 2) // a wide character fits
	b := e.screen.home(e.buf[:0], now)
	if above != nil {
		start := len(b)
		if b = above(b); len(b) > start {
			// The line goes before what is above it comes.
			b = append(b[:start], append(e.screen.erase(nil, now), b[start:]...)...)
		}
	}
	b = e.draw(b, columns, max(now.rows-1, 1))
	e.screen.columns = now.columns
	e.buf = b
	if cap(e.buf) > 64<<10 {
		e.buf = nil
	}
	_, err := e.w.Write(b)
	return err
}

// draw appends prompt and line, from the left margin on.
func (e *Editor) draw(b []byte, columns, rows int) []byte {
	var shown []string
	var widths []int
	for _, c := range characters(e.o.Prompt) {
		shown, widths = append(shown, c.shown), append(widths, c.width)
	}
	prompt, cursor := len(shown), -1
	for i, c := range characters(e.line) {
		if cursor < 0 && i >= e.cursor {
			cursor = len(shown)
		}
		if c.width == len(c.shown) { // ASCII, of which ^X may wrap in the middle
			for i := range c.shown {
				shown, widths = append(shown, c.shown[i:i+1]), append(widths, 1)
			}
			continue
		}
		shown, widths = append(shown, c.shown), append(widths, c.width)
	}
	if cursor < 0 {
		cursor = len(shown)
	}
	at := layout(widths, columns)
	// The part that is drawn: all, or the rows around the cursor.
	from, to := 0, len(shown)
	first := 0
	if last := at[to].row; last >= rows {
		first = min(max(at[cursor].row-rows/2, 0), last-rows+1)
		for at[from].row < first {
			from++
		}
		for to = from; to < len(shown) && at[to].row < first+rows; {
			to++
		}
		b = append(b, "\x1b[J"...)
	}
	row := first
	if from < prompt && e.o.PromptStyle != "" {
		b = append(b, e.o.PromptStyle...)
	}
	for i := from; i < to; i++ {
		if at[i].row > row {
			row = at[i].row
			if before := at[i-1]; i > from && before.column+widths[i-1] < columns {
				b = append(b, "\x1b[K"...) // the column that a wide character left free
			}
		}
		b = append(b, shown[i]...)
		if i == prompt-1 && e.o.PromptStyle != "" {
			b = append(b, resetStyle...)
		}
	}
	drawn := append([]int(nil), widths[from:to]...)
	if to == len(shown) {
		if at[to].row > row {
			row = at[to].row
			b = append(b, " \r"...) // makes the terminal wrap now
			drawn = append(drawn, 1)
		}
		b = append(b, "\x1b[J"...)
	}
	b = moveUp(append(b, '\r'), row-at[cursor].row)
	b = moveRight(b, at[cursor].column)
	e.screen = screen{widths: drawn, cursor: cursor - from, row: at[cursor].row - first}
	return b
}
