package testenv

import "testing"

func TestCondition(t *testing.T) {
	for _, c := range []struct {
		cond, ci string
		want, ok bool
	}{
		{"needs:go", "", true, true},
		{"needs:go", "1", true, true},
		{"needs:no-such-program", "", false, true},
		{"needs:no-such-program", "1", false, false},
		{"needs:", "", false, false},
		{"exec:go", "", false, false},
	} {
		t.Setenv("WS76_CI", c.ci)
		got, err := Condition(c.cond)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%s with WS76_CI=%q: %v, %v", c.cond, c.ci, got, err)
		}
	}
}
