package module

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// kind is what values of a parameter look like.
type kind uint8

const (
	text   kind = iota // up to max characters
	digits             // max of them, in hex, or none
	number             // shown in decimal, min to max
	mask               // a number that is shown in hex
	addr               // an IPv4 address
	char               // one character, or its number
)

// param is one setting: set GROUP NAME VALUE. max of 0 is no bound for numbers.
type param struct {
	group, name, label string
	kind               kind
	def                string
	min, max           int
	aliases            []string
}

// params are the settings in the order in which get shows them. Some change nothing in software (txpower, sensor
// masks); they are kept, shown and saved, as hosts set them and check what they set.
var params = []param{
	{group: "wlan", name: "ssid", label: "SSID", kind: text, def: "roving1", max: 32},
	{group: "wlan", name: "channel", label: "Chan", kind: number, def: "0", max: 13},
	{group: "wlan", name: "ext_antenna", label: "ExtAnt", kind: number, def: "0", max: 1},
	{group: "wlan", name: "join", label: "Join", kind: number, def: "1", max: 7},
	{group: "wlan", name: "auth", label: "Auth", kind: number, def: "0", max: 8},
	{group: "wlan", name: "mask", label: "Mask", kind: mask, def: "0x1fff", max: 0xffff},
	{group: "wlan", name: "rate", label: "Rate", kind: number, def: "12", max: 15},
	{group: "wlan", name: "linkmon", label: "Linkmon", kind: number, def: "0", max: 255},
	{group: "wlan", name: "phrase", label: "Passphrase", kind: text, def: "rubygirl", max: 64, aliases: []string{"passphrase"}},
	{group: "wlan", name: "key", label: "Key", kind: digits, def: "", max: 26},
	{group: "wlan", name: "txpower", label: "TxPower", kind: number, def: "0", max: 12},
	{group: "wlan", name: "hide", label: "Hide", kind: number, def: "0", max: 1},

	{group: "ip", name: "dhcp", label: "DHCP", kind: number, def: "1", max: 4},
	{group: "ip", name: "address", label: "IP", kind: addr, def: "0.0.0.0"},
	{group: "ip", name: "localport", label: "Port", kind: number, def: "2000", min: 1, max: 65535},
	{group: "ip", name: "netmask", label: "NM", kind: addr, def: "255.255.255.0"},
	{group: "ip", name: "gateway", label: "GW", kind: addr, def: "0.0.0.0"},
	{group: "ip", name: "host", label: "HOST", kind: addr, def: "0.0.0.0"},
	{group: "ip", name: "remote", label: "RemotePort", kind: number, def: "2000", min: 1, max: 65535},
	{group: "ip", name: "proto", label: "PROTO", kind: number, def: "2", max: 31, aliases: []string{"protocol"}},
	{group: "ip", name: "mtu", label: "MTU", kind: number, def: "1524", max: 1524},
	{group: "ip", name: "flags", label: "FLAGS", kind: mask, def: "0x7", max: 0xff},
	{group: "ip", name: "tcp-mode", label: "TCPMODE", kind: mask, def: "0x0", max: 0xff},
	{group: "ip", name: "backup", label: "BACKUP", kind: addr, def: "0.0.0.0"},

	{group: "comm", name: "open", label: "OPEN", kind: text, def: "*OPEN*", max: 32},
	{group: "comm", name: "close", label: "CLOSE", kind: text, def: "*CLOS*", max: 32},
	{group: "comm", name: "remote", label: "REMOTE", kind: text, def: "*HELLO*", max: 64},
	{group: "comm", name: "size", label: "FlushSize", kind: number, def: "64", min: 1, max: 1460},
	{group: "comm", name: "match", label: "MatchChar", kind: char, def: "0"},
	{group: "comm", name: "time", label: "FlushTimer", kind: number, def: "10", max: 65535},
	{group: "comm", name: "idle", label: "IdleTimer", kind: number, def: "0", max: 65535},
	{group: "comm", name: "$", label: "CmdChar", kind: char, def: "36"},

	{group: "uart", name: "baud", label: "Baudrate", kind: number, def: "9600", min: 2400, max: 921600},
	{group: "uart", name: "flow", label: "Flow", kind: mask, def: "0x0", max: 0x21},
	{group: "uart", name: "mode", label: "Mode", kind: mask, def: "0x0", max: 0xff},
	{group: "uart", name: "tx", label: "Tx", kind: number, def: "1", max: 1},

	{group: "sys", name: "sleep", label: "SleepTmr", kind: number, def: "0", max: 65535},
	{group: "sys", name: "wake", label: "WakeTmr", kind: number, def: "0"},
	{group: "sys", name: "trigger", label: "Trigger", kind: mask, def: "0x1", max: 0xff},
	{group: "sys", name: "autoconn", label: "Autoconn", kind: number, def: "0", max: 255},
	{group: "sys", name: "iofunc", label: "IoFunc", kind: mask, def: "0x0", max: 0xff},
	{group: "sys", name: "mask", label: "IoMask", kind: mask, def: "0x21f0", max: 0xffff},
	{group: "sys", name: "value", label: "IoValue", kind: mask, def: "0x0", max: 0xffff},
	{group: "sys", name: "printlvl", label: "PrintLvl", kind: mask, def: "0x1", max: 0x4fff},

	{group: "dns", name: "address", label: "Address", kind: addr, def: "0.0.0.0"},
	{group: "dns", name: "name", label: "Name", kind: text, def: "dns1", max: 64},
	{group: "dns", name: "backup", label: "Backup", kind: text, def: "rn.microchip.com", max: 64},

	{group: "opt", name: "jointmr", label: "JoinTmr", kind: number, def: "1000", max: 65535},
	{group: "opt", name: "replace", label: "Replace", kind: char, def: "36"},
	{group: "opt", name: "deviceid", label: "DeviceId", kind: text, def: "WiFly-GSX", max: 32},
	{group: "opt", name: "sensor", label: "Sensors", kind: mask, def: "0x0", max: 0xff},
	{group: "opt", name: "password", label: "Password", kind: text, def: "", max: 32},
	{group: "opt", name: "format", label: "Format", kind: mask, def: "0x0", max: 0xffff},
	{group: "opt", name: "signal", label: "Signal", kind: number, def: "0", max: 255},

	{group: "time", name: "address", label: "ADDR", kind: addr, def: "64.90.182.55"},
	{group: "time", name: "port", label: "PORT", kind: number, def: "123", min: 1, max: 65535},
	{group: "time", name: "zone", label: "ZONE", kind: number, def: "7", max: 24},
	{group: "time", name: "enable", label: "Enable", kind: number, def: "0", max: 65535},

	{group: "broadcast", name: "address", label: "BCAST", kind: addr, def: "255.255.255.255"},
	{group: "broadcast", name: "port", label: "BPort", kind: number, def: "55555", min: 1, max: 65535},
	{group: "broadcast", name: "interval", label: "Interval", kind: mask, def: "0x7", max: 0xff},

	{group: "apmode", name: "ssid", label: "ApSSID", kind: text, def: "", max: 32},
	{group: "apmode", name: "passphrase", label: "ApPhrase", kind: text, def: "", max: 64},
	{group: "apmode", name: "beacon", label: "Beacon", kind: number, def: "102", max: 65535},
	{group: "adhoc", name: "beacon", label: "Beacon", kind: number, def: "100", max: 65535},
	{group: "adhoc", name: "probe", label: "Probe", kind: number, def: "5", max: 65535},
	{group: "ftp", name: "address", label: "FTP", kind: addr, def: "0.0.0.0"},
	{group: "ftp", name: "remote", label: "FTPPort", kind: number, def: "21", min: 1, max: 65535},
	{group: "ftp", name: "filename", label: "FILE", kind: text, def: "wifly.img", max: 32},
	{group: "ftp", name: "user", label: "USER", kind: text, def: "roving", max: 32},
	{group: "ftp", name: "pass", label: "PASS", kind: text, def: "Pass123", max: 32},
	{group: "q", name: "sensor", label: "Q", kind: mask, def: "0x0", max: 0xffff},
	{group: "q", name: "power", label: "Power", kind: mask, def: "0x0", max: 0xffff},
}

// groups are the names of groups in their order; one letter is enough for a host to name one, the first that has it.
var groups = func() []string {
	var names []string
	for _, p := range params {
		if !slices.Contains(names, p.group) {
			names = append(names, p.group)
		}
	}
	return names
}()

// bauds are the rates of set uart baud; set uart raw takes any other.
var bauds = []int{2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600}

// settings are values by "group name", normalised by normal. A missing one is the default.
type settings map[string]string

// find returns the parameter that group and name stand for; both may be cut short.
func find(group, name string) (*param, bool) {
	group, ok := findGroup(group)
	if !ok || name == "" {
		return nil, false
	}
	var cut *param
	for i := range params {
		p := &params[i]
		if p.group != group {
			continue
		}
		if p.name == name || slices.Contains(p.aliases, name) {
			return p, true
		}
		if cut == nil && (strings.HasPrefix(p.name, name) || slices.ContainsFunc(p.aliases, func(a string) bool { return strings.HasPrefix(a, name) })) {
			cut = p
		}
	}
	return cut, cut != nil
}

func findGroup(name string) (string, bool) {
	if name == "option" {
		return "opt", true
	}
	i := slices.IndexFunc(groups, func(g string) bool { return name != "" && strings.HasPrefix(g, name) })
	if i < 0 {
		return "", false
	}
	return groups[i], true
}

func (s settings) get(group, name string) string {
	key := group + " " + name
	if v, ok := s[key]; ok {
		return v
	}
	for i := range params {
		if p := &params[i]; p.group == group && p.name == name {
			return p.def
		}
	}
	panic("no setting " + key)
}

// num is the value of a number, a mask or a character.
func (s settings) num(group, name string) int {
	n, _ := parseNumber(s.get(group, name)) // was checked when it was set
	return n
}

// set checks value and keeps it. replace is the character that stands for a blank in texts.
func (s settings) set(p *param, value string, replace byte) error {
	v, err := p.normal(value, replace)
	if err != nil {
		return err
	}
	s[p.group+" "+p.name] = v
	if p.group == "uart" && p.name == "baud" {
		// The firmware "optimises the link" for the rate.
		n, size := s.num("uart", "baud"), "64"
		if n >= 115200 {
			size = "1420"
		}
		s["comm size"] = size
	}
	return nil
}

// normal returns value in the one form in which it is kept.
func (p *param) normal(value string, replace byte) (string, error) {
	bad := func(want string) error { return fmt.Errorf("%s %s %q: want %s", p.group, p.name, value, want) }
	switch p.kind {
	case text:
		if len(value) > p.max {
			return "", bad(fmt.Sprintf("at most %d characters", p.max))
		}
		return strings.ReplaceAll(value, string(rune(replace)), " "), nil
	case digits:
		if _, err := hex.DecodeString(value); err != nil || value != "" && len(value) != p.max {
			return "", bad(fmt.Sprintf("%d hex digits", p.max))
		}
		return value, nil
	case addr:
		a, err := netip.ParseAddr(value)
		if err != nil || !a.Is4() {
			return "", bad("an IPv4 address")
		}
		return a.String(), nil
	case char:
		n, err := parseNumber(value)
		if len(value) == 1 && (value[0] < '0' || value[0] > '9') {
			n, err = int(value[0]), nil
		}
		if err != nil || n > 255 {
			return "", bad("a character or its number")
		}
		return strconv.Itoa(n), nil
	}
	n, err := parseNumber(value)
	if err != nil || n < p.min || p.max > 0 && n > p.max {
		return "", bad(fmt.Sprintf("a number from %d to %d", p.min, p.max))
	}
	if p.kind == mask {
		return fmt.Sprintf("%#x", n), nil
	}
	return strconv.Itoa(n), nil
}

// parseNumber reads decimal or 0x and hex.
func parseNumber(s string) (int, error) {
	base := 10
	if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		s, base = hex, 16
	}
	n, err := strconv.ParseUint(s, base, 31)
	return int(n), err
}

// format writes what differs from the factory's settings, a "set" line each.
func (s settings) format() string {
	var b strings.Builder
	for _, p := range params {
		if v := s.get(p.group, p.name); v != p.def {
			fmt.Fprintf(&b, "set %s %s %s\n", p.group, p.name, v)
		}
	}
	return b.String()
}

// parseSettings reads what format wrote. Here texts stand as they are, blanks included.
func parseSettings(stored string) (settings, error) {
	s := settings{}
	n := 0
	for line := range strings.Lines(stored) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		words := strings.SplitN(line, " ", 4)
		if len(words) < 3 || words[0] != "set" {
			return nil, fmt.Errorf("settings, line %d: %q: want set GROUP NAME VALUE", n, line)
		}
		p, ok := find(words[1], words[2])
		if !ok {
			return nil, fmt.Errorf("settings, line %d: there is no setting %q", n, words[1]+" "+words[2])
		}
		value := ""
		if len(words) == 4 {
			value = words[3]
		}
		v, err := p.normal(value, ' ')
		if err != nil {
			return nil, fmt.Errorf("settings, line %d: %w", n, err)
		}
		s[p.group+" "+p.name] = v
	}
	return s, nil
}
