package main

import (
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestArchitecture fails when ARCHITECTURE.md or CONTRIBUTING.md names a test,
// script, package or file that is not there, or a package has no place in it.
func TestArchitecture(t *testing.T) {
	var all strings.Builder // of all test files
	scripts := map[string]bool{}
	packages := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".txtar") {
			scripts[d.Name()] = true
		}
		if strings.HasSuffix(path, "_test.go") {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all.Write(text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sourceFiles(t, func(pkg, _ string, _ *ast.File) { packages[pkg] = true })
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`").FindAllStringSubmatch(string(text), -1)
	if len(names) < 20 {
		t.Errorf("ARCHITECTURE.md names only %d tests", len(names))
	}
	for _, m := range names {
		if m[1] != "TestMain" && !strings.Contains(all.String(), "func "+m[1]+"(") {
			t.Errorf("ARCHITECTURE.md: there is no test %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`(\\w+\\.txtar)`").FindAllStringSubmatch(string(text), -1) {
		if !scripts[m[1]] {
			t.Errorf("ARCHITECTURE.md: there is no script test %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([\\w/]+)`").FindAllStringSubmatch(string(text), -1) {
		if !packages[m[1]] {
			t.Errorf("ARCHITECTURE.md: there is no package %s", m[1])
		}
	}
	paths := 0
	for _, page := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md", "docs/project-layout.md"} {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`(\\w[\\w.-]*/[\\w./-]*)`").FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "NAME") {
				continue
			}
			paths++
			if _, err := os.Stat("../../" + m[1]); err != nil {
				t.Errorf("%s: there is no %s", page, m[1])
			}
		}
	}
	if paths < 80 {
		t.Errorf("found only %d paths", paths)
	}
	for pkg := range packages {
		if strings.HasPrefix(pkg, "transports/") {
			pkg = "transports"
		}
		if !strings.Contains(string(text), "| `"+pkg+"`") {
			t.Errorf("ARCHITECTURE.md does not say what %s may know", pkg)
		}
	}
}

// TestDrawing compares the floors that ARCHITECTURE.md draws with the imports, which go down or along one, and
// along that of the commands not at all.
func TestDrawing(t *testing.T) {
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, drawing, _ := strings.Cut(string(page), "\nImports go down")
	drawing, _, _ = strings.Cut(drawing, "\n`core` does not")
	drawing = strings.ReplaceAll(drawing, "~/", "cmd/ws76/internal/")
	var floors [][]string
	commands := -1
	for line := range strings.Lines(drawing) {
		if !strings.HasPrefix(line, "    ") {
			continue
		}
		line, _, _ = strings.Cut(line, "(")
		name, packages := "", line
		if len(line) > 17 && !strings.Contains(line[:17], "/") {
			name, packages = strings.TrimSpace(line[:17]), line[17:]
		}
		if name == "commands" {
			commands = len(floors)
		}
		if name != "" || len(floors) == 0 {
			floors = append(floors, nil)
		}
		floors[len(floors)-1] = append(floors[len(floors)-1], strings.Fields(packages)...)
	}
	floorOf := func(pkg string) int {
		at := -1
		for i, floor := range floors {
			for _, p := range floor {
				if folder, all := strings.CutSuffix(p, "/*"); p != pkg && !(all && (pkg == folder || strings.HasPrefix(pkg, folder+"/"))) {
					continue
				}
				if at >= 0 {
					t.Errorf("%s stands in two places", pkg)
				}
				at = i
			}
		}
		if at < 0 {
			t.Errorf("%s is not drawn", pkg)
		}
		return at
	}
	drawn := map[string]int{}
	sourceFiles(t, func(pkg, path string, file *ast.File) {
		if _, ok := drawn[pkg]; !ok {
			drawn[pkg] = floorOf(pkg)
		}
	})
	sourceFiles(t, func(pkg, path string, file *ast.File) {
		for _, spec := range file.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			ours, ok := strings.CutPrefix(name, module)
			if from, to := drawn[pkg], drawn[ours]; ok && (to < from || from == to && from == commands) {
				t.Errorf("%s: the drawing has no way from %s to %s", path, pkg, ours)
			}
		}
	})
}
