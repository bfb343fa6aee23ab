package hub

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// MaxName is how long the name of a channel may be, in bytes.
const MaxName = 128

// NameError says why a channel cannot have a name.
type NameError struct {
	Name   string // at most the first MaxName bytes
	Reason string
}

func (e *NameError) Error() string { return fmt.Sprintf("channel name %q: %s", e.Name, e.Reason) }

// CheckName returns a *NameError for what is no name of a channel. A name is up to
// MaxName bytes of letters, digits and - _ . ~ : @ + and is neither "." nor "..".
func CheckName(name string) error {
	switch {
	case name == "":
		return &NameError{name, "it is empty"}
	case len(name) > MaxName:
		return &NameError{name[:MaxName], fmt.Sprintf("%d bytes, at most %d are taken", len(name), MaxName)}
	case name == ".", name == "..":
		return &NameError{name, "that is a folder"}
	}
	for i, r := range name {
		if r < utf8.RuneSelf && plain[r] {
			continue
		}
		if _, size := utf8.DecodeRuneInString(name[i:]); r == utf8.RuneError && size == 1 {
			return &NameError{name, fmt.Sprintf("byte %d is not UTF-8", i)}
		}
		if r < utf8.RuneSelf || !unicode.In(r, unicode.L, unicode.M, unicode.Nd) {
			return &NameError{name, fmt.Sprintf("%q at byte %d; letters, digits and -_.~:@+ are taken", r, i)}
		}
	}
	return nil
}

var plain = func() (set [utf8.RuneSelf]bool) {
	for _, r := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~:@+" {
		set[r] = true
	}
	return set
}()
