// Package about is what ws76 says of itself: its version and its manual.
package about

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/man"
)

// ManCommand is ws76 man.
func ManCommand(e *app.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "man",
		Usage:     "list, print or install the manual pages",
		ArgsUsage: "[DIR]",
		UsageText: `ws76 man                                    which there are
ws76 man --page connect | man -l -          read one
ws76 man ~/.local/share/man                 for man ws76-connect, where ~/.local/bin is in PATH`,
		Description: "The manual is in the program. Without DIR the pages are listed; with it they are written into the folders man1 and man7 of DIR.",
		Flags:       []cli.Flag{&cli.StringFlag{Name: "page", Usage: "print the page `NAME`: connect, ws76-connect or ws76-connect.1"}},
		Action:      func(c *cli.Context) error { return runMan(e, readMan(c)) },
	})
}

// manOptions are what the command line says.
type manOptions struct {
	Folders   []string
	Page      string
	PageGiven bool
}

func readMan(c *cli.Context) *manOptions {
	return &manOptions{c.Args().Slice(), c.String("page"), c.IsSet("page")}
}

func runMan(e *app.Env, o *manOptions) error {
	switch {
	case len(o.Folders) > 1:
		return app.Usagef("man takes one folder, got %q", o.Folders)
	case o.PageGiven && len(o.Folders) > 0:
		return app.Usagef("man: --page prints a page, and a folder gets all of them; give one of both")
	}
	names, err := fs.Glob(man.Pages, "*")
	if err != nil {
		return err
	}
	if wanted := o.Page; o.PageGiven {
		for _, name := range names {
			title := strings.TrimSuffix(name, filepath.Ext(name))
			if wanted == name || wanted == title || "ws76-"+wanted == title {
				page, err := man.Pages.ReadFile(name)
				if err != nil {
					return err
				}
				return e.Print(page)
			}
		}
		return app.Usagef("man: there is no page %q; ws76 man lists them", wanted)
	}
	if len(o.Folders) == 0 {
		return listPages(e, names)
	}
	dir := o.Folders[0]
	for _, name := range names {
		page, err := man.Pages.ReadFile(name)
		if err != nil {
			return err
		}
		section := filepath.Join(dir, "man"+filepath.Ext(name)[1:])
		if err := os.MkdirAll(section, 0o755); err != nil {
			return fmt.Errorf("installing manual pages: %w", err)
		}
		if err := os.WriteFile(filepath.Join(section, name), page, 0o644); err != nil {
			return fmt.Errorf("installing manual pages: %w", err)
		}
	}
	e.Log.Warnf("%d manual pages are in %s", len(names), dir)
	return nil
}

// listPages prints the names of pages, and what each is about.
func listPages(e *app.Env, names []string) error {
	var b bytes.Buffer
	for _, name := range names {
		page, err := man.Pages.ReadFile(name)
		if err != nil {
			return err
		}
		section := filepath.Ext(name)[1:]
		fmt.Fprintf(&b, "%-22s %s\n", strings.TrimSuffix(name, "."+section)+"("+section+")", pageAbout(page))
	}
	return e.Print(b.Bytes())
}

// pageAbout returns the line of a page that says what it is about.
func pageAbout(page []byte) string {
	lines := bufio.NewScanner(bytes.NewReader(page))
	for lines.Scan() {
		if about, ok := strings.CutPrefix(lines.Text(), ".Nd "); ok {
			return strings.ReplaceAll(about, `\-`, "-")
		}
	}
	return ""
}
