package app

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/flags"
)

func commonFlags() []cli.Flag {
	const category = "Everywhere"
	return []cli.Flag{
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Count: new(int), Category: category,
			Usage: "say what happens; -vv with both handshakes, -vvv with every frame", DisableDefaultText: true},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Category: category, Usage: "only errors", DisableDefaultText: true},
		flags.Word(cli.GenericFlag{Name: "log-format", Category: category, Usage: "`FORMAT` of standard error: %s"}, "text", "text", "json"),
		configFlag(category),
	}
}

// addEnvVar lets WS76_NAME set --name; the command line wins over it. An empty variable is as none.
func addEnvVar(f cli.Flag) {
	names := []string{"WS76_" + strings.ToUpper(strings.ReplaceAll(f.Names()[0], "-", "_"))}
	if text, set := os.LookupEnv(names[0]); set && text == "" {
		return
	}
	switch f := f.(type) {
	case *cli.BoolFlag:
		if f.Count == nil { // an environment variable cannot count
			f.EnvVars = names
		}
	case *cli.StringFlag:
		f.EnvVars = names
	case *cli.StringSliceFlag:
		f.EnvVars = names
	case *cli.IntFlag:
		f.EnvVars = names
	case *cli.Int64Flag:
		f.EnvVars = names
	case *cli.Uint64Flag:
		f.EnvVars = names
	case *cli.Float64Flag:
		f.EnvVars = names
	case *cli.GenericFlag:
		f.EnvVars = names
	default:
		panic(fmt.Sprintf("flag %s: no environment variable for %T", f.Names()[0], f))
	}
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
