package plugins

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"github.com/ws76/ws76/scripts/permit"
)

// Grant is what the user has granted a plugin when it was installed. It is kept apart from the plugin's folder, which
// somebody else may have made, and holds as long as the plugin's files are as they were then.
type Grant struct {
	Dir         string            `json:"dir"`
	Files       map[string]string `json:"files"` // path: sum, as in "sha256:…"
	Permissions []string          `json:"permissions"`
}

// grantFile is where the grant of a plugin is kept in a folder.
func grantFile(folder, name string) string { return filepath.Join(folder, name+".json") }

// KeepGrant grants what the plugin states that it needs, and keeps that in a folder.
func (p *Plugin) KeepGrant(folder string) error {
	sums, err := sumFolder(p.Dir)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(Grant{p.Dir, sums, p.Permissions}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return os.WriteFile(grantFile(folder, p.Name), append(text, '\n'), 0o600)
}

// DropGrant forgets what a plugin of the name was granted.
func DropGrant(folder, name string) error {
	if err := os.Remove(grantFile(folder, name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ErrVoid says that a plugin is not as it was when it was granted something.
var ErrVoid = errors.New("it is not as it was when it was granted what it needs, so that is void")

// Granted returns what is kept in a folder as granted to the plugin; nil where nothing is.
func (p *Plugin) Granted(folder string) (*Grant, error) {
	if p.Builtin() {
		return nil, nil
	}
	text, err := readSource(grantFile(folder, p.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var g Grant
	if err == nil {
		err = json.Unmarshal(text, &g)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what plugin %s was granted: %w", p.Name, err)
	}
	if g.Dir != p.Dir { // another of the same name
		return nil, nil
	}
	sums, err := sumFolder(p.Dir)
	if err == nil && !maps.Equal(g.Files, sums) {
		err = fmt.Errorf("plugin %s: %w", p.Name, ErrVoid)
	}
	if err != nil {
		return nil, err
	}
	return &g, nil
}

// covers returns nil for code of the plugin as it was when it was granted something.
func (g *Grant) covers(path string, source []byte) error {
	name, err := filepath.Rel(g.Dir, path)
	if err == nil && g.Files[filepath.ToSlash(name)] == sumOf(source) {
		return nil
	}
	return fmt.Errorf("%s is no code of the plugin as it was when it was granted what it needs; put it into %s and install the plugin again, or grant by --allow in place of plugin install --grant", path, g.Dir)
}

// Limit returns what the plugin may do of what is allowed: what it states that it needs, and nothing else. With what was granted
// it is for the code that it was granted to. granted may be nil.
func (p *Plugin) Limit(allowed *permit.Permissions, granted *Grant) (*permit.Permissions, error) {
	stated, err := permit.Parse(p.Permissions)
	if err != nil || granted == nil || len(granted.Permissions) == 0 {
		return allowed.Limit(stated), err
	}
	kept, err := permit.Parse(granted.Permissions)
	if err != nil {
		return nil, err
	}
	return allowed.Or(kept).Limit(stated).ForCode(granted.covers), nil
}
