package wifly

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// promptPattern is a prompt at the start of a line: the firmware's version, which may have a suffix. The blank behind
// it comes when the UART gets to it, so it may be in front of what comes next.
var promptPattern = regexp.MustCompile(`(?:^|[\r\n]) *(<[^<>\r\n]{1,16}>)`)

// findPrompt returns the last prompt in b, without its blank, or "". One that is not known
// yet is one only with the blank or nothing behind it, as pages have the like.
func findPrompt(b []byte, known string) (prompt string) {
	for _, m := range promptPattern.FindAllSubmatchIndex(b, -1) {
		text, last := string(b[m[2]:m[3]]), m[3] == len(b)
		if text == known || known == "" && (last || b[m[3]] == ' ') {
			prompt = text
		}
	}
	return prompt
}

// A reader takes apart what a module says. It looks at all of it anew whenever more
// has come, so it does not matter where reads have cut it.
type reader struct {
	prompt  string   // of the module, without its blank
	strings []string // that it prints in front of anything when a connection opens or ends
	command string   // whose echo is no news
}

// split cuts b at its prompts: what is before each, and what is behind the last. A
// prompt is at the start of a line, behind blanks and the strings of connections.
func (r *reader) split(b []byte) (parts [][]byte, rest []byte) {
	if r.prompt == "" {
		return nil, b
	}
	for from, line := 0, 0; ; {
		i := line + len(b[line:]) - len(r.trim(b[line:]))
		if bytes.HasPrefix(b[i:], []byte(r.prompt)) {
			parts = append(parts, b[from:i])
			from = i + len(r.prompt)
			line = from
			continue
		}
		next := bytes.IndexAny(b[i:], "\r\n")
		if next < 0 {
			return parts, b[from:]
		}
		line = i + next + 1
	}
}

// trim returns a line without what may be in front of it.
func (r *reader) trim(line []byte) []byte {
	for {
		before := len(line)
		line = bytes.TrimLeft(line, " ")
		for _, s := range r.strings {
			line = bytes.TrimPrefix(line, []byte(s))
		}
		if len(line) == before {
			return line
		}
	}
}

// text returns the lines of b: no prompts, no echo, no strings of connections and no empty lines.
func (r *reader) text(b []byte) string {
	parts, rest := r.split(b)
	var lines []string
	for _, part := range append(parts, rest) {
		for line := range bytes.FieldsFuncSeq(part, func(c rune) bool { return c == '\r' || c == '\n' }) {
			if text := string(bytes.TrimRight(r.trim(line), " ")); text != "" && text != r.command {
				lines = append(lines, text)
			}
		}
	}
	return strings.Join(lines, "\n")
}

// answer finds the answer in b: what comes before the first prompt for which complete
// holds, or which follows a refusal; nil holds always. A prompt before that is one of
// an earlier command. rest is what has come behind the prompt.
func (r *reader) answer(b []byte, complete func(text string) bool) (text string, rest []byte, ok bool) {
	parts, _ := r.split(b)
	end := 0
	for _, part := range parts {
		end += len(part) + len(r.prompt)
		if text = r.text(part); complete == nil || complete(text) || isRefusal(text) {
			return text, b[end:], true
		}
	}
	return "", nil, false
}

// wholeLines is what of b is not in the middle of a line: words there may be half of what they will be.
func wholeLines(b []byte) []byte { return b[:bytes.LastIndexByte(b, '\n')+1] }

// isRefusal reports whether a reply says that the command was not accepted.
func isRefusal(text string) bool {
	return strings.HasPrefix(text, "ERR:") || strings.Contains(text, "\nERR:")
}

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

var statusPattern = regexp.MustCompile(`(?m)(?:^|[^0-9A-Fa-f])(8[0-9A-Fa-f]{3})[ \r]*$`)

// parseStatus takes the last four digits of the last line that ends in some, as
// firmware differs in what it prints before them.
func parseStatus(text string) (status, bool) {
	all := statusPattern.FindAllStringSubmatch(text, -1)
	if all == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(all[len(all)-1][1], 16, 16)
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
		return auto && ssid != "" && !strings.HasPrefix(name, ssid+" ")
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
	SSID    string `json:"ssid"` // "" is hidden
	Channel int    `json:"channel"`
	RSSI    int    `json:"rssi"` // dBm
	Auth    string `json:"auth"` // "open", "wep", "wpa1", "mixed", "wpa2", or the module's number
	MAC     string `json:"mac"`
}

var macPattern = regexp.MustCompile(`^(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$`)

// tablePattern is a line of the scan of firmware before 2.22, a table.
var tablePattern = regexp.MustCompile(`^\s*\d+ +(.*?) +(\d{1,2}) +(-?\d+) +(\S+) +((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})\b`)

// tableHead is above it, networks or not.
var tableHead = regexp.MustCompile(`(?m)^Num +SSID `)

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
	if slices.Contains(strings.Split(text, "\n"), "END:") {
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
