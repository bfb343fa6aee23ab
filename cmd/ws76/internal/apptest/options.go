package apptest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
)

// Rows are command lines, and what each makes of the options of an empty one.
type Rows[T any] []struct {
	Args   []string
	Change func(o *T)
}

// CheckOptions holds what read makes of command lines of a command against the rows. Each flag of the command has to be in one
// of them; those of groups, and those that all commands have, are read elsewhere.
func CheckOptions[T any](t *testing.T, command func() *cli.Command, read func(*cli.Context) *T, groups []cli.Flag, rows Rows[T]) {
	t.Helper()
	name, flags := command().Name, command().Flags
	parse := func(args []string) (o *T) {
		command := command() // flags keep what they were given
		program := &cli.App{Commands: []*cli.Command{command}, DisableSliceFlagSeparator: true, UseShortOptionHandling: true, HideHelpCommand: true}
		command.Action = func(c *cli.Context) error {
			o = read(c)
			return nil
		}
		if err := program.Run(app.Permute(program, append([]string{"ws76", name}, args...))); err != nil {
			t.Fatalf("%s %q: %v", name, args, err)
		}
		return o
	}
	used := map[string]bool{}
	empty := leavesOf(parse(nil))
	for _, row := range rows {
		want := parse(nil)
		row.Change(want)
		got, wanted := leavesOf(parse(row.Args)), leavesOf(want)
		all := maps.Clone(got)
		maps.Copy(all, wanted)
		for _, field := range slices.Sorted(maps.Keys(all)) {
			if got[field] != wanted[field] {
				t.Errorf("%s %q: %s is %q, want %q", name, row.Args, field, got[field], wanted[field])
			}
		}
		if reflect.DeepEqual(wanted, empty) {
			t.Errorf("%s %q changes nothing", name, row.Args)
		}
		for _, arg := range row.Args {
			flag, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
			if f := app.FindFlag(flags, flag); f != nil && flag != arg {
				used[f.Names()[0]] = true
			}
		}
	}
	shared := append(new(app.Env).Command(cli.Command{}).Flags, groups...)
	for _, f := range flags {
		if flag := f.Names()[0]; !used[flag] && app.FindFlag(shared, flag) == nil {
			t.Errorf("no row of %s has --%s", name, flag)
		}
	}
}

// leavesOf are the values in v that are not zero, by their place. A slice that is empty is as none.
func leavesOf(v any) map[string]string {
	leaves := map[string]string{}
	walk("", reflect.ValueOf(v), leaves)
	return leaves
}

func walk(place string, v reflect.Value, leaves map[string]string) {
	switch v.Kind() {
	case reflect.Func:
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			leaves[place] = "there"
			walk(place, v.Elem(), leaves)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			walk(place+"."+v.Type().Field(i).Name, v.Field(i), leaves)
		}
	case reflect.Slice:
		for i := range v.Len() {
			leaves[fmt.Sprintf("%s[%d]", place, i)] = "there"
			walk(fmt.Sprintf("%s[%d]", place, i), v.Index(i), leaves)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			leaves[fmt.Sprintf("%s[%v]", place, key)] = fmt.Sprint(v.MapIndex(key))
		}
	default:
		if !v.IsZero() {
			leaves[place] = fmt.Sprint(v)
		}
	}
}
