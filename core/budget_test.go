package core

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// holder is one, and what it holds.
type holder struct {
	Holding
	n     int64
	given bool
}

func (h *holder) GiveUp() { h.n, h.given = 0, true }

// Whatever is held and given back: what is counted is what is held, and when it is too much it is the
// largest that go, and no more of them than must, whatever those say before they have seen to it.
func TestBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 100
		b := NewBudget(most)
		all := make([]holder, 10)
		sizes := func() (of []int64, sum int64) {
			for i := range all {
				of = append(of, all[i].n)
				sum += all[i].n
			}
			slices.Sort(of)
			return of, sum
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			h := &all[rapid.IntRange(0, len(all)-1).Draw(t, "who")]
			n := rapid.Int64Range(0, 60).Draw(t, "n")
			if h.given && rapid.Bool().Draw(t, "has seen to it") {
				b.Set(&h.Holding, h, 0)
				h.given = false
			}
			if h.given {
				h.given = n != 0
			} else {
				h.n = n
			}
			want, sum := sizes()
			for i := len(want) - 1; sum > most; i-- {
				sum -= want[i]
				want[i] = 0
			}
			slices.Sort(want)
			b.Set(&h.Holding, h, n)
			got, _ := sizes()
			if counted, _ := b.Held(); !slices.Equal(got, want) || counted != sum {
				t.Fatalf("%d are held, want %d; %d counted, want %d", got, want, counted, sum)
			}
		}
	})
}
