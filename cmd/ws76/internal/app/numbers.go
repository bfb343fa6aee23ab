package app

import (
	"fmt"
	"math"
	"strings"

	"github.com/urfave/cli/v2"
)

// Numbers are the flags that take a number, by name: whether 0 is one of their values. None takes less. Sizes and times have types
// of their own; seeds are any number.
type Numbers map[string]bool

// NumbersOf is for flags that have not been set yet: 0 is a value of those that have it by
// default, or say in their help what it means.
func NumbersOf(flags []cli.Flag) Numbers {
	n := Numbers{}
	for _, f := range flags {
		var usage string
		var zero bool
		switch f := f.(type) {
		case *cli.IntFlag:
			usage, zero = f.Usage, f.Value == 0
		case *cli.Int64Flag:
			usage, zero = f.Usage, f.Value == 0
		case *cli.Float64Flag:
			usage, zero = f.Usage, f.Value == 0
		default:
			continue
		}
		n[f.Names()[0]] = zero || strings.Contains(usage, "(0: ")
	}
	return n
}

// Check refuses values that nothing could be meant by.
func (n Numbers) Check(c *cli.Context) error {
	for name, zero := range n {
		if err := checkNumber(c.Value(name), zero); err != nil {
			return Usagef("--%s %v: %w", name, c.Value(name), err)
		}
	}
	return nil
}

func checkNumber(value any, zero bool) error {
	var v float64
	least := "at least 1"
	switch value := value.(type) {
	case int:
		v = float64(value)
	case int64:
		v = float64(value)
	case float64:
		v, least = value, "more than 0"
	}
	switch {
	case math.IsNaN(v), math.IsInf(v, 0):
		return fmt.Errorf("want a number")
	case v < 0 && zero:
		return fmt.Errorf("want 0 or more")
	case v < 0, v == 0 && !zero:
		return fmt.Errorf("want %s", least)
	}
	return nil
}
