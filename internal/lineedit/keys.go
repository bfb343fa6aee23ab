package lineedit

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// action is what a key stands for.
type action uint8

const (
	none   action = iota
	insert        // key.text
	paste         // key.text, a bracketed paste
	pasteTooLong
	enter
	tab
	backspace
	deleteNext
	deleteOrEnd // ^D
	left
	right
	wordLeft
	wordRight
	home
	end
	up
	down
	killToEnd
	killToStart
	killWord
	killNextWord
	yank
	clear
	quote // the next key as it is
	interrupt
	suspend
	quit
)

type key struct {
	action action
	text   string
}

var controls = [' ']action{
	1: home, 2: left, 3: interrupt, 4: deleteOrEnd, 5: end, 6: right, 8: backspace, 9: tab, 10: enter, 11: killToEnd,
	12: clear, 13: enter, 14: down, 16: up, 21: killToStart, 22: quote, 23: killWord, 25: yank, 26: suspend, 28: quit,
}

// sequences are control sequences without what introduces them, ESC [ or ESC O.
var sequences = map[string]action{
	"A": up, "B": down, "C": right, "D": left, "H": home, "F": end,
	"1~": home, "7~": home, "4~": end, "8~": end, "3~": deleteNext, "3;5~": killNextWord, "3;3~": killNextWord,
	"1;5C": wordRight, "1;5D": wordLeft, "1;3C": wordRight, "1;3D": wordLeft, "5C": wordRight, "5D": wordLeft,
}

// alts are the keys behind ESC, which is what Alt sends.
var alts = map[byte]action{'b': wordLeft, 'f': wordRight, 'd': killNextWord, 0x7F: killWord, 8: killWord}

const (
	escape     = 0x1B
	pasteBegin = "200~"
	pasteEnd   = "\x1b[201~"
	// maxSequence bounds a control sequence; what is longer is none.
	maxSequence = 32
)

// keyboard makes keys of bytes. What is incomplete waits for the next ones.
type keyboard struct {
	maxPaste int

	rest    []byte // of a sequence or character that is not whole
	pasting bool
	pasted  []byte
	tooLong bool
	afterCR bool
	quoted  bool
}

// feed appends to keys what p completes.
func (k *keyboard) feed(keys []key, p []byte) []key {
	p = append(k.rest, p...)
	k.rest = nil
	for len(p) > 0 {
		if k.pasting {
			n, key := k.paste(p)
			if key.action != none {
				keys = append(keys, key)
			}
			if n == 0 {
				break
			}
			p = p[n:]
			continue
		}
		n, key := k.next(p)
		if n == 0 {
			break
		}
		p = p[n:]
		switch last := len(keys) - 1; {
		case key.action == none:
		case key.action == insert && last >= 0 && keys[last].action == insert:
			keys[last].text += key.text
		default:
			keys = append(keys, key)
		}
	}
	k.rest = bytes.Clone(p)
	return keys
}

// next takes one key off p; n is 0 where it is not whole.
func (k *keyboard) next(p []byte) (n int, _ key) {
	c := p[0]
	afterCR := k.afterCR
	k.afterCR = false
	switch {
	case k.quoted && c < utf8.RuneSelf:
		k.quoted = false
		return 1, key{insert, string(rune(c))}
	case c == escape:
		return k.sequence(p)
	case c == '\n' && afterCR:
		return 1, key{}
	case c < ' ':
		k.afterCR = c == '\r'
		k.quoted = controls[c] == quote
		if k.quoted {
			return 1, key{}
		}
		return 1, key{action: controls[c]}
	case c == 0x7F:
		return 1, key{action: backspace}
	case !utf8.FullRune(p):
		return 0, key{}
	}
	k.quoted = false
	r, n := utf8.DecodeRune(p)
	return n, key{insert, string(r)} // U+FFFD is what shows that the keyboard sends no UTF-8
}

// sequence takes a control sequence off p, which begins with ESC. One that is not known is no key.
func (k *keyboard) sequence(p []byte) (n int, _ key) {
	if len(p) < 2 {
		return 0, key{}
	}
	if p[1] != '[' && p[1] != 'O' {
		if a, ok := alts[p[1]]; ok || p[1] >= ' ' && p[1] < utf8.RuneSelf {
			return 2, key{action: a}
		}
		return 1, key{} // ESC alone, and then another key
	}
	for i, c := range p[2:] {
		switch {
		case c >= 0x40 && c <= 0x7E:
			text := string(p[2 : i+2+1])
			if text == pasteBegin {
				k.pasting = true
			}
			return i + 3, key{action: sequences[text]}
		case c < 0x20 || c > 0x7E || i > maxSequence:
			return i + 2, key{}
		}
	}
	return 0, key{}
}

// paste takes of p what belongs to a paste, all of it but what may be the beginning of its end.
func (k *keyboard) paste(p []byte) (n int, _ key) {
	i := bytes.Index(p, []byte(pasteEnd))
	if i < 0 {
		n = len(p)
		for keep := min(len(pasteEnd)-1, n); keep > 0; keep-- {
			if bytes.HasSuffix(p, []byte(pasteEnd[:keep])) {
				n -= keep
				break
			}
		}
		k.keep(p[:n])
		return n, key{}
	}
	k.keep(p[:i])
	pasted, tooLong := k.pasted, k.tooLong
	k.pasting, k.pasted, k.tooLong = false, nil, false
	if tooLong {
		return i + len(pasteEnd), key{action: pasteTooLong}
	}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(pasted))
	return i + len(pasteEnd), key{paste, strings.ToValidUTF8(text, "\uFFFD")}
}

func (k *keyboard) keep(p []byte) {
	if k.tooLong = k.tooLong || len(p) > k.maxPaste-len(k.pasted); k.tooLong {
		k.pasted = nil
		return
	}
	k.pasted = append(k.pasted, p...)
}
