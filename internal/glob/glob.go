// Package glob has patterns of paths, such as in/**/*.txt, in which what is there by that very name is no pattern.
package glob

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// meta are the characters that make a pattern of a path.
const meta = "*?[{"

// Split splits a path that may be a pattern, and is relative to a folder unless it is absolute, into the path that it begins
// with and a pattern, with slashes, of what is below that. rest is "" where there is no pattern: the folder's own name and what
// exists are taken as they are written.
func Split(folder, path string) (base, rest string) {
	base, rest = filepath.Clean(folder), filepath.Clean(path)
	if filepath.IsAbs(rest) {
		base = filepath.VolumeName(rest) + string(filepath.Separator)
		rest = rest[len(base):]
	}
	for rest != "" {
		name, more, _ := strings.Cut(rest, string(filepath.Separator))
		next := filepath.Join(base, name)
		if strings.ContainsAny(name, meta) {
			if _, err := os.Lstat(next); err != nil {
				break
			}
		}
		base, rest = next, more
	}
	return base, filepath.ToSlash(rest)
}

// Valid reports whether a pattern is one.
func Valid(pattern string) bool { return doublestar.ValidatePattern(pattern) }

// Match reports whether a path fits a valid pattern below a base, as Split returns them.
func Match(base, pattern, path string) bool {
	inside, ok := strings.CutPrefix(path, strings.TrimSuffix(base, string(filepath.Separator))+string(filepath.Separator))
	return ok && doublestar.MatchUnvalidated(pattern, filepath.ToSlash(inside))
}
