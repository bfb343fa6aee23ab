package module

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// receiveCommand takes bytes of a command, up to the end of a line, and returns how many it took.
func (m *Module) receiveCommand(b []byte) int {
	echo := m.ram.num("uart", "mode")&1 == 0
	for i, c := range b {
		switch {
		case c == '\r':
			if echo {
				m.say("\r\n")
			}
			line, long := string(m.line), m.long
			m.line, m.long, m.lineEnd = m.line[:0], false, true
			m.inTime(func() {
				switch {
				case m.mode != command:
				case long:
					m.reply(badArgs, m.prompt())
				default:
					m.execute(line)
				}
			}, SlowReply, LatePrompt)
			return i + 1
		case c == '\n': // harmless, as the one behind the end of a line
		case c == '\b' || c == 0x7f:
			m.line = m.line[:max(len(m.line)-1, 0)]
			if echo {
				m.say("\b \b")
			}
		case len(m.line) == maxLine:
			m.long = true
		default:
			m.line = append(m.line, c)
			if echo {
				m.say(string([]byte{c}))
			}
		}
	}
	return len(b)
}

// What the module says of a command that it does not know, or whose arguments are wrong.
const (
	unknown = "ERR: ?-Cmd\r\n"
	badArgs = "ERR: Bad Args\r\n"
)

// parts of a command line, separated by blanks.
func parseCommand(line string) []string {
	return strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
}

// prompt is what stands behind a reply.
func (m *Module) prompt() string {
	if m.ram.num("uart", "mode")&0x20 != 0 {
		return string([]byte{byte(m.ram.num("opt", "replace"))})
	}
	return m.fw.prompt
}

// reply prints the parts of a reply, as far as no fault befalls it.
func (m *Module) reply(parts ...string) {
	text := strings.Join(parts, "")
	if m.faults.strikes(LostReply) {
		m.note("fault: reply %q lost", text)
		return
	}
	if m.faults.strikes(HalfReply) {
		m.note("fault: reply %q cut", text)
		text = text[:len(text)/2]
	}
	m.say(text)
}

// inTime does what the host asks for, later where one of the faults wants that.
func (m *Module) inTime(do func(), kinds ...FaultKind) {
	for _, kind := range kinds {
		f, ok := m.faults.find(kind)
		if !ok || kind == LatePrompt && m.faults.times[kind] > 0 {
			continue
		}
		m.faults.times[kind]++
		m.after(f.Every, do)
		return
	}
	do()
}

// answer replies with text and the prompt.
func (m *Module) answer(text string) {
	switch echo := m.ram.num("uart", "mode")&1 == 0; {
	case text == "":
	case echo && m.fw.extraCR:
		text = "\r\n" + text
	case !echo && m.fw.leadCRLF:
		text = "\r\n" + text
	}
	m.reply(text, m.prompt())
}

// execute does what a line says.
func (m *Module) execute(line string) {
	words := parseCommand(line)
	m.note("command %q", maskSecrets(line))
	if len(words) == 0 {
		m.answer("")
		return
	}
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch words[0] {
	case "set":
		m.answer(m.set(words, line))
	case "get":
		m.answer(m.getText(arg(1), arg(2)))
	case "show":
		m.answer(m.showText(arg(1)))
	case "ver":
		m.answer(m.fw.banner + "\r\n")
	case "exit":
		m.reply(m.fw.exit)
		m.mode = data
		m.last = time.Now()
		m.release()
	case "save":
		m.answer(m.save(arg(1)))
	case "load":
		m.answer(m.load(arg(1)))
	case "del":
		m.answer(m.del(arg(1)))
	case "ls":
		m.answer(m.list())
	case "factory":
		m.answer(m.factory(arg(1)))
	case "reboot":
		m.reboot("*Reboot*\r\n")
	case "sleep":
		m.sleep()
	case "join":
		m.joinCommand(words)
	case "leave":
		text := ""
		if m.leave() {
			text = m.fw.left
			m.closed("left the network")
		}
		m.answer(text)
	case "scan":
		if !m.o.Faults.has(ScanNoPrompt) {
			m.answer("")
		}
		m.scan()
	case "open":
		if len(words) > 3 || arg(2) != "" && !validPort(arg(2)) {
			m.answer(badArgs)
			return
		}
		m.answer("")
		m.open(arg(1), arg(2))
	case "close":
		m.closed("by the host")
		m.answer("")
	case "lookup":
		m.lookupCommand(arg(1))
	case "ping":
		m.ping(arg(1))
	case "time":
		m.answer("")
	default:
		m.answer(unknown)
	}
}

// set does set GROUP NAME VALUE, set uart raw N and set uart instant N.
func (m *Module) set(words []string, line string) string {
	if m.o.Faults.has(HangRestore) && m.connections > 0 && m.link == nil {
		m.note("fault: hung by %q", maskSecrets(line))
		m.hang()
		return ""
	}
	if len(words) < 3 {
		return badArgs
	}
	group, ok := findGroup(words[1])
	if !ok || slices.Contains([]string{"adhoc", "apmode"}, group) && group != m.fw.group {
		return unknown
	}
	value := strings.Join(words[3:], " ")
	if group == "uart" && (words[2] == "raw" || words[2] == "instant") {
		rate, err := parseNumber(value)
		if err != nil || rate < 2400 || rate > 1<<20 {
			return badArgs
		}
		if words[2] == "raw" {
			m.ram["uart baud"] = fmt.Sprint(rate)
		} else {
			m.instant(rate)
		}
		return "AOK\r\n"
	}
	p, ok := find(group, words[2])
	switch {
	case !ok, p.name == "tcp-mode" && !m.fw.tcpMode:
		return unknown
	case len(words) > 4: // an unescaped blank
		return badArgs
	}
	replace := byte(m.ram.num("opt", "replace"))
	if p.group == "wlan" && p.name == "phrase" && !m.fw.replace {
		replace = ' '
	}
	if p.group == "uart" && p.name == "baud" {
		if n, err := parseNumber(value); err != nil || !slices.Contains(bauds, n) {
			return badArgs
		}
	}
	if value == "" && p.kind != text && p.kind != digits || m.ram.set(p, value, replace) != nil {
		return badArgs
	}
	return "AOK\r\n"
}

// instant changes the rate, before or once the reply has left, and ends command mode.
func (m *Module) instant(rate int) {
	m.mode = data
	wait := m.uart.wireTime(64)
	if !m.fw.instantOld {
		wait = 0
	}
	m.after(wait, func() { m.setRate(rate) })
	m.release()
}

func (m *Module) save(file string) string {
	if m.o.Faults.has(BadConfig) {
		return "*BAD CONFIG*\r\n"
	}
	stored := settings{}
	maps.Copy(stored, m.ram)
	if file != "" && file != "config" {
		if len(m.files) >= 16 {
			return "ERR: no space\r\n"
		}
		m.files[file] = stored
		return "Storing in " + file + "\r\n"
	} else {
		m.flash = stored
		if err := m.store(); err != nil {
			m.note("saving the settings: %v", err)
			return "*BAD CONFIG*\r\n"
		}
	}
	return "Storing in config\r\n"
}

func (m *Module) store() error {
	if m.o.Save == nil {
		return nil
	}
	return m.o.Save(m.flash.format())
}

func (m *Module) load(file string) string {
	stored, ok := m.files[file]
	if file == "config" {
		stored, ok = m.flash, true
	}
	if !ok {
		return badArgs
	}
	m.ram = settings{}
	maps.Copy(m.ram, stored)
	return "AOK\r\n"
}

func (m *Module) del(file string) string {
	if _, ok := m.files[file]; !ok {
		return badArgs
	}
	delete(m.files, file)
	return "AOK\r\n"
}

func (m *Module) list() string {
	names := []string{"config"}
	for name := range m.files {
		names = append(names, name)
	}
	slices.Sort(names[1:])
	return "FL#\tNAME\r\n" + strings.Join(names, "\r\n") + "\r\n"
}

func (m *Module) factory(word string) string {
	if word != "RESET" {
		return badArgs
	}
	m.flash, m.ram = settings{}, settings{}
	if err := m.store(); err != nil {
		m.note("saving the settings: %v", err)
	}
	return "Set Factory Defaults\r\n"
}

// sleep switches the radio off until the host sends something or the wake timer ends.
func (m *Module) sleep() {
	m.note("module: asleep")
	m.hangUp()
	m.leave()
	m.timers = nil
	m.mode = asleep
	if s := m.ram.num("sys", "wake"); s > 0 {
		m.after(time.Duration(s)*time.Second, m.boot)
	}
}

func (m *Module) joinCommand(words []string) {
	ssid := m.ram.get("wlan", "ssid")
	switch {
	case len(words) == 3 && words[1] == "#": // a number of the last scan
		n, err := parseNumber(words[2])
		networks := m.inAir()
		if err != nil || n < 1 || n > len(networks) {
			m.answer(badArgs)
			return
		}
		ssid = networks[n-1].SSID
	case len(words) == 2:
		ssid = strings.ReplaceAll(words[1], string(rune(m.ram.num("opt", "replace"))), " ")
	case len(words) > 2:
		m.answer(badArgs)
		return
	}
	m.answer("")
	m.join(ssid, true)
}

func (m *Module) lookupCommand(name string) {
	if name == "" {
		m.answer(badArgs)
		return
	}
	if !m.hasIP {
		m.answer(name + "=0.0.0.0\r\n")
		return
	}
	m.resolve(name, func(addr netip.Addr, err error) {
		if err != nil && m.fw.lookupFails != "" {
			m.answer(m.fw.lookupFails)
			return
		}
		if err != nil {
			addr = netip.IPv4Unspecified()
		}
		m.answer(name + "=" + addr.String() + "\r\n")
	})
}

// ping asks for an address whether it is there. What answers is the name service and,
// as a process may send no ICMP, a TCP connection, be it refused.
func (m *Module) ping(target string) {
	if target == "" {
		m.answer(badArgs)
		return
	}
	m.answer("Ping try 1\r\n")
	switch target {
	case "g", "h":
		target = m.o.IP.String()
	}
	began := time.Now()
	m.resolve(target, func(addr netip.Addr, err error) {
		if err != nil || addr.IsUnspecified() || !m.hasIP {
			m.say("ERR: Ping failed\r\n")
			return
		}
		m.reach(addr, func(reached bool) {
			if !reached {
				m.say("Timeout\r\n")
				return
			}
			m.say(fmt.Sprintf("64 reply from %s time=%d ms\r\n", addr, time.Since(began).Milliseconds()))
		})
	})
}

// maskSecrets hides the passphrases of a command line.
func maskSecrets(line string) string {
	words := parseCommand(line)
	for i := 0; i+3 < len(words); i++ {
		if !strings.HasSuffix(words[i], "set") { // before it may be what was typed in vain
			continue
		}
		if p, ok := find(words[i+1], words[i+2]); ok && p.secret() {
			return strings.Join(words[:i+3], " ") + " ***"
		}
	}
	return line
}

func (p *param) secret() bool {
	return p.group == "wlan" && (p.name == "phrase" || p.name == "key") || p.name == "password" || p.group == "ftp" && p.name == "pass" || p.group == "apmode" && p.name == "passphrase"
}
