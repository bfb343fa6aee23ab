package wifly

import (
	"bytes"
	"context"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Info is what a module says of itself. What a firmware does not tell is left out.
type Info struct {
	Firmware   string `json:"firmware"` // the line of "ver"
	MAC        string `json:"mac,omitempty"`
	SSID       string `json:"ssid"`
	Auth       string `json:"auth,omitempty"` // of the network it is in, where it tells; else as set, "" where it asks the access point
	Associated bool   `json:"associated"`
	Channel    int    `json:"channel,omitempty"`
	RSSI       int    `json:"rssi,omitempty"` // dBm
	DHCP       string `json:"dhcp,omitempty"` // "ON", "OFF", …
	IP         string `json:"ip,omitempty"`   // "" while there is none
	Netmask    string `json:"netmask,omitempty"`
	Gateway    string `json:"gateway,omitempty"`
	DNS        string `json:"dns,omitempty"`
	LocalPort  int    `json:"local_port,omitempty"` // of its own server
	TCP        string `json:"tcp"`                  // "idle", "connected", "connecting", "no address"
	Baud       int    `json:"baud"`                 // of the UART now
	Flow       bool   `json:"flow"`                 // RTS/CTS
	Uptime     int    `json:"uptime,omitempty"`     // seconds
	Battery    int    `json:"battery,omitempty"`    // millivolts
	Factory    bool   `json:"factory"`              // its network is the one from the factory
	Leftover   bool   `json:"leftover"`             // it has settings of a session that was cut short, until it reboots
}

// factorySSID is what a module that lost its settings looks for.
const factorySSID = "roving1"

var (
	numberPattern = regexp.MustCompile(`-?\d+`)
	uptimePattern = regexp.MustCompile(`(?i)up\s?time[=:]\s*(\d+)`)
	anyMAC        = regexp.MustCompile(`(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}`)
)

// Info asks the module for what it is and where. It changes nothing.
func (m *Module) Info(ctx context.Context) (*Info, error) {
	info := &Info{Baud: m.Baud()}
	s, err := m.status(ctx)
	if err != nil {
		return nil, err
	}
	info.Associated, info.TCP = s.associated(), tcpNames[s.tcp()]
	if info.Associated {
		info.Channel = s.channel()
	}
	if info.TCP == "" {
		info.TCP = strconv.Itoa(s.tcp())
	}
	all := settings{}
	for _, group := range []string{"wlan", "ip", "uart", "comm"} {
		got, err := m.get(ctx, group)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, got)
	}
	info.SSID, info.Leftover = all["ssid"], isLeftover(all)
	if auth := strings.ToLower(all["auth"]); auth != "open" { // the default, with which it asks
		info.Auth = auth
	}
	info.Factory = info.SSID == factorySSID
	ip, port, _ := strings.Cut(all["ip"], ":")
	if info.DHCP = all["dhcp"]; ip != "0.0.0.0" && s.tcp() != tcpNoIP {
		info.IP, info.Netmask, info.Gateway = ip, all["nm"], all["gw"]
	}
	info.LocalPort, _ = strconv.Atoi(port)
	flow, _ := parseNumber(all["flow"])
	info.Flow = flow&1 != 0

	// The rest is said in words of its own, or not at all by old firmware.
	for _, q := range []struct {
		command string
		take    func(text string)
	}{
		{"ver", func(text string) { info.Firmware = text }},
		{"get mac", func(text string) { info.MAC = strings.ToLower(anyMAC.FindString(text)) }},
		{"get dns", func(text string) { info.DNS = parseSettings(text).first("address", "dns", "addr") }},
		{"show net", func(text string) {
			if mode := strings.ToLower(parseSettings(text)["mode"]); info.Associated && mode != "" && mode != "none" {
				info.Auth = mode
			}
		}},
		{"show rssi", func(text string) {
			if info.Associated {
				info.RSSI, _ = strconv.Atoi(numberPattern.FindString(text))
			}
		}},
		{"show battery", func(text string) { info.Battery, _ = strconv.Atoi(numberPattern.FindString(text)) }},
		{"show time", func(text string) {
			if m := uptimePattern.FindStringSubmatch(text); m != nil {
				info.Uptime, _ = strconv.Atoi(m[1])
			}
		}},
	} {
		text, err := m.ask(ctx, q.command, func(text string) bool { return text != "" })
		if err != nil {
			return nil, err
		}
		if !isRefusal(text) {
			q.take(text)
		}
	}
	return info, nil
}

var tcpNames = map[int]string{tcpIdle: "idle", tcpConnected: "connected", tcpConnecting: "connecting", tcpNoIP: "no address"}

// first returns the value of the first key that is there.
func (s settings) first(keys ...string) string {
	for _, key := range keys {
		if value, ok := s[key]; ok {
			return value
		}
	}
	return ""
}

// scanWait is how long a scan may take before its first line, and between lines.
const scanWait = 5 * time.Second

// Scan returns the networks that the module hears. It takes some three seconds. A
// list that came is one, prompts or not.
func (m *Module) Scan(ctx context.Context) ([]Network, error) {
	m.drop()
	if err := m.send(ctx, "scan\r"); err != nil {
		return nil, err
	}
	r := m.reader("scan")
	most := replyMost + m.line.duration(replyLimit/16)
	got, err := m.gather(ctx, nil, scanWait, most, func(b []byte) bool {
		text := r.text(wholeLines(b))
		return scanned(text) || isRefusal(text) || bytes.Contains(b, ready)
	})
	text := r.text(got)
	if err != nil {
		return nil, m.broken(err, "scan", text)
	}
	if err := m.settle(ctx); err != nil {
		return nil, err
	}
	list := parseScan(text)
	switch {
	case bytes.Contains(got, ready):
		return nil, fail(ErrRebooted, "scan", text)
	case len(list) > 0, scanned(text), tableHead.MatchString(text):
		return list, nil
	}
	return nil, m.silent("scan", got)
}
