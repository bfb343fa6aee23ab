package lineedit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// vt is a terminal: it wraps at the right margin, when the next character comes, and
// scrolls. What has scrolled off stays in rows.
type vt struct {
	columns, height int
	rows            [][]string // cells; "" is the right half of a wide character
	row, column     int
	pending         bool // the last column is written, and the next character wraps
	errors          []string
}

func newVT(columns, height int) *vt {
	return &vt{columns: columns, height: height, rows: [][]string{nil}}
}

func (v *vt) top() int { return max(len(v.rows)-v.height, 0) }

func (v *vt) Write(p []byte) (int, error) {
	for s := string(p); s != ""; {
		n := v.one(s)
		s = s[n:]
	}
	return len(p), nil
}

func (v *vt) one(s string) int {
	switch c := s[0]; {
	case c == '\r':
		v.column, v.pending = 0, false
		return 1
	case c == '\n':
		v.newline()
		return 1
	case c == 7:
		return 1
	case c == 0x1B:
		return v.sequence(s)
	case c < ' ' || c == 0x7F:
		v.errors = append(v.errors, fmt.Sprintf("control character %#x", c))
		return 1
	}
	r, n := utf8.DecodeRuneInString(s)
	width := 1
	switch {
	case 0x300 <= r && r <= 0x36F || r == 0xFE0F:
		v.combine(s[:n])
		return n
	case 0x1100 <= r && r <= 0x115F || 0x2E80 <= r && r <= 0xA4CF || 0xAC00 <= r && r <= 0xD7A3 || 0xFF00 <= r && r <= 0xFF60 || 0x1F300 <= r && r <= 0x1FAFF:
		width = 2
	case r < 0xA0 && r > 0x7F || 0x2028 <= r && r <= 0x202E:
		v.errors = append(v.errors, fmt.Sprintf("control character %U", r))
	}
	if v.pending || v.column+width > v.columns {
		v.column, v.pending = 0, false
		v.newline()
	}
	v.cell(v.column, s[:n])
	if width == 2 {
		v.cell(v.column+1, "")
	}
	if v.column += width; v.column >= v.columns {
		v.column, v.pending = v.columns-1, true
	}
	return n
}

func (v *vt) cell(column int, text string) {
	for len(v.rows[v.row]) <= column {
		v.rows[v.row] = append(v.rows[v.row], " ")
	}
	v.rows[v.row][column] = text
}

func (v *vt) combine(mark string) {
	column := v.column - 1
	if v.pending {
		column = v.column
	}
	row := v.rows[v.row]
	for column >= 0 && column < len(row) && row[column] == "" {
		column--
	}
	if column >= 0 && column < len(row) {
		row[column] += mark
	}
}

func (v *vt) newline() {
	v.pending = false
	if v.row++; v.row == len(v.rows) {
		v.rows = append(v.rows, nil)
	}
}

func (v *vt) sequence(s string) int {
	end := strings.IndexFunc(s, func(r rune) bool { return r >= '@' && r <= '~' && r != '[' })
	if end < 0 || s[1] != '[' {
		v.errors = append(v.errors, fmt.Sprintf("sequence %q", s))
		return len(s)
	}
	number, _ := strconv.Atoi(s[2:end])
	v.pending = v.pending && s[end] == 'm'
	switch s[end] {
	case 'm':
	case 'A':
		if v.row-number < v.top() {
			v.errors = append(v.errors, "up beyond the top")
		}
		v.row = max(v.row-max(number, 1), v.top())
	case 'B':
		v.row = min(v.row+max(number, 1), max(len(v.rows)-1, 0))
	case 'C':
		v.column = min(v.column+max(number, 1), v.columns-1)
	case 'H':
		v.row, v.column = v.top(), 0
	case 'K':
		v.rows[v.row] = v.rows[v.row][:min(v.column, len(v.rows[v.row]))]
	case 'J':
		if number == 2 {
			for i := v.top(); i < len(v.rows); i++ {
				v.rows[i] = nil
			}
			break
		}
		v.rows[v.row] = v.rows[v.row][:min(v.column, len(v.rows[v.row]))]
		for i := v.row + 1; i < len(v.rows); i++ {
			v.rows[i] = nil
		}
	default:
		v.errors = append(v.errors, fmt.Sprintf("sequence %q", s[:end+1]))
	}
	return end + 1
}

// lines are the rows, without blanks at their ends and empty ones at the end of all.
func (v *vt) lines() []string {
	var all []string
	for _, row := range v.rows {
		all = append(all, strings.TrimRight(strings.Join(row, ""), " "))
	}
	for len(all) > 0 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

func (v *vt) String() string {
	return fmt.Sprintf("%s\ncursor at row %d, column %d", strings.Join(v.lines(), "\n"), v.row, v.column)
}

func (v *vt) equal(o *vt) bool {
	return slices.Equal(v.lines(), o.lines()) && v.row == o.row && v.column == o.column && v.pending == o.pending
}
