package flags

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

// parse runs a program with one flag.
func parse(t *testing.T, f cli.Flag, args ...string) (c *cli.Context, err error) {
	t.Helper()
	app := &cli.App{Name: "p", Flags: []cli.Flag{f}, Action: func(ctx *cli.Context) error { c = ctx; return nil }, Writer: new(strings.Builder), ErrWriter: new(strings.Builder)}
	err = app.Run(append([]string{"p"}, args...))
	return c, err
}

func TestWord(t *testing.T) {
	make := func() *cli.GenericFlag {
		return Word(cli.GenericFlag{Name: "f", Usage: "`WHEN`: %s; that is all"}, "never", "auto (unless X is set)", "drop-new, as always,", "never")
	}
	if got, want := make().Usage, "`WHEN`: auto (unless X is set), drop-new, as always, or never; that is all"; got != want {
		t.Errorf("usage %q, want %q", got, want)
	}
	if got := make().Value.(*words).Words(); !slices.Equal(got, []string{"auto", "drop-new", "never"}) || Repeatable(make()) {
		t.Errorf("words %q", got)
	}
	for _, tt := range []struct{ args, want string }{
		{"", "never"}, {"--f auto", "auto"}, {"--f drop-new", "drop-new"}, {"--f dropnew", "drop-new"}, {"--f auto --f never", "never"},
		{"--f Auto", ""}, {"--f auto,never", ""}, {"--f=", ""}, {"--f drop", ""},
	} {
		c, err := parse(t, make(), strings.Fields(tt.args)...)
		switch {
		case tt.want == "" && (err == nil || !strings.HasSuffix(err.Error(), "want one of auto, drop-new, never")):
			t.Errorf("%q: %v", tt.args, err)
		case tt.want != "" && (err != nil || c.String("f") != tt.want):
			t.Errorf("%q: %v", tt.args, err)
		}
	}
}

func TestWords(t *testing.T) {
	make := func() cli.Flag { return Words(cli.GenericFlag{Name: "f", Usage: "%s"}, "a", "b-c", "d") }
	if !Repeatable(make()) || !Repeatable(&cli.StringSliceFlag{}) || Repeatable(&cli.StringFlag{}) {
		t.Error("which flags may be repeated is wrong")
	}
	for _, tt := range []struct {
		args string
		want []string
	}{
		{"", nil}, {"--f a", []string{"a"}}, {"--f a --f bc", []string{"a", "b-c"}}, {"--f d,a --f d", []string{"d", "a", "d"}},
	} {
		c, err := parse(t, make(), strings.Fields(tt.args)...)
		if err != nil || !slices.Equal(Chosen(c, "f"), tt.want) {
			t.Errorf("%q: %v", tt.args, err)
		}
	}
	if _, err := parse(t, make(), "--f", "a,x"); err == nil {
		t.Error("a word that there is not passed")
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "4096": 4096, "64KiB": 64 << 10, "16MiB": 16 << 20, "1GB": 1e9, "2g": 2 << 30, "3 KB": 3000, "7B": 7, "5k": 5 << 10,
		"": 0, "0": 0, "-1": 0, "1.5M": 0, "x": 0, "KiB": 0, "9223372036854775807K": 0, "1TB": 0,
	} {
		c, err := parse(t, Size(cli.GenericFlag{Name: "f"}, 10), "--f="+text)
		switch {
		case want == 0 && (err == nil || !strings.HasSuffix(err.Error(), "want bytes, or a number with KiB, MiB or GiB")):
			t.Errorf("%q: %v", text, err)
		case want != 0 && (err != nil || Bytes(c, "f") != want):
			t.Errorf("%q: %v", text, err)
		}
	}
	for n, want := range map[int64]string{0: "0", 1: "1", 1000: "1000", 64 << 10: "64KiB", 16 << 20: "16MiB", 3 << 30: "3GiB", 1<<20 + 1024: "1025KiB"} {
		if got := FormatBytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestTime(t *testing.T) {
	for _, tt := range []struct {
		text, usage string
		def, want   time.Duration
		err         string
	}{
		{"5", "", 1, 5 * time.Second, ""}, {"0.25", "", 1, 250 * time.Millisecond, ""}, {"500ms", "", 1, 500 * time.Millisecond, ""},
		{"1m30s", "", 1, 90 * time.Second, ""}, {"2h", "", 1, 2 * time.Hour, ""},
		{"0", "", 0, 0, ""}, {"0s", "off (0: never)", 1, 0, ""}, {"0", "", 1, 0, "want more than 0"},
		{"-1", "", 0, 0, "want 0 or more"}, {"-1s", "", 1, 0, "want more than 0"},
		{"NaN", "", 1, 0, "or seconds"}, {"Inf", "", 1, 0, "or seconds"}, {"1e3", "", 1, 0, "or seconds"}, {"", "", 1, 0, "or seconds"},
		{"5 s", "", 1, 0, "or seconds"}, {"9999999999999", "", 1, 0, "or seconds"}, {"5x", "", 1, 0, "or seconds"},
	} {
		c, err := parse(t, Time(cli.GenericFlag{Name: "f", Usage: tt.usage}, tt.def), "--f="+tt.text)
		switch {
		case tt.err != "" && (err == nil || !strings.HasSuffix(err.Error(), tt.err)):
			t.Errorf("%q: %v", tt.text, err)
		case tt.err == "" && (err != nil || c.Duration("f") != tt.want || c.Value("f") != tt.want):
			t.Errorf("%q: %v", tt.text, err)
		}
	}
	if got := Time(cli.GenericFlag{}, 2*time.Minute).GetDefaultText(); got != "2m0s" {
		t.Errorf("default %q", got)
	}
}
