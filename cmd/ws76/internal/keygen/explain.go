package keygen

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
)

// explainChallenge shows how the answer comes about: each key, the bytes that are
// hashed, their hash. The error is for bad keys.
func (k *keygen) explainChallenge(c *hixie.Challenge) error {
	err := both(k.explainKey(keyFields[0], c.Key1), k.explainKey(keyFields[1], c.Key2))
	text := ""
	if printable(c.Key3[:]) {
		text = fmt.Sprintf(", text %s", c.Key3)
	}
	fmt.Fprintf(k.out, "Key3: hex %x%s\n", c.Key3, text)

	part1, err1 := hixie.ParseKeyLenient(c.Key1)
	part2, err2 := hixie.ParseKeyLenient(c.Key2)
	if err1 != nil || err2 != nil {
		fmt.Fprintln(k.out, "Answer: none")
		return badChallenge(err)
	}
	fmt.Fprintf(k.out, "MD5 of 16 bytes:\n")
	fmt.Fprintf(k.out, "  %08x          %d, big-endian\n", part1, part1)
	fmt.Fprintf(k.out, "  %08x          %d, big-endian\n", part2, part2)
	fmt.Fprintf(k.out, "  %x  key3\n", c.Key3)
	answer := hixie.Answer(part1, part2, c.Key3)
	if err != nil {
		fmt.Fprintf(k.out, "Answer: none by the draft; lenient servers answer hex %x\n", answer)
		return badChallenge(err)
	}
	k.writeAnswer(answer)
	return nil
}

// explainKey shows what a server reads out of a key, and what may be the cause
// if it is bad. The error is the *hixie.KeyError, with the field's name.
func (k *keygen) explainKey(field string, key []byte) error {
	parsed, err := hixie.ParseKey(key)
	digits, spaces := digitsOf(key), strings.Count(string(key), " ")
	fmt.Fprintf(k.out, "%s: %q\n", field, key)
	fmt.Fprintf(k.out, "  digits   %s\n", orNone(digits))
	fmt.Fprintf(k.out, "  spaces   %d\n", spaces)
	if err == nil {
		fmt.Fprintf(k.out, "  division %d / %d = %d\n", parsed.Number, parsed.Spaces, parsed.Part())
		return nil
	}
	if number, ok := numberOf(digits); ok && spaces > 0 {
		fmt.Fprintf(k.out, "  division %d / %d = %d, remainder %d\n", number, spaces, number/uint64(spaces), number%uint64(spaces))
	}
	var bad *hixie.KeyError
	if errors.As(err, &bad) {
		fmt.Fprintf(k.out, "  bad      %s\n", reason(bad))
		for _, cause := range likelyCauses(bad) {
			fmt.Fprintf(k.out, "  cause    %s\n", cause)
		}
	}
	if part, lenient := hixie.ParseKeyLenient(key); lenient == nil {
		fmt.Fprintf(k.out, "  lenient  servers that do not check take %d\n", part)
	}
	return fmt.Errorf("%s: %w", field, err)
}

// reason says in a few words what is wrong with a key whose digits, spaces and division were shown.
func reason(bad *hixie.KeyError) string {
	switch bad.Err {
	case hixie.ErrNoDigits:
		return "there is no number to divide"
	case hixie.ErrNoSpaces:
		return "there is no space to divide by"
	case hixie.ErrKeyTooLarge:
		return "the number is above 4294967295, the largest a client may send"
	}
	return "the number is no multiple of the spaces"
}

// likelyCauses says how a key may have come to be bad, the likeliest first.
func likelyCauses(bad *hixie.KeyError) (causes []string) {
	key := bad.Key
	number, fits := numberOf(bad.Digits)
	fits = fits && number <= math.MaxUint32 && number > 0
	divides := func(spaces int) bool {
		return fits && spaces > 0 && spaces <= 12 && number%uint64(spaces) == 0
	}

	if rfc6455.ValidKey(key) {
		causes = append(causes, "this is a Sec-WebSocket-Key of RFC 6455: the client speaks that protocol; --rfc6455 answers it")
	}
	if n := strings.Count(key, "\t"); n > 0 {
		cause := "there is a tab, and only U+0020 counts"
		if divides(bad.Spaces + n) {
			cause += fmt.Sprintf("; with %s for it the number divides: a proxy or editor made tabs of spaces", plural(n, "space"))
		}
		causes = append(causes, cause)
	}
	if n := strings.Count(key, "%20") + strings.Count(key, "+"); bad.Spaces == 0 && n > 0 {
		causes = append(causes, "there is a %20 or +: spaces may have been encoded as in a URL")
	}
	if strings.Contains(key, "\u00a0") {
		causes = append(causes, "there is a no-break space (U+00A0), and only U+0020 counts")
	}

	switch {
	case bad.Err == hixie.ErrKeyTooLarge:
		return append(causes, "the client multiplies number and spaces without the limit of step 17 (number at most 4294967295 / spaces)")
	case len(causes) > 0:
		return causes
	case bad.Err == hixie.ErrNoSpaces:
		return []string{"the draft calls this the symptom of a cross-protocol attack: what made the field is no client of draft 76, perhaps one of RFC 6455; or spaces were removed on the way"}
	case bad.Err == hixie.ErrNoDigits:
		return []string{"what made the field is no client of draft 76"}
	}
	return []string{remainderCause(bad, divides)}
}

// remainderCause looks for the count of spaces that the client meant.
func remainderCause(bad *hixie.KeyError, divides func(spaces int) bool) string {
	ends := len(bad.Key) - len(strings.Trim(bad.Key, " "))
	if ends > 0 && divides(bad.Spaces-ends) {
		return fmt.Sprintf("without the %s at the start or end, where the draft has none, the number divides: the client or a proxy added them", plural(ends, "space"))
	}
	var more []string
	for spaces := bad.Spaces + 1; spaces <= 12; spaces++ {
		if divides(spaces) {
			more = append(more, strconv.Itoa(spaces))
		}
	}
	if len(more) > 0 {
		return fmt.Sprintf("with %s spaces the number divides: a proxy probably collapsed spaces that stood together", flags.OrList(more))
	}
	return "no count of spaces that the draft allows fits: the client makes wrong keys, or the digits were changed"
}

// likelyMistake names the mistake in computing an answer that gives got, "" if none of the usual ones does.
func likelyMistake(c *hixie.Challenge, got [16]byte) string {
	key1, err1 := hixie.ParseKey(c.Key1)
	key2, err2 := hixie.ParseKey(c.Key2)
	if err1 != nil || err2 != nil {
		return ""
	}
	part1, part2 := key1.Part(), key2.Part()
	var reversed [8]byte
	for i, b := range c.Key3 {
		reversed[7-i] = b
	}
	for _, try := range []struct {
		answer  [16]byte
		mistake string
	}{
		{hixie.Answer(bits.ReverseBytes32(part1), bits.ReverseBytes32(part2), c.Key3), "the numbers were hashed little-endian, not big-endian"},
		{hixie.Answer(part2, part1, c.Key3), "key1 and key2 are swapped"},
		{hixie.Answer(key1.Number, key2.Number, c.Key3), "the numbers were not divided by the spaces"},
		{hixie.Answer(part1, part2, [8]byte{}), "key3 is all zero: the 8 bytes after the head were not read"},
		{hixie.Answer(part1, part2, reversed), "key3 is in reverse order"},
	} {
		if got == try.answer {
			return try.mistake
		}
	}
	return ""
}

func digitsOf(key []byte) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, string(key))
}

// numberOf reads digits; ok is false for none and for a number above 64 bits.
func numberOf(digits string) (number uint64, ok bool) {
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, err == nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
