package about

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/transports/all"
)

// VersionCommand is ws76 version.
func VersionCommand(e *app.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:  "version",
		Usage: "print the version, and what it was built with",
		UsageText: `ws76 version
ws76 version --json | jq -r .ws76`,
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print one JSON object: ws76, go, os, arch, dialects, transports"}},
		Action: func(c *cli.Context) error { return runVersion(e, readVersion(c)) },
	})
}

// versionOptions are what the command line says.
type versionOptions struct {
	Args []string
	JSON bool
}

func readVersion(c *cli.Context) *versionOptions {
	return &versionOptions{c.Args().Slice(), c.Bool("json")}
}

func runVersion(e *app.Env, o *versionOptions) error {
	if err := app.NoArguments("version", o.Args, ""); err != nil {
		return err
	}
	if !o.JSON {
		return e.Print(fmt.Appendf(nil, "ws76 %s (%s, %s/%s)\n", e.Program.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH))
	}
	report := versionReport{
		Version: app.ReportVersion, WS76: e.Program.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Dialects: core.Dialects[:],
	}
	for _, entry := range all.Transports().Entries() {
		report.Transports = append(report.Transports, entry.Scheme)
	}
	return e.PrintJSON(report)
}

// versionReport is what version --json prints.
type versionReport struct {
	Version    int            `json:"version"` // of this shape
	WS76       string         `json:"ws76"`
	Go         string         `json:"go"`
	OS         string         `json:"os"`
	Arch       string         `json:"arch"`
	Dialects   []core.Dialect `json:"dialects"`
	Transports []string       `json:"transports"`
}
