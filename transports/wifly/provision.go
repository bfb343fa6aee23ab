package wifly

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Setup is what a module is to be: the network it joins, its address and its UART.
// A field's zero value leaves that as it is.
type Setup struct {
	SSID    string
	Auth    string // "open", "wep", "wpa1", "mixed" or "wpa2"; "" is as scan shows the network
	Phrase  string // secret: 8 to 63 characters, 64 hex digits of a PSK, or with wep 26 of a key
	Channel *int   // 0 is any, else 1 to 13

	DHCP                      bool
	IP, Netmask, Gateway, DNS string // a fixed address; IP takes the others with it

	Baud int
	Flow string // "rtscts" or "none"
}

// Change is one setting that Apply will make another. Old and New are as the
// module shows them; those of a secret are not shown.
type Change struct {
	Setting string `json:"setting"` // "wlan ssid"
	Old     string `json:"old"`
	New     string `json:"new"`

	value   string // after set
	joins   bool   // it takes a join to see whether it is right
	network bool   // it leads to another network, or to the same in another way
	unseen  bool   // this firmware does not show it: that it was accepted must do
}

// Check finds what no module could do.
func (s *Setup) Check() error {
	if len(s.SSID) > 32 || !printable(s.SSID) {
		return fmt.Errorf("ssid %q: want 1 to 32 printable characters", s.SSID)
	}
	if s.Auth != "" && !slices.Contains(authNames, s.Auth) {
		return fmt.Errorf("auth %q: want one of %s", s.Auth, strings.Join(authNames, ", "))
	}
	n := len(s.Phrase)
	_, err := hex.DecodeString(s.Phrase)
	switch { // the phrase itself is in no error
	case n == 0:
	case !printable(s.Phrase):
		return errors.New("passphrase: a character in it is not printable ASCII")
	case s.Auth == "open":
		return errors.New("passphrase: an open network has none")
	case s.Auth == "wep" && !isWEPKey(s.Phrase):
		return fmt.Errorf("key: %d characters; WEP wants 26 hex digits", n)
	case s.Auth != "wep" && (n < 8 || n > 64 || n == 64 && err != nil):
		return fmt.Errorf("passphrase: %d characters; want 8 to 63, or the PSK as 64 hex digits", n)
	}
	if c := s.Channel; c != nil && (*c < 0 || *c > 13) {
		return fmt.Errorf("channel %d: want 0 for any, or 1 to 13", *c)
	}
	if s.IP == "" && (s.Netmask != "" || s.Gateway != "") {
		return errors.New("a netmask or gateway is of use with an ip only")
	}
	if s.IP != "" && s.DHCP {
		return errors.New("a fixed ip and dhcp exclude each other")
	}
	for name, value := range map[string]string{"ip": s.IP, "netmask": s.Netmask, "gateway": s.Gateway, "dns": s.DNS} {
		if a, err := netip.ParseAddr(value); value != "" && (err != nil || !a.Is4()) {
			return fmt.Errorf("%s %q: want an IPv4 address", name, value)
		}
	}
	if s.Baud != 0 && !slices.Contains(moduleRates, s.Baud) {
		return fmt.Errorf("baud %d: want one of %v", s.Baud, moduleRates)
	}
	if s.Flow != "" && s.Flow != "rtscts" && s.Flow != "none" {
		return fmt.Errorf("flow %q: want rtscts or none", s.Flow)
	}
	return nil
}

// moduleRates are those of set uart baud.
var moduleRates = []int{2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600}

func printable(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// Plan compares what the module is with what it is to be. No changes mean that
// there is nothing to do. Where the network is another, scan is asked what kind of
// authentication that has. Plan changes nothing; but a module that a session has left
// half-way is rebooted first, because what that has set in its RAM must not be saved.
func (m *Module) Plan(ctx context.Context, s *Setup) ([]Change, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if comm, err := m.get(ctx, "comm"); err != nil {
		return nil, err
	} else if isLeftover(comm) {
		if err := m.reboot(ctx, m.Baud(), leftover); err != nil {
			return nil, err
		}
	}
	have := map[string]settings{}
	for _, group := range []string{"wlan", "ip", "dns", "comm", "uart", "opt"} {
		got, err := m.get(ctx, group)
		if err != nil {
			return nil, err
		}
		have[group] = got
	}
	p := planner{have: have}
	if s.Phrase != "" {
		joined, err := m.status(ctx)
		if err != nil {
			return nil, err
		}
		p.associated = joined.associated()
	}
	changes := p.plan(s)
	m.found = nil
	if !slices.ContainsFunc(changes, func(c Change) bool { return c.network }) {
		return changes, nil
	}
	ssid := s.SSID
	if ssid == "" {
		ssid = have["wlan"]["ssid"]
	}
	found, err := m.lookFor(ctx, s, func(name string) bool { return name == ssid || p.encoded(name) == ssid })
	if err != nil {
		return nil, err
	}
	m.found = found
	return p.plan(s.toJoin(found, have["wlan"]["auth"])), nil
}

// toJoin is s with the kind of authentication that it takes for the network that was found,
// nil where it is not known; have is that of the module.
func (s *Setup) toJoin(found *Network, have string) *Setup {
	to := *s
	switch stored := authFamily(have); {
	case s.Auth != "":
	case found != nil && authFamily(found.Auth) == "wep":
		to.Auth = "wep"
	case stored != "wep": // the module asks the access point
	case found != nil && slices.Contains(authNames, found.Auth):
		to.Auth = found.Auth
	case found != nil || s.Phrase != "" && !isWEPKey(s.Phrase):
		to.Auth = "mixed"
	}
	return &to
}

// plan returns the changes for s.
func (p *planner) plan(s *Setup) []Change {
	p.changes = nil
	p.replace(s)
	have, wlan := p.have, p.have["wlan"]
	if s.SSID != "" {
		p.text("wlan ssid", wlan["ssid"], s.SSID)
	}
	if s.Auth != "" && !strings.EqualFold(wlan["auth"], s.Auth) {
		p.add(Change{Setting: "wlan auth", Old: strings.ToLower(wlan["auth"]), New: s.Auth, value: strconv.Itoa(slices.Index(authNames, s.Auth)), joins: true, network: true})
	}
	if s.Phrase != "" {
		p.phrase(s)
	}
	if s.Channel != nil {
		p.number("wlan channel", wlan.first("chan", "channel"), *s.Channel, true)
	}
	p.addresses(s)
	if s.SSID != "" { // what makes a module reliable in its network
		p.number("wlan join", wlan["join"], 1, false)
		p.number("wlan linkmon", wlan.first("linkmon", "linkmon-infra"), 5, false)
		p.number("opt jointmr", have["opt"]["jointmr"], 5000, false)
	}
	comm := have["comm"]
	if s.SSID != "" && settable("", comm["remote"]) != "0" {
		p.add(Change{Setting: "comm remote", Old: comm["remote"], New: "0", value: "0"})
	}
	uart := have["uart"]
	if s.Baud != 0 {
		p.number("uart baud", uart["baudrate"], s.Baud, false)
	}
	if s.Flow != "" {
		flow, _ := parseNumber(uart["flow"])
		p.number("uart flow", uart["flow"], int(flow&^1)|map[string]int{"rtscts": 1}[s.Flow], false)
	}
	if s.SSID != "" { // after the rate, which changes it
		p.number("comm size", comm["flushsize"], 1420, false)
	}
	return p.changes
}

// planner gathers changes.
type planner struct {
	have       map[string]settings
	associated bool
	blank      byte // stands for a blank in a command
	changes    []Change
}

func (p *planner) add(c Change) { p.changes = append(p.changes, c) }

// replace finds the character that stands for a blank: one that is in neither name
// nor passphrase.
func (p *planner) replace(s *Setup) {
	text := p.have["opt"]["replace"]
	n, ok := parseNumber(text)
	if p.blank = byte(n); !ok || n <= ' ' || n > '~' {
		p.blank = '$'
		if len(text) == 1 {
			p.blank = text[0]
		}
	}
	if !strings.Contains(s.SSID+s.Phrase, string(p.blank)) {
		return
	}
	candidates := []byte("$%_@^~|#+;")
	for c := byte('!'); c <= '~'; c++ {
		candidates = append(candidates, c)
	}
	for _, c := range candidates {
		if !strings.Contains(s.SSID+s.Phrase, string(c)) {
			p.add(Change{Setting: "opt replace", Old: text, New: fmt.Sprintf("%#x", c), value: fmt.Sprintf("%#x", c)})
			p.blank = c
			return
		}
	}
}

// encoded is text as a command takes it.
func (p *planner) encoded(text string) string {
	return strings.ReplaceAll(text, " ", string(p.blank))
}

func (p *planner) text(setting, have, want string) {
	if have != want && have != p.encoded(want) {
		p.add(Change{Setting: setting, Old: have, New: want, value: p.encoded(want), joins: true, network: true})
	}
}

func (p *planner) number(setting, have string, want int, joins bool) {
	if n, ok := parseNumber(have); !ok || n != int64(want) {
		text := strconv.Itoa(want)
		p.add(Change{Setting: setting, Old: have, New: text, value: text, joins: joins, unseen: have == ""})
	}
}

// phrase compares passphrases, which the module may hide: if it is in the network
// that is asked for already, it has the right one then.
func (p *planner) phrase(s *Setup) {
	setting, key := "wlan phrase", "passphrase"
	wep := s.Auth == "wep" || s.Auth == "" && authFamily(p.have["wlan"]["auth"]) == "wep"
	if wep {
		setting, key = "wlan key", "key"
	}
	have := p.have["wlan"][key]
	hidden := strings.Trim(have, "*") == "" // or not shown at all
	sameNetwork := !slices.ContainsFunc(p.changes, func(c Change) bool { return c.Setting == "wlan ssid" || c.Setting == "wlan auth" })
	same := have == s.Phrase || have == p.encoded(s.Phrase) || wep && strings.EqualFold(have, s.Phrase)
	if same || hidden && sameNetwork && p.associated {
		return
	}
	p.add(Change{Setting: setting, Old: "(hidden)", New: "(hidden)", value: p.encoded(s.Phrase), joins: true, network: true})
}

func (p *planner) addresses(s *Setup) {
	ip := p.have["ip"]
	off := strings.EqualFold(ip["dhcp"], "off") || ip["dhcp"] == "0"
	switch {
	case s.DHCP && off:
		p.add(Change{Setting: "ip dhcp", Old: ip["dhcp"], New: "on", value: "1", joins: true})
	case s.IP != "" && !off:
		p.add(Change{Setting: "ip dhcp", Old: ip["dhcp"], New: "off", value: "0", joins: true})
	}
	host, _, _ := strings.Cut(ip["ip"], ":")
	for _, a := range []struct{ setting, have, want string }{
		{"ip address", host, s.IP},
		{"ip netmask", ip["nm"], s.Netmask},
		{"ip gateway", ip["gw"], s.Gateway},
		{"dns address", p.have["dns"].first("address", "dns", "addr"), s.DNS},
	} {
		if a.want != "" && (a.have != a.want || a.setting != "dns address" && !off) {
			p.add(Change{Setting: a.setting, Old: a.have, New: a.want, value: a.want, joins: true, unseen: a.have == ""})
		}
	}
}

// undoWait bounds the reboot after a trial that failed.
const undoWait = 2 * bootWait

// Apply makes the changes of Plan: it has the module join with them, saves them if
// that worked, reboots the module and looks whether it is what it was to be. If
// the join fails nothing is saved, and a reboot brings back what was. note, if not
// nil, is told what is being done.
func (m *Module) Apply(ctx context.Context, s *Setup, changes []Change, note func(string)) error {
	if len(changes) == 0 {
		return nil
	}
	if note == nil {
		note = func(string) {}
	}
	found := m.found
	err := s.explain(m.trial(ctx, changes, note), found)
	if err == nil {
		note("saving")
		err = m.save(ctx)
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWait) // even where ctx is over
		defer cancel()
		return errors.Join(err, m.reboot(ctx, m.Baud(), "nothing was saved, and a reboot brings back what was"))
	}
	m.books.forget()
	baud := m.Baud()
	if i := slices.IndexFunc(changes, func(c Change) bool { return c.Setting == "uart baud" }); i >= 0 {
		baud = s.Baud
	}
	if err := m.reboot(ctx, baud, fmt.Sprintf("what was saved takes effect, at %d baud", baud)); err != nil {
		return err
	}
	note("verifying")
	if slices.ContainsFunc(changes, func(c Change) bool { return c.joins }) {
		if err := m.link(ctx); err != nil {
			return err
		}
	}
	left, err := m.Plan(ctx, s)
	if err != nil {
		return err
	}
	left = slices.DeleteFunc(left, func(c Change) bool { return c.unseen })
	if len(left) > 0 {
		return &Error{Kind: ErrReply, Doing: "verifying after the reboot", Hint: fmt.Sprintf("%s is %q and not %q; was it saved?", left[0].Setting, left[0].Old, left[0].New)}
	}
	m.books.setSaved(false)
	return nil
}

// badConfig is what a module says that can't save.
const badConfig = "*BAD CONFIG*"

// notSaved is the error for a reply that says so, nil for others.
func notSaved(command, text string) error {
	if !strings.Contains(text, badConfig) {
		return nil
	}
	return fail(ErrNotSaved, command, text)
}

// save stores the module's settings. That of the UART's mode which sync has replaced is
// as it was then, so the module's prompt may be another text from there to the reboot.
func (m *Module) save(ctx context.Context) error {
	if mode, ok := parseNumber(m.books.was(uartMode)); ok {
		if err := m.setMode(ctx, mode); err != nil {
			return err
		}
	}
	m.books.setSaved(true) // by now, or soon
	text, err := m.askLine(ctx, "save", func(text string) bool { return strings.Contains(text, "Storing") || strings.Contains(text, badConfig) })
	if err == nil && !strings.Contains(text, "Storing") {
		m.books.setSaved(false)
		if err = notSaved("save", text); err == nil {
			err = fail(ErrReply, "save", text)
		}
	}
	return err
}

// trial makes the changes in the module's RAM and has it join.
func (m *Module) trial(ctx context.Context, changes []Change, note func(string)) error {
	wlan, err := m.get(ctx, "wlan")
	if err != nil {
		return err
	}
	joins, mode := false, wlan["join"]
	for _, c := range changes {
		joins = joins || c.joins
		if c.Setting == "wlan join" {
			mode = c.value
		}
	}
	if err := m.hangUp(ctx); err != nil {
		return err
	}
	if joins {
		if err := m.change(ctx, "wlan join", "0", ""); err != nil { // not while half of it is set
			return err
		}
	}
	for _, c := range changes {
		if err := m.change(ctx, c.Setting, c.value, ""); err != nil { // a reboot puts it back
			return err
		}
	}
	if !joins {
		return nil
	}
	m.books.setAway(true)
	if _, err := m.ask(ctx, "leave", nil); err != nil {
		return err
	}
	note("joining")
	if err := m.join(ctx); err != nil {
		return err
	}
	m.books.setAway(false)
	return m.set(ctx, "wlan join", mode)
}

// Reboot reboots the module, which drops what was set and not saved, and brings it
// into command mode again.
func (m *Module) Reboot(ctx context.Context) error { return m.reboot(ctx, m.Baud(), "") }

// reboot reboots the module and brings it into command mode at baud, which it has
// from then on. why is told before that, unless it is "", as for who has asked for it.
func (m *Module) reboot(ctx context.Context, baud int, why string) error {
	if why != "" && m.notice != nil {
		m.notice("the module is rebooted: " + why)
	}
	m.drop()
	if err := m.send(ctx, "reboot\r"); err != nil {
		return err
	}
	old, prompt := m.old, m.prompt
	m.old, m.prompt = nil, ""
	m.books.setBaud(baud)
	if baud == m.Baud() {
		if err := m.awaitBoot(ctx); err != nil {
			if errors.Is(err, ErrReply) { // it is as it was
				m.old, m.prompt = old, prompt
			}
			return err
		}
		m.forgot()
		return m.sync(ctx, syncRounds)
	}
	// What it says while it boots comes at the new rate; sync waits for silence.
	if err := sleep(ctx, m.line.duration(100)+guard); err != nil {
		return err
	}
	if err := m.line.close(); err != nil {
		return err
	}
	port, err := m.open(ctx, baud)
	if err != nil {
		return err
	}
	m.line = newLine(port, baud)
	if err := m.awaitBoot(ctx); err != nil && !errors.Is(err, ErrHung) {
		return err
	}
	err = m.sync(ctx, syncRounds)
	if err == nil {
		m.forgot()
	}
	return err
}

// forgot says that the module has rebooted: what was set in its RAM is gone.
func (m *Module) forgot() {
	m.old = nil
	m.books.forget()
	m.books.setCommand(false)
	m.books.setOpen(false)
	m.books.setAway(false)
}
