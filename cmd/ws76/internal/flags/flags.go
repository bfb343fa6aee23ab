// Package flags has the values that flags of many commands take: words, sizes, times. Each checks what it is given and says
// what it wants; usage texts and completion take the words from it.
package flags

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// Repeatable reports whether a flag may be given many times, each with one value more.
func Repeatable(f cli.Flag) bool {
	if g, ok := f.(*cli.GenericFlag); ok {
		w, ok := g.Value.(*words)
		return ok && w.many
	}
	_, ok := f.(*cli.StringSliceFlag)
	return ok
}

// words is a value, or many, that must be one of a few words; the hyphens in them may be left out.
type words struct {
	allowed []string
	value   []string
	many    bool
}

// Word makes of f a flag that takes one of a few words, def without it. They stand in f's usage text in place of %s, as they are
// given: the word itself is what stands first in "close the connection" and in "auto (unless NO_COLOR is set)". Read it with
// Context.String.
func Word[S ~string](f cli.GenericFlag, def S, allowed ...S) *cli.GenericFlag {
	newWords(&f, allowed).value = []string{string(def)}
	return &f
}

// Words makes of f a flag that takes words and may be repeated; none without it. Read it with Chosen.
func Words[S ~string](f cli.GenericFlag, allowed ...S) *cli.GenericFlag {
	newWords(&f, allowed).many = true
	return &f
}

func newWords[S ~string](f *cli.GenericFlag, allowed []S) *words {
	w := &words{}
	texts := make([]string, len(allowed))
	for i, text := range allowed {
		texts[i] = string(text)
		name, _, _ := strings.Cut(texts[i], " ")
		w.allowed = append(w.allowed, strings.TrimSuffix(name, ","))
	}
	f.Value, f.Usage = w, strings.Replace(f.Usage, "%s", OrList(texts), 1)
	return w
}

// Chosen returns what a flag made by Words was given, in that order.
func Chosen(c *cli.Context, name string) []string { return c.Generic(name).(*words).value }

// Set takes a word, or several with commas between them where the flag may be repeated.
func (w *words) Set(text string) error {
	values := []string{text}
	if w.many {
		values = strings.Split(text, ",")
	}
	for i, value := range values {
		known, ok := w.find(value)
		if !ok {
			return errors.New("want one of " + strings.Join(w.allowed, ", "))
		}
		values[i] = known
	}
	if !w.many {
		w.value = nil
	}
	w.value = append(w.value, values...)
	return nil
}

func (w *words) find(value string) (string, bool) {
	for _, known := range w.allowed {
		if value == known || value == strings.ReplaceAll(known, "-", "") {
			return known, true
		}
	}
	return "", false
}

func (w *words) String() string { return strings.Join(w.value, ",") }

// Words are those that completion offers.
func (w *words) Words() []string { return w.allowed }

// Repeatable reports whether each use of the flag adds to the others.
func (w *words) Repeatable() bool { return w.many }

// OrList writes "5", "5 or 6", "5, 6 or 8".
func OrList(list []string) string {
	last := len(list) - 1
	if last < 1 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:last], ", ") + " or " + list[last]
}

// size is a value in bytes: 4096, 64KiB, 16MiB, 1GB.
type size int64

var units = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
	{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1}, {"", 1},
}

// Size makes of f a flag that takes a number of bytes, def without it. Read it with Bytes.
func Size(f cli.GenericFlag, def int64) *cli.GenericFlag {
	f.Value = (*size)(&def)
	return &f
}

// Bytes returns the value of a flag made by Size: 1 or more, unless the default is less.
func Bytes(c *cli.Context, name string) int64 { return int64(*c.Generic(name).(*size)) }

func (s *size) Set(text string) error {
	for _, unit := range units {
		digits, ok := strings.CutSuffix(strings.ToUpper(text), strings.ToUpper(unit.name))
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 1 || n > math.MaxInt64/unit.bytes {
			break
		}
		*s = size(n * unit.bytes)
		return nil
	}
	return errors.New("want bytes, or a number with KiB, MiB or GiB")
}

func (s *size) String() string { return FormatBytes(int64(*s)) }

// FormatBytes writes n as a flag made by Size takes it, in the largest unit that leaves no rest.
func FormatBytes(n int64) string {
	for _, i := range []int{2, 1, 0} {
		if unit := units[i]; n != 0 && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// span is a time.
type span struct {
	time.Duration
	zero bool // 0 is a value
}

// Time makes of f a flag that takes a time like 500ms, or seconds like 5, def without it; none
// takes less than 0. It takes 0 where that is the default, or where the usage text says what 0
// means, like "(0: never)". Read it with Context.Duration.
func Time(f cli.GenericFlag, def time.Duration) *cli.GenericFlag {
	f.Value = &span{def, def == 0 || strings.Contains(f.Usage, "(0: ")}
	return &f
}

func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		d, err = time.ParseDuration(text + "s")
	}
	switch {
	case err != nil:
		return errors.New("want a time like 500ms, 5s or 2m, or seconds")
	case d < 0 && s.zero:
		return errors.New("want 0 or more")
	case d < 0, d == 0 && !s.zero:
		return errors.New("want more than 0")
	}
	s.Duration = d
	return nil
}

// Bound returns the value of a flag made by Time for which 0 is no bound: below 0 then, as core has it.
func Bound(c *cli.Context, name string) time.Duration {
	if d := c.Duration(name); d > 0 {
		return d
	}
	return -1
}

// Get is what Context.Value returns.
func (s *span) Get() any { return s.Duration }
