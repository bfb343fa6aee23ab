package hixie

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// What can be wrong with a key, wrapped in a *KeyError.
var (
	ErrNoDigits    = errors.New("no digits")
	ErrNoSpaces    = errors.New("no spaces")
	ErrRemainder   = errors.New("number is no multiple of the spaces")
	ErrKeyTooLarge = errors.New("number is above 4294967295")
)

// A KeyError reports the value of a Sec-WebSocket-Key1 or -Key2 field that no client of the draft can have sent.
type KeyError struct {
	Key    string // as it was sent
	Digits string // its digits in order, the others left out
	Spaces int    // how many U+0020 it has
	Err    error  // ErrNoDigits, ErrNoSpaces, ErrRemainder or ErrKeyTooLarge
}

// Error quotes the key and says what is wrong with it.
func (e *KeyError) Error() string {
	key := "key " + quote(e.Key)
	switch e.Err {
	case ErrNoDigits:
		return key + " has no digits"
	case ErrNoSpaces:
		return key + " has no spaces to divide by"
	case ErrRemainder:
		return fmt.Sprintf("%s: its digits %s are no multiple of its %d spaces", key, cut(e.Digits), e.Spaces)
	case ErrKeyTooLarge:
		return fmt.Sprintf("%s: its digits %s make a number above 4294967295", key, cut(e.Digits))
	}
	return fmt.Sprintf("%s: %v", key, e.Err)
}

// Unwrap returns e.Err.
func (e *KeyError) Unwrap() error { return e.Err }

// A Key is what section 5.2 reads out of a key field.
type Key struct {
	Number uint32 // /key-number_n/: the digits as one decimal number
	Spaces uint32 // /spaces_n/
}

// Part returns /part_n/, the number divided by the spaces: what goes into the challenge. It is 0 for the zero Key.
func (k Key) Part() uint32 {
	if k.Spaces == 0 {
		return 0
	}
	return k.Number / k.Spaces
}

// ParseKey reads the value of a Sec-WebSocket-Key1 or -Key2 field as section
// 5.2 steps 4 to 6 say. Any failure is a *KeyError. It allocates only then.
func ParseKey[T string | []byte](key T) (Key, error) {
	number, digits, spaces := scanKey(key)
	switch {
	// Section 5.2 says nothing of missing digits and large numbers, which no client can send
	// (4.1 17 and 19): to refuse them is ours.
	case digits == 0:
		return Key{}, newKeyError(string(key), spaces, ErrNoDigits)
	// 5. "If either is zero, then abort the WebSocket connection. This is a
	//    symptom of a cross-protocol attack."
	case spaces == 0:
		return Key{}, newKeyError(string(key), spaces, ErrNoSpaces)
	case number > math.MaxUint32:
		return Key{}, newKeyError(string(key), spaces, ErrKeyTooLarge)
	// 6. The number must be an integral multiple of the spaces.
	case uint32(number)%uint32(spaces) != 0:
		return Key{}, newKeyError(string(key), spaces, ErrRemainder)
	}
	return Key{uint32(number), uint32(spaces)}, nil
}

// ParseKeyLenient returns the part of a key as servers that are not strict compute it: the number may exceed 32 bits
// and a remainder is dropped. It still refuses, with a *KeyError, a key without digits, without spaces or with a part
// above 32 bits.
func ParseKeyLenient[T string | []byte](key T) (part uint32, err error) {
	number, digits, spaces := scanKey(key)
	switch {
	case digits == 0:
		return 0, newKeyError(string(key), spaces, ErrNoDigits)
	case spaces == 0:
		return 0, newKeyError(string(key), spaces, ErrNoSpaces)
	case number >= saturated || number/uint64(spaces) > math.MaxUint32:
		return 0, newKeyError(string(key), spaces, ErrKeyTooLarge)
	}
	return uint32(number / uint64(spaces)), nil
}

// saturated is what scanKey returns at least for a number that is too large for
// any count of spaces that fits into a head.
const saturated = 1e17

// scanKey reads the digits of key as one number and counts digits and spaces.
func scanKey[T string | []byte](key T) (number uint64, digits, spaces int) {
	// 4. /key-number_n/ is the digits of the key, "interpreted as a base ten
	//    integer, ignoring all other characters".
	// 5. /spaces_n/ is the number of its U+0020 SPACE characters.
	//
	// What a character is cannot be predicted, so each condition is one that
	// compiles to a conditional move: half the time for keys never seen before.
	var counts uint64
	for i := range len(key) {
		c := key[i]
		next := number*10 + uint64(c-'0')
		if c-'0' <= 9 {
			number = next
		}
		counts += counted[c]
	}
	digits, spaces = int(counts>>32), int(uint32(counts))
	if digits > 18 { // number may have wrapped around
		number = scanLongNumber(key)
	}
	return number, digits, spaces
}

// counted has 1 in its upper half for a digit and in its lower half for a space.
var counted = func() (t [256]uint64) {
	for c := '0'; c <= '9'; c++ {
		t[c] = 1 << 32
	}
	t[' '] = 1
	return t
}()

// scanLongNumber reads the digits of key, of which any number may be leading zeros, and stops at saturated.
func scanLongNumber[T string | []byte](key T) (number uint64) {
	for i := range len(key) {
		if isDigit(key[i]) && number < saturated {
			number = number*10 + uint64(key[i]-'0')
		}
	}
	return number
}

// newKeyError describes key, which failed with err.
//
//go:noinline
func newKeyError(key string, spaces int, err error) *KeyError {
	var digits strings.Builder
	for i := range len(key) {
		if isDigit(key[i]) {
			digits.WriteByte(key[i])
		}
	}
	return &KeyError{Key: key, Digits: digits.String(), Spaces: spaces, Err: err}
}
