package hooks

import (
	"errors"
	"path/filepath"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/plugins"
)

// PluginFinder looks in the folders of --plugin-path, then where plugins are installed.
func PluginFinder(e *app.Env, path string) *plugins.Finder {
	f := &plugins.Finder{}
	for _, dir := range filepath.SplitList(path) {
		if dir != "" {
			f.Path = append(f.Path, dir)
		}
	}
	if home, err := e.PluginHome(); err == nil {
		f.Path = append(f.Path, home)
	}
	return f
}

// PluginMissing says of a plugin that cannot be used what would help. What is who asks for it.
func PluginMissing(what string, finder *plugins.Finder, name string, err error) error {
	if !errors.Is(err, plugins.ErrNotFound) {
		return app.WithCode(app.ExitScript, err)
	}
	list, _ := finder.List()
	var known []string
	for _, p := range list {
		known = append(known, p.Name)
	}
	return app.Usagef("%s%w%s (ws76 plugin list shows all)", what, err, app.DidYouMean(name, known, "%s"))
}

// PluginNames are the plugins that are wanted, as words for --plugin.
func PluginNames(e *app.Env, wanted func(*plugins.Plugin) bool) []app.Word {
	found, _ := PluginFinder(e, e.Getenv("WS76_PLUGIN_PATH")).List()
	var list []app.Word
	for _, p := range found {
		if wanted(p) {
			list = append(list, app.Word{Text: p.Name, About: p.Summary})
		}
	}
	return list
}
