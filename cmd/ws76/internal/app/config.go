package app

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/internal/textfile"
)

// maxConfig bounds the configuration file in bytes.
const maxConfig = 1 << 20

const profileTable = "profile"

// Config is the configuration file: defaults of flags, and profiles. Its tables
// are named as commands, its keys as flags.
type Config struct {
	Path string         // of the file; "": there is none
	Text string         // of it
	Root map[string]any // what Decode has made of Text
	Log  *Logger        // that hides the passwords in it
	used []string       // profiles that the command line names

	set map[string][]string // flags that were set from here, by name: the key
}

// configFlag is --config.
func configFlag(category string) cli.Flag {
	return &cli.StringFlag{Name: "config", Category: category, Usage: "take defaults and profiles from `FILE`; an empty name: from none",
		DefaultText: "$XDG_CONFIG_HOME/ws76/config.toml"}
}

// LoadConfig reads the configuration: of path, or of the usual place if there is
// one and path was not given. It checks all keys against the commands.
func (e *Env) LoadConfig(commands []*cli.Command, path string, given bool) (*Config, error) {
	if e.config != nil {
		return e.config, nil
	}
	if !given {
		path = ""
		if dir, err := e.xdg("XDG_CONFIG_HOME", ".config"); err == nil {
			path = filepath.Join(dir, "ws76", "config.toml")
		}
	}
	c := &Config{Path: path, Log: e.Log}
	if path != "" {
		text, err := ReadConfig(path)
		if err != nil && (given || !errors.Is(err, fs.ErrNotExist)) {
			return nil, WithCode(ExitConfig, fmt.Errorf("reading the configuration: %w", err))
		}
		c.Text = text
	}
	if err := c.Decode(); err != nil {
		return nil, err
	}
	if err := c.check(commands); err != nil {
		return nil, err
	}
	e.config = c
	return c, nil
}

// ReadConfig reads a configuration file, or another one of its kind, as far as it is not too large for one.
func ReadConfig(path string) (string, error) {
	text, err := textfile.Read(path, maxConfig)
	return string(text), err
}

// Decode reads Text into Root.
func (c *Config) Decode() error {
	_, err := toml.Decode(c.Text, &c.Root)
	var at toml.ParseError
	if errors.As(err, &at) {
		err = fmt.Errorf("%s:%d: %s", c.Path, at.Position.Line, at.Message)
	}
	c.Log.hideIn(c.Root)
	return WithCode(ExitConfig, err)
}

// Wrong returns an error about a key, with the line it stands in.
func (c *Config) Wrong(key []string, format string, args ...any) error {
	where := c.Path
	if line := tomlLine(c.Text, key); line > 0 {
		where += ":" + strconv.Itoa(line)
	}
	return WithCode(ExitConfig, fmt.Errorf("%s: %s: %w", where, strings.Join(key, "."), fmt.Errorf(format, args...)))
}

// check finds the keys that no command has.
func (c *Config) check(commands []*cli.Command) error {
	for _, name := range c.Profiles() {
		key := []string{profileTable, name}
		table, ok := c.Profile(name)
		if !ok {
			return c.Wrong(key, "a profile is a table, with a url and flags")
		}
		for _, k := range slices.Sorted(maps.Keys(table)) {
			if k == "url" {
				if _, ok := table[k].(string); !ok {
					return c.Wrong(append(key, k), "want a string")
				}
			} else if err := c.checkFlag(commands, append(key, k)); err != nil {
				return err
			}
		}
	}
	return c.checkTable(commands, c.Root, nil)
}

// checkTable checks the table at path, whose keys are commands, and flags that one of them has.
func (c *Config) checkTable(commands []*cli.Command, table map[string]any, path []string) error {
	for _, k := range slices.Sorted(maps.Keys(table)) {
		key := append(path[:len(path):len(path)], k)
		sub, isTable := table[k].(map[string]any)
		command := Find(commands, k)
		var err error
		switch {
		case len(path) == 0 && k == profileTable:
			if !isTable {
				err = c.Wrong(key, "want tables, like [profile.lab]")
			}
		case !isTable:
			err = c.checkFlag(commands, key)
		case command == nil:
			err = c.Wrong(key, "there is no such command%s", DidYouMean(k, CommandNames(commands), "%s"))
		case len(command.Subcommands) > 0:
			err = c.checkTable(command.Subcommands, sub, key)
		default:
			for _, k := range slices.Sorted(maps.Keys(sub)) {
				if err = c.checkFlag([]*cli.Command{command}, append(key, k)); err != nil {
					break
				}
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkFlag checks that the last part of key is a flag of one of the commands, or below them.
func (c *Config) checkFlag(commands []*cli.Command, key []string) error {
	var all []cli.Flag
	var known []string
	for len(commands) > 0 {
		command := commands[0]
		commands = append(commands[1:len(commands):len(commands)], command.Subcommands...)
		for _, f := range command.Flags {
			all = append(all, f)
			if name := f.Names()[0]; Configurable([]cli.Flag{f}, name) != nil {
				known = append(known, name)
			}
		}
	}
	name := key[len(key)-1]
	if Configurable(all, name) != nil {
		return nil
	}
	return c.Wrong(key, "there is no flag --%s%s", name, DidYouMean(name, known, "%s"))
}

// Configurable returns the flag that a key sets, nil if there is none. Of a flag
// that may be repeated the plural is a name too: headers.
func Configurable(list []cli.Flag, key string) cli.Flag {
	for _, f := range list {
		name := f.Names()[0]
		if name != "config" && name != "help" && (key == name || flags.Repeatable(f) && key == name+"s") {
			return f
		}
	}
	return nil
}

// Profiles returns the names of the profiles, sorted.
func (c *Config) Profiles() []string {
	all, _ := c.Root[profileTable].(map[string]any)
	return slices.Sorted(maps.Keys(all))
}

// Profile returns the table of a profile.
func (c *Config) Profile(name string) (map[string]any, bool) {
	all, _ := c.Root[profileTable].(map[string]any)
	table, ok := all[name].(map[string]any)
	return table, ok
}

// use returns the URL of a profile, whose other keys apply from then on.
func (c *Config) use(name string) (string, error) {
	table, ok := c.Profile(name)
	if !ok {
		return "", WithCode(ExitConfig, fmt.Errorf("@%s: there is no [profile.%[1]s] in %s%s", name, c.Path, DidYouMean(name, c.Profiles(), "@%s")))
	}
	url, ok := table["url"].(string)
	if !ok {
		return "", c.Wrong([]string{profileTable, name}, "this profile has no url")
	}
	c.used = append(c.used, name)
	return url, nil
}

// expandProfiles puts the URLs of profiles in place of @NAME, where the command takes a URL. args are permuted.
func (e *Env) expandProfiles(app *cli.App, args []string) ([]string, error) {
	split := slices.Index(args, "--")
	if split < 0 {
		return args, nil
	}
	var command *cli.Command
	commands := app.Commands
	path, given := e.Getenv("WS76_CONFIG"), e.Getenv("WS76_CONFIG") != ""
	for i, arg := range args[1:split] {
		if sub := Find(commands, arg); sub != nil {
			command, commands = sub, sub.Subcommands
		}
		if arg == "--config" && i+2 < split {
			path, given = args[i+2], true
		} else if value, ok := strings.CutPrefix(arg, "--config="); ok {
			path, given = value, true
		}
	}
	if command == nil {
		return args, nil
	}
	for i, what := range strings.Fields(command.ArgsUsage) {
		at := split + 1 + i
		if at >= len(args) {
			break
		}
		name, ok := strings.CutPrefix(args[at], "@")
		if !ok || !slices.Contains([]string{"URL", "FROM", "TO"}, strings.Trim(what, "[].")) {
			continue
		}
		c, err := e.LoadConfig(app.Commands, path, given)
		if err != nil {
			return nil, err
		}
		url, err := c.use(name)
		if err != nil {
			return nil, err
		}
		args = slices.Clone(args)
		args[at] = url
	}
	return args, nil
}

// configure gives the flags of a command that neither the command line nor the environment has set what the
// configuration says: first the profiles, then the command's table, then those above it.
func (e *Env) configure(c *cli.Context) error {
	cfg, err := e.LoadConfig(c.App.Commands, c.String("config"), c.IsSet("config"))
	if err != nil {
		return err
	}
	for _, name := range cfg.used {
		table, _ := cfg.Profile(name)
		if err := cfg.Apply(c, table, []string{profileTable, name}, false); err != nil {
			return err
		}
	}
	path := commandPath(c)
	for n := len(path); n >= 0; n-- {
		table := cfg.Root
		for _, name := range path[:n] {
			table, _ = table[name].(map[string]any)
		}
		if err := cfg.Apply(c, table, path[:n], n < len(path) || len(c.Command.Subcommands) > 0); err != nil {
			return err
		}
	}
	return nil
}

// commandPath returns the names of a command and of those it is below, the uppermost first, as they stand in the tree.
func commandPath(c *cli.Context) (path []string) {
	for _, c := range c.Lineage() {
		if c.Command != nil {
			path = append(path, c.Command.Name)
		}
	}
	slices.Reverse(path)
	for len(path) > 0 && Find(c.App.Commands, path[0]) == nil {
		path = path[1:] // the program
	}
	return path
}

// Apply sets the flags that table, at path, names and that are not set. The
// tables in it are no flags if it is of several commands.
func (c *Config) Apply(ctx *cli.Context, table map[string]any, path []string, several bool) error {
	by := map[string]string{} // flag: key
	var unset []cli.Flag      // to set; all are found before one is set
	for _, k := range slices.Sorted(maps.Keys(table)) {
		key := append(path[:len(path):len(path)], k)
		if _, ok := table[k].(map[string]any); ok && several {
			continue
		}
		f := Configurable(ctx.Command.Flags, k)
		if f == nil {
			if len(path) > 0 && path[0] == profileTable && k != "url" && reaches(ctx.App.Commands, k) {
				return c.Wrong(key, "%s has no --%s, so it cannot reach what this profile is for", ctx.Command.HelpName, k)
			}
			continue
		}
		name := f.Names()[0]
		if by[name] != "" {
			return c.Wrong(key, "is %s already", by[name])
		}
		by[name] = k
		if !ctx.IsSet(name) && (instead[name] == "" || !ctx.IsSet(instead[name])) {
			unset = append(unset, f)
		}
	}
	for _, f := range unset {
		k := by[f.Names()[0]]
		if err := setFlag(ctx, f, table[k]); err != nil {
			return c.Wrong(append(path[:len(path):len(path)], k), "%w", err)
		}
		if c.set == nil {
			c.set = map[string][]string{}
		}
		c.set[f.Names()[0]] = append(path[:len(path):len(path)], k)
	}
	return nil
}

// flagOf finds the flag that an error is about.
var flagOf = regexp.MustCompile(`^(?:[a-z ]+: )?--([a-z0-9-]+)`)

// blame makes of an error about the value of a flag that was set from here one about the configuration.
func (c *Config) blame(err error) error {
	var usage UsageError
	if c == nil || !errors.As(err, &usage) {
		return err
	}
	if m := flagOf.FindStringSubmatch(err.Error()); m != nil {
		if key := c.set[m[1]]; key != nil {
			return c.Wrong(key, "%s", err.Error()) // not %w: it is no mistake of the command line
		}
		return err
	}
	// One that names no flag quotes what is wrong.
	for _, name := range slices.Sorted(maps.Keys(c.set)) {
		var value any = c.Root
		for _, k := range c.set[name] {
			table, _ := value.(map[string]any)
			value = table[k]
		}
		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}
		for _, v := range list {
			if text, _ := v.(string); text != "" && strings.Contains(err.Error(), strconv.Quote(text)) {
				return c.Wrong(c.set[name], "%s", err.Error())
			}
		}
	}
	return err
}

// instead are flags of which one takes the place of the other.
var instead = map[string]string{"out": "format", "format": "out", "quiet": "verbose", "verbose": "quiet", "ipv4": "ipv6", "ipv6": "ipv4"}

// reachCategories are those of the flags that say how a URL is reached.
var reachCategories = []string{"Handshake", "Network", "TLS"}

// reaches reports whether a key of a profile says how to reach its URL, as the flag of a command that takes one: others
// must not leave that out.
func reaches(commands []*cli.Command, key string) bool {
	return slices.ContainsFunc(commands, func(c *cli.Command) bool {
		f, ok := Configurable(c.Flags, key).(cli.CategorizableFlag)
		return ok && strings.Contains(c.ArgsUsage, "URL") && slices.Contains(reachCategories, f.GetCategory())
	})
}

// setFlag sets a flag to a value of TOML.
func setFlag(ctx *cli.Context, f cli.Flag, value any) error {
	name := f.Names()[0]
	values := []any{value}
	if list, ok := value.([]any); ok {
		if !flags.Repeatable(f) {
			return errors.New("takes one value")
		}
		values = list
	}
	// -vvv is verbose = 3.
	if n, ok := value.(int64); ok && name == "verbose" {
		values = slices.Repeat([]any{true}, int(max(0, min(n, 3))))
	}
	for _, v := range values {
		switch v.(type) {
		case string, bool, int64, float64:
		default:
			return errors.New("want a string, a number, true or false, or an array of strings")
		}
		if err := ctx.Set(name, fmt.Sprint(v)); err != nil {
			return fmt.Errorf("%q is no value of --%s: %s", fmt.Sprint(v), name, wanted(f, err.Error()))
		}
	}
	return nil
}

// tomlLine finds the line, from 1, that sets key or begins its table; 0 where it
// is written in a way that this does not know.
func tomlLine(text string, key []string) int {
	var table []string
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "["); ok {
			name, _, _ := strings.Cut(strings.TrimLeft(rest, "["), "]")
			table = tomlKey(name)
			if slices.Equal(table, key) {
				return number
			}
			continue
		}
		name, _, ok := strings.Cut(line, "=")
		if ok && slices.Equal(append(table[:len(table):len(table)], tomlKey(name)...), key) {
			return number
		}
	}
	return 0
}

// tomlKey splits a dotted key. Dots within quotes are not looked for.
func tomlKey(text string) []string {
	parts := strings.Split(text, ".")
	for i, part := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(part), `"'`)
	}
	return parts
}
