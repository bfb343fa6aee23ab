// Package nearest finds the name that may have been meant by one that is not known.
package nearest

import "github.com/xrash/smetrics"

// Name returns the name that differs least from the one given, or "" if none is near.
func Name(name string, names []string) string {
	best, least := "", len(name)/3+2
	for _, n := range names {
		if d := Distance(name, n); d < least {
			best, least = n, d
		}
	}
	return best
}

// Distance is the number of letters to change, add or leave out (Levenshtein).
func Distance(a, b string) int { return smetrics.WagnerFischer(a, b, 1, 1, 1) }
