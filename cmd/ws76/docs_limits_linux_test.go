package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/hub/nats"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/scripts/kv"
	"github.com/ws76/ws76/scripts/lualib"
)

// documentedLimit is a row of the table of docs/security.md: how it begins, the flags that it
// names, and all numbers before its last column, in order.
type documentedLimit struct {
	begins  string
	flags   []string
	numbers []string
}

// documentedLimits are all rows, of the flags and constants that there are.
func documentedLimits(t *testing.T) []documentedLimit {
	own := func(folder, name string) int64 { return sourceConstant(t, filepath.Join("../..", folder), name) }
	lasts := func(folder, name string) string { return inWords(time.Duration(own(folder, name))) }
	of := func(begins string, flags ...string) documentedLimit {
		row := documentedLimit{begins: begins, flags: flags}
		for _, name := range flags {
			if number := defaultInWords(t, name); number != "" {
				row.numbers = append(row.numbers, number)
			}
		}
		return row
	}
	with := func(row documentedLimit, numbers ...string) documentedLimit {
		row.numbers = append(row.numbers, numbers...)
		return row
	}
	named := func(row documentedLimit, flag string) documentedLimit {
		row.flags = append(row.flags, flag)
		return row
	}
	after := func(number string, row documentedLimit) documentedLimit {
		row.numbers = append([]string{number}, row.numbers...)
		return row
	}
	const kiB, miB, giB = 1 << 10, 1 << 20, 1 << 30
	inBytes := func(n int64, unit int64, name string) string {
		if n%unit != 0 {
			t.Errorf("%d bytes are no number of %s", n, name)
		}
		return fmt.Sprintf("%d %s", n/unit, name)
	}
	return []documentedLimit{
		of("connections of all kinds", "max-conns"),
		of("the opening handshake, TLS", "handshake-timeout"),
		with(of("a head"), inBytes(hixie.MaxHead, kiB, "KiB"), strconv.Itoa(hixie.MaxFields)),
		with(of("a kept-alive connection"), lasts("core/serve", "keptAlive")),
		of("a message, in all its frames", "max-message"),
		with(of("a message that was compressed"), inBytes(own("core", "inflatePiece"), kiB, "KiB"), lasts("core/serve", "sliceTime")),
		of("the time that a message takes", "message-timeout"),
		named(of("all messages that have not come whole", "max-pending"), "max-message"),
		after(inBytes(own("core/serve", "writePiece"), kiB, "KiB"), of("a client that takes nothing", "write-timeout")),
		of("a client that is gone", "dead-after"),
		with(of("own messages that wait"), inBytes(serve.DefaultSendBytes, miB, "MiB"), inBytes(own("core/serve", "unreadMost"), kiB, "KiB")),
		with(of("what the system keeps unsent"), inBytes(own("internal/tcplimit", "Unsent"), kiB, "KiB")),
		with(of("messages of channels that wait for a connection", "queue"), inBytes(serve.DefaultQueueBytes, miB, "MiB")),
		of("messages of channels that wait, over all", "max-pending"),
		with(of("what waits to be sent to NATS"), inBytes(nats.DefaultPendingBytes, miB, "MiB")),
		of("messages a second", "rate"),
		of("a connection over which nothing passes", "idle"),
		with(of("wrong passwords"), "64", strconv.FormatInt(own("core/serve/auth", "maxAttempts"), 10), lasts("core/serve/auth", "refillEvery")),
		with(of("requests of plain HTTP"), lasts("core/serve", "longTurn")),
		with(of("passwords that wait"), strconv.FormatInt(own("core/serve/auth", "maxWaiting"), 10), strconv.FormatInt(own("core/serve/auth", "maxOfOne"), 10)),
		after(inBytes(kv.MaxTotal, miB, "MiB"), after(inBytes(lualib.MaxData, giB, "GiB"), after(grouped(lualib.MaxDataFiles), of("what a script keeps", "script-max-memory")))),
		of("the closing handshake", "close-timeout"),
		of("a server that stops", "grace"),
	}
}

// sourceConstant evaluates a constant of a package, which may be its own.
func sourceConstant(t *testing.T, folder, name string) int64 {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	units := strings.NewReplacer("time.Microsecond", "1000", "time.Millisecond", "1000000", "time.Second", "1000000000", "time.Minute", "60000000000")
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			general, ok := d.(*ast.GenDecl)
			if !ok || general.Tok != token.CONST {
				continue
			}
			for _, spec := range general.Specs {
				spec := spec.(*ast.ValueSpec)
				for i, n := range spec.Names {
					if n.Name != name || i >= len(spec.Values) {
						continue
					}
					v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, units.Replace(types.ExprString(spec.Values[i])))
					if err != nil {
						t.Fatalf("%s of %s: %v", name, source, err)
					}
					value, _ := constant.Int64Val(constant.ToInt(v.Value))
					return value
				}
			}
		}
	}
	t.Fatalf("%s has no constant %s", folder, name)
	return 0
}

// inWords writes a time as the documents do.
func inWords(d time.Duration) string {
	for _, unit := range []struct {
		d    time.Duration
		name string
	}{{time.Minute, "min"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if d%unit.d == 0 {
			return fmt.Sprintf("%d %s", d/unit.d, unit.name)
		}
	}
	return fmt.Sprintf("%v ms", float64(d)/float64(time.Millisecond))
}

// grouped writes a number with a blank for each thousand.
func grouped(n int) string {
	if n < 10_000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d %03d", n/1000, n%1000)
}

// defaultInWords is the default of a flag of serve, which is also that of bridge where that
// has it; "" where it is no bound.
func defaultInWords(t *testing.T, name string) string {
	t.Helper()
	text := ""
	for _, command := range []string{"serve", "bridge"} {
		var value string
		switch f := app.FindFlag(app.Find(documentedApp().Commands, command).Flags, name).(type) {
		case *cli.IntFlag:
			value = grouped(f.Value)
		case *cli.Float64Flag:
			value = strconv.FormatFloat(f.Value, 'g', -1, 64)
		case *cli.GenericFlag:
			if d, err := time.ParseDuration(f.Value.String()); err == nil {
				value = inWords(d)
				break
			}
			value = regexp.MustCompile(`(\d)([KMG])`).ReplaceAllString(f.Value.String(), "$1 $2")
		case nil:
			if command == "bridge" {
				continue
			}
			t.Fatalf("serve has no --%s", name)
		default:
			t.Fatalf("--%s is a %T", name, f)
		}
		if text != "" && value != text {
			t.Errorf("--%s is %s for serve, and %s for bridge", name, text, value)
		}
		text = value
	}
	if strings.HasPrefix(text, "0") {
		return ""
	}
	return text
}

// The table of limits in docs/security.md has the defaults that hold, and all that --help
// calls a limit.
func TestDocumentedLimits(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "| what | bound | default | how it ends |\n|---|---|---|---|\n")
	if table, _, _ = strings.Cut(table, "\n\n"); !ok {
		t.Fatal("there is no table")
	}
	flags := regexp.MustCompile("`--([a-z-]+)`")
	quoted := regexp.MustCompile("`[^`]*`|IPv6")
	numbers := regexp.MustCompile(`\d+(?:\.\d+)?(?: \d{3})*(?: (?:[KMG]iB|ms|s|min)\b)?`)
	rows := documentedLimits(t)
	documented := map[string]bool{}
	for i, line := range strings.Split(strings.TrimSpace(table), "\n") {
		if i >= len(rows) || !strings.HasPrefix(line, "| "+rows[i].begins) {
			t.Fatalf("%s\nis another row than the test has there", line)
		}
		cells := strings.Split(line, "|")[1:]
		var named []string
		for _, m := range flags.FindAllStringSubmatch(cells[1]+cells[2], -1) {
			named = append(named, m[1])
			documented[m[1]] = true
		}
		if want := rows[i].flags; !slices.Equal(named, want) {
			t.Errorf("%s\nnames %q, want %q", line, named, want)
		}
		if got, want := numbers.FindAllString(quoted.ReplaceAllString(strings.Join(cells[:3], "|"), ""), -1), rows[i].numbers; !slices.Equal(got, want) {
			t.Errorf("%s\nhas the numbers %q, want %q", line, got, want)
		}
		if noBound := len(rows[i].flags) > 0 && len(rows[i].numbers) == 0; noBound != strings.Contains(cells[2], "no bound") {
			t.Errorf("%s\nshould say whether there is a bound", line)
		}
	}
	if n := strings.Count(table, "\n") + 1; n != len(rows) {
		t.Errorf("the table has %d rows, want %d", n, len(rows))
	}
	for _, f := range app.Find(documentedApp().Commands, "serve").Flags {
		category := f.(cli.CategorizableFlag).GetCategory()
		if name := f.Names()[0]; category == "Limits" && !documented[name] && name != "slow" {
			t.Errorf("--%s is not in the table", name)
		}
	}
	for _, sentence := range []string{
		fmt.Sprintf("at most\n  %d KiB of it stands in a line (%d KiB with `-vv`)", sourceConstant(t, "internal/app", "maxForeign")>>10, sourceConstant(t, "internal/app", "maxForeignDebug")>>10),
		fmt.Sprintf("up to %d MiB of such memory for %s ", sourceConstant(t, "../../core/serve", "spareMost")>>20,
			inWords(time.Duration(sourceConstant(t, "../../core/serve", "spareTime")))),
		fmt.Sprintf("attacks a server in %d ways at once", len(attacks())),
	} {
		if !strings.Contains(string(text), sentence) {
			t.Errorf("it does not say %q", sentence)
		}
	}
	usage := app.FindFlag(app.Find(documentedApp().Commands, "serve").Flags, "max-pending").(*cli.GenericFlag).Usage
	if !strings.Contains(usage, "unfinished messages") || !strings.Contains(usage, "waiting messages") {
		t.Errorf("--max-pending does not say what it bounds: %s", usage)
	}
}
