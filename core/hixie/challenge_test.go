package hixie

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// vector is a challenge with its answer: of the draft, of other implementations'
// tests, of a capture.
type vector struct {
	Key1, Key2 string
	Key3       string `json:"key3_hex"`
	Number1    uint32
	Number2    uint32
	Answer     string `json:"answer_hex"`
	Source     string
}

func (v vector) challenge(t testing.TB) Challenge {
	key3, err := hex.DecodeString(v.Key3)
	if err != nil {
		t.Fatal(err)
	}
	return Challenge{Key1: []byte(v.Key1), Key2: []byte(v.Key2), Key3: [8]byte(key3)}
}

func vectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/handshake.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no vectors")
	}
	return all
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Source, func(t *testing.T) {
			key1, err1 := ParseKey(v.Key1)
			key2, err2 := ParseKey(v.Key2)
			if err1 != nil || err2 != nil || key1.Part() != v.Number1 || key2.Part() != v.Number2 {
				t.Errorf("parts: %d %v, %d %v; want %d, %d", key1.Part(), err1, key2.Part(), err2, v.Number1, v.Number2)
			}
			c := v.challenge(t)
			got, err := c.Answer()
			if err != nil || hex.EncodeToString(got[:]) != v.Answer {
				t.Errorf("answer: %x, %v; want %s", got, err, v.Answer)
			}
			if lenient, err := c.AnswerLenient(); err != nil || lenient != got {
				t.Errorf("lenient answer: %x, %v; want %s", lenient, err, v.Answer)
			}
			if direct := Answer(v.Number1, v.Number2, c.Key3); direct != got {
				t.Errorf("answer of the parts: %x", direct)
			}
		})
	}
}

func TestAnswerNamesTheBadKey(t *testing.T) {
	good := vectors(t)[0].challenge(t)
	for _, test := range []struct {
		field     string
		challenge Challenge
	}{
		{"Sec-WebSocket-Key1", Challenge{Key1: []byte("1234"), Key2: good.Key2}},
		{"Sec-WebSocket-Key2", Challenge{Key1: good.Key1, Key2: []byte("1234")}},
		{"Sec-WebSocket-Key1", Challenge{Key1: []byte("1234"), Key2: []byte("1234")}},
	} {
		for _, answer := range []func() ([16]byte, error){test.challenge.Answer, test.challenge.AnswerLenient} {
			got, err := answer()
			var bad *KeyError
			if got != [16]byte{} || !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), test.field+": ") {
				t.Errorf("got %x, %v; want an error about %s", got, err, test.field)
			}
		}
	}
}

// A remainder is dropped, as servers that do not look for it compute the answer.
func TestAnswerLenient(t *testing.T) {
	c := Challenge{Key1: []byte("1 2 3"), Key2: []byte("8 589934 591"), Key3: [8]byte{1, 2, 3}}
	if _, err := c.Answer(); !errors.Is(err, ErrRemainder) {
		t.Errorf("got %v", err)
	}
	got, err := c.AnswerLenient()
	if want := Answer(61, 4294967295, c.Key3); err != nil || got != want {
		t.Errorf("got %x, %v; want %x", got, err, want)
	}
}

func TestAnswerAllocates(t *testing.T) {
	c := vectors(t)[0].challenge(t)
	g := NewGenerator(rand.NewChaCha8([32]byte{}))
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := c.Answer(); err != nil {
			t.Fatal(err)
		}
		fresh, err := g.Next()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fresh.Answer(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAnswer(b *testing.B) {
	c := vectors(b)[0].challenge(b)
	b.ReportAllocs()
	for b.Loop() {
		answer, err := c.Answer()
		if err != nil {
			b.Fatal(err)
		}
		c.Key3[0] = answer[0]
	}
}

// Keys that change from call to call, as a server sees them.
func BenchmarkAnswerMixed(b *testing.B) {
	g := NewGenerator(rand.NewChaCha8([32]byte{}))
	all := make([]Challenge, 4096)
	for i := range all {
		c, err := g.Next()
		if err != nil {
			b.Fatal(err)
		}
		all[i] = Challenge{append([]byte(nil), c.Key1...), append([]byte(nil), c.Key2...), c.Key3}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := all[i&4095].Answer(); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkGenerate(b *testing.B) {
	g := NewGenerator(rand.NewChaCha8([32]byte{}))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

// A fresh challenge and its answer as a line of text.
func BenchmarkChallengeLine(b *testing.B) {
	g := NewGenerator(rand.NewChaCha8([32]byte{}))
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		c, err := g.Next()
		if err != nil {
			b.Fatal(err)
		}
		answer, err := c.Answer()
		if err != nil {
			b.Fatal(err)
		}
		line = append(line[:0], c.Key1...)
		line = append(line, '\t')
		line = append(line, c.Key2...)
		line = append(line, '\t')
		line = hex.AppendEncode(line, c.Key3[:])
		line = append(line, '\t')
		line = hex.AppendEncode(line, answer[:])
		line = append(line, '\n')
	}
}
