package app

import (
	"os"
	"reflect"
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
	if f, ok := f.(*cli.BoolFlag); ok && f.Count != nil { // an environment variable cannot count
		return
	}
	reflect.ValueOf(f).Elem().FieldByName("EnvVars").Set(reflect.ValueOf(names)) // all have it, and nothing in common that sets it
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
