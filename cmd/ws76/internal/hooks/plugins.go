package hooks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/plugins"
)

// PluginFlags are the flags of commands whose messages go through plugins.
func PluginFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "plugin", KeepSpace: true, Category: ScriptCategory, Usage: "run messages through the plugin `NAME[,OPTION=VALUE...]`, before the scripts; repeatable"},
		PluginPathFlag(ScriptCategory),
	}
}

// PluginPathFlag is --plugin-path.
func PluginPathFlag(category string) cli.Flag {
	return &cli.StringFlag{Name: "plugin-path", Category: category, Usage: "look for plugins in `FOLDERS` first, which are separated as in PATH"}
}

// PluginHome is where plugins are installed.
func PluginHome(e *app.Env) (string, error) {
	data := e.Getenv("XDG_DATA_HOME")
	if data == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("finding the folder of plugins: %w", err)
		}
		data = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(data, "ws76", "plugins"), nil
}

// PluginFinder looks in the folders of --plugin-path, then where plugins are installed.
func PluginFinder(e *app.Env, path string) *plugins.Finder {
	f := &plugins.Finder{}
	for _, dir := range filepath.SplitList(path) {
		if dir != "" {
			f.Path = append(f.Path, dir)
		}
	}
	if home, err := PluginHome(e); err == nil {
		f.Path = append(f.Path, home)
	}
	return f
}

// PluginMissing says of a plugin that cannot be used what would help. What is who
// asks for it.
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
