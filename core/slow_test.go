package core_test

import (
	"testing"

	"github.com/ws76/ws76/core"
)

func TestParseSlow(t *testing.T) {
	for _, want := range []core.Slow{core.DropOldest, core.DropNewest, core.CloseSlow} {
		if got, err := core.ParseSlow(want.String()); got != want || err != nil {
			t.Errorf("%v: %v, %v", want, got, err)
		}
	}
	if _, err := core.ParseSlow("drop"); err == nil {
		t.Error("a policy that there is not was taken")
	}
}
