package plugins

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// ParseUse reads what --plugin takes: NAME[,option=value…]. A comma begins a new setting where a name and "=" follow
// it; any other belongs to the value, as does one behind a backslash.
func ParseUse(text string) (name string, settings map[string]string, err error) {
	parts := splitSettings(text)
	name = parts[0]
	if name == "" {
		return "", nil, fmt.Errorf("%q: want NAME or NAME,OPTION=VALUE,…", text)
	}
	settings = map[string]string{}
	for _, part := range parts[1:] {
		if err := AddSetting(settings, part); err != nil {
			return "", nil, err
		}
	}
	return name, settings, nil
}

// AddSetting adds OPTION=VALUE to settings.
func AddSetting(settings map[string]string, text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || !optionForm.MatchString(key) {
		return fmt.Errorf("%q: want OPTION=VALUE", text)
	}
	if _, twice := settings[key]; twice {
		return fmt.Errorf("%s is set twice", key)
	}
	settings[key] = value
	return nil
}

var settingStart = regexp.MustCompile(`^[a-z][a-z0-9_-]*=`)

// splitSettings splits text at the commas that begin a setting. The first part ends at the first comma in any case.
func splitSettings(text string) []string {
	var parts []string
	start := 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case text[i] == ',' && (len(parts) == 0 || settingStart.MatchString(text[i+1:])):
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}

// unescape takes the backslash off the commas of a value.
func unescape(s string) string { return strings.ReplaceAll(s, `\,`, ",") }

// values are options as they are handed to Lua, by name: string, float64, bool or []string.
type values map[string]any

// check reads settings by the types of the options, and adds the defaults of those that are not set.
func (m *Manifest) check(settings map[string]string) (values, error) {
	known := make([]string, 0, len(m.Options))
	v := values{}
	for _, o := range m.Options {
		known = append(known, o.Name)
		text, set := settings[o.Name]
		switch {
		case set:
		case o.Required:
			return nil, fmt.Errorf("plugin %s: option %s (%s) must be set, as in --plugin %s,%s=…", m.Name, o.Name, o.Type, m.Name, o.Name)
		case o.HasDefault:
			text = o.Default
		case o.Type == "list":
			v[o.Name] = []string{}
			continue
		default:
			continue
		}
		parsed, err := o.parse(text)
		if err != nil {
			return nil, fmt.Errorf("plugin %s: option %s: %w", m.Name, o.Name, err)
		}
		v[o.Name] = parsed
	}
	for name := range settings {
		if slices.Contains(known, name) {
			continue
		}
		if len(known) == 0 {
			return nil, fmt.Errorf("plugin %s: there is no option %q; it has none", m.Name, name)
		}
		return nil, fmt.Errorf("plugin %s: there is no option %q; there are %s", m.Name, name, strings.Join(known, ", "))
	}
	return v, nil
}

// parse reads the text of a setting by the option's type.
func (o *Option) parse(text string) (any, error) {
	if o.Type == "list" {
		return splitList(text), nil
	}
	text = unescape(text)
	switch o.Type {
	case "int":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n > 1<<53 || n < -1<<53 { // Lua's numbers hold no more
			return nil, fmt.Errorf("%q is no whole number", text)
		}
		return float64(n), nil
	case "float":
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, fmt.Errorf("%q is no number", text)
		}
		return n, nil
	case "bool":
		switch text {
		case "true", "yes", "on", "1":
			return true, nil
		case "false", "no", "off", "0":
			return false, nil
		}
		return nil, fmt.Errorf("%q: want true or false", text)
	case "duration":
		if text == "0" {
			return 0.0, nil
		}
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return nil, fmt.Errorf("%q is no time; write it like 500ms, 15s or 1h", text)
		}
		return d.Seconds(), nil
	case "size":
		return parseSize(text)
	case "enum":
		if !slices.Contains(o.Values, text) {
			return nil, fmt.Errorf("%q: want %s", text, strings.Join(o.Values, ", "))
		}
	}
	return text, nil
}

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
	{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1}, {"", 1},
}

// parseSize reads a number of bytes.
func parseSize(text string) (any, error) {
	for _, unit := range sizeUnits {
		digits, ok := strings.CutSuffix(strings.ToUpper(text), unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 0 || n > 1<<53/unit.bytes {
			break
		}
		return float64(n * unit.bytes), nil
	}
	return nil, fmt.Errorf("%q is no size; write bytes or a number with KiB, MiB or GiB", text)
}

// splitList splits at the commas that have no backslash before them.
func splitList(text string) []string {
	list := []string{}
	if text == "" {
		return list
	}
	start := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case ',':
			list = append(list, unescape(text[start:i]))
			start = i + 1
		}
	}
	return append(list, unescape(text[start:]))
}

// define makes the global table options.
func (v values) define(L *lua.LState, _ *lua.LTable) {
	t := L.CreateTable(0, len(v))
	for name, value := range v {
		switch value := value.(type) {
		case string:
			t.RawSetString(name, lua.LString(value))
		case float64:
			t.RawSetString(name, lua.LNumber(value))
		case bool:
			t.RawSetString(name, lua.LBool(value))
		case []string:
			list := L.CreateTable(len(value), 0)
			for _, item := range value {
				list.Append(lua.LString(item))
			}
			t.RawSetString(name, list)
		}
	}
	L.SetGlobal("options", t)
}
