package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Executables are the programs on PATH whose names begin with prefix, without it.
func (e *Env) Executables(prefix string) []string {
	var names []string
	for _, dir := range filepath.SplitList(e.Getenv("PATH")) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			name, ok := strings.CutPrefix(entry.Name(), prefix)
			if !ok {
				continue
			}
			name = strings.TrimSuffix(name, ".exe")
			info, err := os.Stat(filepath.Join(dir, entry.Name())) // through links
			if err == nil && info.Mode().IsRegular() && (info.Mode()&0o111 != 0 || filepath.Ext(entry.Name()) == ".exe") && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}
