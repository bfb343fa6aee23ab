package lua51

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// broken is a program with line ends in place of some of its spaces.
func broken(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 52))
	src := []byte(Program(seed))
	var quote byte
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case c == '\\' && quote != 0:
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == ' ' && src[i+1] != ' ' && r.IntN(4) == 0:
			src[i] = '\n'
		}
	}
	return string(src)
}

// TestLines compares the lines in the errors of programs whose statements go over several lines.
func TestLines(t *testing.T) {
	o, h := newOracle(t), newHook(t)
	defer o.close()
	const n = 1000
	srcs := make([]string, n)
	for i := range srcs {
		srcs[i] = broken(*first + uint64(i))
	}
	want, err := o.run(srcs)
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.run(srcs)
	if err != nil {
		t.Fatal(err)
	}
	failures, errors := 0, 0
	for i := range srcs {
		if unknown(want[i]) {
			continue
		}
		if strings.Contains(want[i], "attempt to") {
			errors++
		}
		if got[i] != want[i] {
			small := minimise(srcs[i], o, h)
			w, _ := o.run([]string{small})
			g, _ := h.run([]string{small})
			t.Errorf("seed %d:\n%s\ngot:\n%s\nlua5.1:\n%s", *first+uint64(i), small, strings.Join(g, ""), strings.Join(w, ""))
			if failures++; failures == 10 {
				break
			}
		}
	}
	if errors < n/20 {
		t.Errorf("%d of %d programs have an error", errors, n)
	}
}
