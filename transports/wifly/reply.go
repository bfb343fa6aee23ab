package wifly

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// promptPattern is a prompt at the start of a line: the firmware's version, which
// may have a suffix, and a blank.
var promptPattern = regexp.MustCompile(`(?:^|[\r\n])(<[^<>\r\n]{1,16}>) ?`)

// findPrompt returns the last prompt in b, without its blank, or "".
func findPrompt(b []byte) string {
	all := promptPattern.FindAllSubmatch(b, -1)
	if len(all) == 0 {
		return ""
	}
	return string(all[len(all)-1][1])
}

// cutPrompt finds prompt at the start of a line of b, and returns what is before
// and behind it.
func cutPrompt(b []byte, prompt string) (before, after []byte, ok bool) {
	for from := 0; prompt != ""; {
		i := bytes.Index(b[from:], []byte(prompt))
		if i < 0 {
			break
		}
		i += from
		if i == 0 || b[i-1] == '\n' || b[i-1] == '\r' {
			return b[:i], bytes.TrimPrefix(b[i+len(prompt):], []byte(" ")), true
		}
		from = i + 1
	}
	return nil, nil, false
}

// replyText is a reply as lines, without the echo of command and without empty lines.
func replyText(b []byte, command string) string {
	var lines []string
	for line := range strings.FieldsFuncSeq(string(b), func(r rune) bool { return r == '\r' || r == '\n' }) {
		if line = strings.TrimRight(line, " "); line != "" && strings.TrimSpace(line) != command {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// wholeLines is what of b is not in the middle of a line: words there may be half
// of what they will be.
func wholeLines(b []byte) []byte { return b[:bytes.LastIndexByte(b, '\n')+1] }

// isRefusal reports whether a reply says that the command was not accepted.
func isRefusal(text string) bool { return strings.Contains(text, "ERR:") }

// settings are the lines KEY=VALUE of a reply to get or show; keys in lower case.
type settings map[string]string

func parseSettings(text string) settings {
	s := settings{}
	for line := range strings.SplitSeq(text, "\n") {
		if key, value, ok := strings.Cut(line, "="); ok && key != "" && !strings.ContainsAny(key, " \t") {
			s[strings.ToLower(key)] = strings.TrimSpace(value)
		}
	}
	return s
}

// status is what show connection says: 8XYZ in hexadecimal digits.
type status uint16

// TCP states in a status.
const (
	tcpIdle       = 0
	tcpConnected  = 1
	tcpNoIP       = 3
	tcpConnecting = 4
)

func (s status) tcp() int         { return int(s & 0xf) }
func (s status) associated() bool { return s&0x10 != 0 }
func (s status) channel() int     { return int(s >> 8 & 0xf) }

var statusPattern = regexp.MustCompile(`(?:^|[^0-9A-Fa-f])(8[0-9A-Fa-f]{3})[\r\n]*$`)

// parseStatus takes the last four digits of the last line, as firmware differs in
// what it prints before them.
func parseStatus(text string) (status, bool) {
	m := statusPattern.FindStringSubmatch(strings.TrimRight(text, " \r\n"))
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(m[1], 16, 16)
	return status(n), err == nil
}

var lookupPattern = regexp.MustCompile(`=\s*(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})`)

// parseLookup returns the address in NAME=ADDRESS, "" if there is none: failure is
// told in different ways, one of them 0.0.0.0.
func parseLookup(text string) string {
	m := lookupPattern.FindStringSubmatch(text)
	if m == nil || m[1] == "0.0.0.0" {
		return ""
	}
	return m[1]
}

// A joinState is how far a join has come, as told by what the module prints.
type joinState struct {
	associated bool
	done       bool  // there is one
	err        error // ErrAuth, ErrNotAssociated
}

var addressPattern = regexp.MustCompile(`(?m)^IP=(\d+\.\d+\.\d+\.\d+)`)

// parseJoin reads what a module prints while it joins ssid. It may have been busy
// with another network: how that goes is no news.
func parseJoin(text, ssid string) joinState {
	lines := strings.Split(text, "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool {
		_, name, auto := strings.Cut(line, "Auto-Assoc ")
		return auto && !strings.HasPrefix(name, ssid+" ")
	})
	text = strings.Join(lines, "\n")
	s := joinState{associated: strings.Contains(text, "Associated!")}
	if m := addressPattern.FindStringSubmatch(text); m != nil && m[1] != "0.0.0.0" {
		// The lines of the address follow each other; the last one is this.
		s.done = strings.Contains(text, "Listen on") || strings.Contains(text, "GW=")
	}
	switch {
	case s.done:
	case strings.Contains(text, "AUTH-ERR"):
		s.err = ErrAuth
	case !s.associated && (strings.Contains(text, "FAILED") || strings.Contains(text, "Disconn")):
		s.err = ErrNotAssociated
	}
	return s
}

// Network is an access point that the module hears.
type Network struct {
	SSID    string `json:"ssid"`
	Channel int    `json:"channel"`
	RSSI    int    `json:"rssi"` // dBm
	Auth    string `json:"auth"` // "open", "wep", "wpa1", "mixed", "wpa2", or the module's number
	MAC     string `json:"mac"`
}

// authNames are the module's numbers for the kinds of authentication.
var authNames = []string{"open", "wep", "wpa1", "mixed", "wpa2"}

var macPattern = regexp.MustCompile(`^(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$`)

// tablePattern is a line of the scan of firmware before 2.22, a table.
var tablePattern = regexp.MustCompile(`^\s*\d+ +(.*?) +(\d{1,2}) +(-?\d+) +(\w+) +((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})\b`)

// parseScan reads lines of number,channel,rssi,security,…,mac,ssid. Firmware 4 has
// more fields before the address than 2; the ssid is the last one and may have commas.
func parseScan(text string) []Network {
	var list []Network
	for line := range strings.SplitSeq(text, "\n") {
		if m := tablePattern.FindStringSubmatch(line); m != nil {
			channel, _ := strconv.Atoi(m[2])
			rssi, _ := strconv.Atoi(m[3])
			list = append(list, Network{SSID: m[1], Channel: channel, RSSI: rssi, Auth: strings.ToLower(m[4]), MAC: strings.ToLower(m[5])})
			continue
		}
		fields := strings.Split(strings.TrimSpace(line), ",")
		mac := -1
		for i, f := range fields {
			if macPattern.MatchString(f) {
				mac = i
				break
			}
		}
		if mac < 4 || mac+1 >= len(fields) {
			continue
		}
		channel, err1 := strconv.Atoi(fields[1])
		rssi, err2 := strconv.Atoi(fields[2])
		if err1 != nil || err2 != nil {
			continue
		}
		n := Network{SSID: strings.Join(fields[mac+1:], ","), Channel: channel, RSSI: rssi, Auth: fields[3], MAC: strings.ToLower(fields[mac])}
		if i, err := strconv.Atoi(fields[3]); err == nil && i >= 0 && i < len(authNames) {
			n.Auth = authNames[i]
		}
		list = append(list, n)
	}
	return list
}

// scanned reports whether the reply to scan is complete: 4.41 ends it by END:,
// older firmware says before it how many there will be.
func scanned(text string) bool {
	if strings.Contains(text, "END:") {
		return true
	}
	_, after, ok := strings.Cut(text, "SCAN:Found ")
	if !ok {
		return false
	}
	digits, lines, ok := strings.Cut(after, "\n")
	n, err := strconv.Atoi(strings.TrimSpace(digits))
	return err == nil && (n == 0 || ok && len(parseScan(lines)) >= n)
}
