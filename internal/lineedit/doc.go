// Package lineedit edits a line at the bottom of a terminal while other text is printed above it.
//
// An [Editor] knows neither files nor signals: it is fed what the keyboard sends, in any split, returns what the user
// has decided, and writes what brings the screen up to date:
//
//	e := lineedit.New(os.Stdout, lineedit.Options{Prompt: "> "})
//	e.Show()
//	for {
//		n, err := os.Stdin.Read(buf)
//		for _, event := range e.Feed(buf[:n]) {
//			…
//		}
//	}
//
// The terminal has to be in raw mode, to know the control sequences of a VT100 and to wrap at its right margin. Columns
// are counted by grapheme clusters: wide and combining characters take what they take. Nothing that was typed or pasted
// reaches the terminal as a control character.
package lineedit
