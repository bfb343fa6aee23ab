package plugins

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

//go:embed templates/NAME/plugin.lua
var templateSource string

//go:embed templates/NAME/plugin_test.lua
var templateTest string

//go:embed templates/NAME/README.md
var templateReadme string

// New writes a plugin to begin with into the folder NAME of into: it greets, and
// works as it is. The folder must not be there yet.
func New(name, into string) (*Plugin, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(into, 0o755); err != nil {
		return nil, err
	}
	dir := filepath.Join(into, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making a plugin: %w", err)
	}
	var errs []error
	for file, text := range map[string]string{MainFile: templateSource, "plugin_test.lua": templateTest, "README.md": templateReadme} {
		text = strings.ReplaceAll(text, "NAME", name)
		errs = append(errs, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return Open(dir)
}
