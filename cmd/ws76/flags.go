package main

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/core"
)

func commonFlags() []cli.Flag {
	const category = "Everywhere"
	return []cli.Flag{
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Count: new(int), Category: category,
			Usage: "say what happens; -vv with both handshakes, -vvv with every frame", DisableDefaultText: true},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Category: category, Usage: "only errors", DisableDefaultText: true},
		&cli.StringFlag{Name: "log-format", Value: "text", Category: category, Usage: "`FORMAT` of standard error: text or json"},
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
	case *cli.DurationFlag:
		f.EnvVars = names
	case *cli.GenericFlag:
		f.EnvVars = names
	default:
		panic(fmt.Sprintf("flag %s: no environment variable for %T", f.Names()[0], f))
	}
}

// size is a flag value in bytes: 4096, 64KiB, 16MiB, 1GB.
type size int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
	{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1}, {"", 1},
}

// Set parses a size; it is what the flag package calls.
func (s *size) Set(text string) error {
	for _, unit := range sizeUnits {
		digits, ok := strings.CutSuffix(strings.ToUpper(text), strings.ToUpper(unit.name))
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 1 || n > math.MaxInt64/unit.bytes {
			break
		}
		*s = size(n * unit.bytes)
		return nil
	}
	return fmt.Errorf("%q is no size; write bytes or a number with KiB, MiB or GiB", text)
}

// String prints the size in the largest unit that leaves no rest.
func (s *size) String() string {
	for _, unit := range []int{2, 1, 0} {
		if b := sizeUnits[unit].bytes; *s != 0 && int64(*s)%b == 0 {
			return strconv.FormatInt(int64(*s)/b, 10) + sizeUnits[unit].name
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}

// sizeFlag returns a flag that takes a size; read it with sizeOf.
func sizeFlag(name string, def size, category, usage string) *cli.GenericFlag {
	return &cli.GenericFlag{Name: name, Value: &def, Category: category, Usage: usage}
}

func sizeOf(c *cli.Context, name string) int64 { return int64(*c.Generic(name).(*size)) }

// oneOf checks a flag that takes one of a few words.
func oneOf(c *cli.Context, flag string, words ...string) error {
	value := c.String(flag)
	for _, word := range words {
		if value == word {
			return nil
		}
	}
	return usagef("--%s %q: want one of %s", flag, value, strings.Join(words, ", "))
}

// parseDialect reads a value of --dialect, with a hyphen or without.
func parseDialect(name string) (core.Dialect, error) {
	for _, d := range core.Dialects {
		if name == string(d) || name == strings.ReplaceAll(string(d), "-", "") {
			return d, nil
		}
	}
	return "", usagef("--dialect %q: want hixie-75, hixie-76 or rfc6455", name)
}

func parseDialects(names []string) ([]core.Dialect, error) {
	var dialects []core.Dialect
	for _, name := range names {
		d, err := parseDialect(name)
		if err != nil {
			return nil, err
		}
		dialects = append(dialects, d)
	}
	return dialects, nil
}
