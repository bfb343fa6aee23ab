package hixie

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// Every key keeps to section 4.1 steps 16 to 22, and everything that these steps
// allow does occur.
func TestGeneratedKeys(t *testing.T) {
	g := NewGenerator(rand.NewChaCha8([32]byte{76}))
	var (
		spaces, noise [14]int
		chars         [256]int
		first         = map[string]int{}
		adjacent      int
		sum           float64
	)
	const challenges = 20000
	for range challenges {
		c, err := g.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{c.Key1, c.Key2} {
			key, err := ParseKey(b)
			if err != nil {
				t.Fatal(err)
			}
			if b[0] == ' ' || b[len(b)-1] == ' ' {
				t.Fatalf("%q: a space at an end", b)
			}
			n := 0
			for _, ch := range b {
				chars[ch]++
				if ch >= 0x21 && ch <= 0x2F || ch >= 0x3A && ch <= 0x7E {
					n++
				}
			}
			if key.Spaces < 1 || key.Spaces > 12 || n < 1 || n > 12 {
				t.Fatalf("%q: %d spaces, %d characters of noise", b, key.Spaces, n)
			}
			spaces[key.Spaces]++
			noise[n]++
			if isDigit(b[0]) {
				first["digit"]++
			}
			if isDigit(b[len(b)-1]) {
				first["last digit"]++
			}
			if bytes.Contains(b, []byte("  ")) {
				adjacent++
			}
			sum += float64(key.Part()) / float64(math.MaxUint32/key.Spaces)
		}
	}
	const keys = 2 * challenges
	for n := 1; n <= 12; n++ {
		// A twelfth each; six standard deviations are below 350.
		for what, got := range map[string]int{"spaces": spaces[n], "noise": noise[n]} {
			if got < keys/12-350 || got > keys/12+350 {
				t.Errorf("%d keys of %d with %d %s", got, keys, n, what)
			}
		}
	}
	for ch := range chars {
		allowed := ch >= 0x20 && ch <= 0x7E
		if (chars[ch] > 0) != allowed {
			t.Errorf("character %q occurs %d times", rune(ch), chars[ch])
		}
	}
	if mean := sum / keys; mean < 0.49 || mean > 0.51 {
		t.Errorf("the mean of number/max is %.3f", mean)
	}
	if first["digit"] == 0 || first["digit"] == keys || first["last digit"] == 0 || first["last digit"] == keys || adjacent == 0 || adjacent == keys {
		t.Errorf("positions are not random: %v, %d adjacent spaces", first, adjacent)
	}
}

// Spaces and noise may land in each place that the draft allows, equally often:
// all interleavings of two spaces between three characters are counted.
func TestInsertPositions(t *testing.T) {
	g := NewGenerator(rand.NewChaCha8([32]byte{1}))
	got := map[string]int{}
	const rounds = 30000
	for range rounds {
		b := append(make([]byte, 0, 8), "abc"...)
		for range 2 {
			at, err := g.below(uint32(len(b)) - 1)
			if err != nil {
				t.Fatal(err)
			}
			b = insert(b, at+1, ' ')
		}
		got[string(b)]++
	}
	for _, want := range []string{"a  bc", "a b c", "ab  c"} {
		if n := got[want]; n < rounds/3-500 || n > rounds/3+500 {
			t.Errorf("%q occurs %d times of %d", want, n, rounds)
		}
	}
	if len(got) != 3 {
		t.Errorf("got %v", got)
	}
}

// below is unbiased: over all 65536 draws each result comes up equally often.
func TestBelowIsUnbiased(t *testing.T) {
	all := make([]byte, 0, 1<<17)
	for v := range 1 << 16 {
		all = append(all, byte(v), byte(v>>8))
	}
	for _, n := range []uint32{1, 2, 3, 7, 12, 33, 84, 100, 1000, 40000, 65535, 65536} {
		g := NewGenerator(bytes.NewReader(all))
		counts := make([]int, n)
		for {
			v, err := g.below(n)
			if err != nil {
				break // all draws are used
			}
			counts[v]++
		}
		if slices.Max(counts) != slices.Min(counts) {
			t.Errorf("below(%d): results come up %d to %d times", n, slices.Min(counts), slices.Max(counts))
		}
	}
}

// upTo throws away the draws in which the first results would come up once more.
func TestUpTo(t *testing.T) {
	for _, test := range []struct {
		most uint32
		draw uint32
		want uint32 // of the draw, or of the next one, which is 0x80000000
	}{
		{math.MaxUint32, 0, 0},
		{math.MaxUint32, math.MaxUint32, math.MaxUint32},
		{math.MaxUint32, 12345, 12345},
		{math.MaxUint32 / 2, math.MaxUint32, math.MaxUint32 / 2},
		{2, 0, 1},          // 2^32 is 1 more than a multiple of 3: one draw is too many
		{2, 1, 0},          // the next ones count
		{2, 0xFFFFFFFF, 2}, // up to the last
	} {
		b := []byte{byte(test.draw), byte(test.draw >> 8), byte(test.draw >> 16), byte(test.draw >> 24), 0, 0, 0, 0x80}
		g := NewGenerator(bytes.NewReader(append(b, make([]byte, 512)...)))
		if got, err := g.upTo(test.most); err != nil || got != test.want {
			t.Errorf("upTo(%d) of %#x: got %d, %v; want %d", test.most, test.draw, got, err, test.want)
		}
	}
}

func TestGeneratorIsRepeatable(t *testing.T) {
	// The source may give its bytes in any pieces.
	whole := NewGenerator(rand.NewChaCha8([32]byte{5}))
	pieces := NewGenerator(iotest.OneByteReader(rand.NewChaCha8([32]byte{5})))
	other := NewGenerator(rand.NewChaCha8([32]byte{6}))
	same := 0
	for range 100 {
		a, err1 := whole.Next()
		b, err2 := pieces.Next()
		c, err3 := other.Next()
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Key1, b.Key1) || !bytes.Equal(a.Key2, b.Key2) || a.Key3 != b.Key3 {
			t.Fatalf("%q and %q", a, b)
		}
		if bytes.Equal(a.Key1, c.Key1) {
			same++
		}
	}
	if same > 1 {
		t.Errorf("%d of 100 challenges are the same with another seed", same)
	}
}

// An error of the source comes out of whatever asked for bytes; no challenge
// comes with it.
func TestGeneratorError(t *testing.T) {
	broken := errors.New("no entropy")
	for n := range 3 {
		source := io.MultiReader(io.LimitReader(rand.NewChaCha8([32]byte{}), int64(n*512)), iotest.ErrReader(broken))
		g := NewGenerator(source)
		for i := 0; ; i++ {
			c, err := g.Next()
			if err == nil && i < 100 {
				continue
			}
			if !errors.Is(err, broken) || !strings.Contains(err.Error(), "random") || c.Key1 != nil || c.Key2 != nil || c.Key3 != [8]byte{} {
				t.Errorf("after %d blocks: %q, %v", n, c, err)
			}
			break
		}
		if err := g.Shuffle(make(Fields, 1000)); !errors.Is(err, broken) {
			t.Errorf("Shuffle: %v", err)
		}
	}
}

func TestShuffle(t *testing.T) {
	g := NewGenerator(rand.NewChaCha8([32]byte{}))
	orders := map[string]int{}
	const rounds = 24000
	for range rounds {
		f := Fields{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}
		if err := g.Shuffle(f); err != nil {
			t.Fatal(err)
		}
		orders[fmt.Sprint(f)]++
	}
	if len(orders) != 24 {
		t.Errorf("%d orders of 24", len(orders))
	}
	for order, n := range orders {
		if n < rounds/24-200 || n > rounds/24+200 {
			t.Errorf("%s occurs %d times of %d", order, n, rounds)
		}
	}
	if err := g.Shuffle(nil); err != nil {
		t.Error(err)
	}
}

// The slices of a challenge last until the next one and not longer.
func TestChallengeIsReused(t *testing.T) {
	g := NewGenerator(rand.NewChaCha8([32]byte{}))
	a, err := g.Next()
	if err != nil {
		t.Fatal(err)
	}
	key1 := string(a.Key1)
	if _, err := g.Next(); err != nil {
		t.Fatal(err)
	}
	if string(a.Key1) == key1 {
		t.Error("Key1 was not overwritten")
	}
	if cap(a.Key1) != maxKey {
		t.Errorf("Key1 has a capacity of %d", cap(a.Key1))
	}
}
