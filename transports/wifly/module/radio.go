package module

import (
	"fmt"
	"strings"
)

// macAddr is in the range of the modules' maker.
const macAddr = "00:06:66:76:76:76"

// Network is one in the air.
type Network struct {
	SSID    string
	Phrase  string // "" is an open network; of WEP 26 hex digits, its key
	Auth    int    // 0 open, 1 WEP, 2 WPA, 3 mixed, 4 WPA2; 0 with a Phrase is 4
	Channel int    // 0 is 6
	RSSI    int    // in dBm; 0 is -50
	MAC     string // of the access point; "" is made up
	Hidden  bool   // scan shows no name
}

func (n Network) complete(i int) Network {
	if n.Auth == 0 && n.Phrase != "" {
		n.Auth = 4
	}
	if n.Channel == 0 {
		n.Channel = 6
	}
	if n.RSSI == 0 {
		n.RSSI = -50
	}
	if n.MAC == "" {
		n.MAC = fmt.Sprintf("02:00:00:00:76:%02x", i+1)
	}
	return n
}

// radio is the Wi-Fi side.
type radio struct {
	ssid       string // that it is, or was last, associated with
	associated bool
	hasIP      bool
	step       *timer // of joining, or of the next attempt
	network    Network
}

// inAir returns the networks that a scan finds.
func (m *Module) inAir() []Network {
	networks := m.o.Networks
	if networks == nil {
		networks = []Network{{SSID: m.ram.get("wlan", "ssid"), Phrase: m.ram.get("wlan", "phrase")}}
	}
	if m.o.Faults.has(NoAP) {
		networks = nil
	}
	complete := make([]Network, len(networks))
	for i, n := range networks {
		complete[i] = n.complete(i)
	}
	return complete
}

// findNetwork returns the network of that name, if it is in the air.
func (m *Module) findNetwork(ssid string) (Network, bool) {
	for _, n := range m.inAir() {
		if n.SSID == ssid || m.o.Networks == nil {
			return n, true
		}
	}
	return Network{}, false
}

// admitted reports whether n accepts the passphrase, or with WEP the key.
func (m *Module) admitted(n Network) bool {
	switch {
	case m.o.Faults.has(AuthFailed):
		return false
	case m.o.Networks == nil || n.Phrase == "":
		return true
	case n.Auth == authWEP:
		return strings.EqualFold(n.Phrase, m.ram.get("wlan", "key"))
	}
	return n.Phrase == m.ram.get("wlan", "phrase")
}

const authWEP = 1 // of set wlan auth

// join associates with ssid and gets an address, saying how it goes. A module that
// joins by itself keeps trying, until the host has it join.
func (m *Module) join(ssid string, commanded bool) {
	m.leave()
	m.ssid = ssid
	m.step = m.after(m.o.Assoc, func() {
		found, ok := m.findNetwork(ssid)
		if !ok {
			m.status(fmt.Sprintf("Auto-Assoc %s chan=0 mode=NONE FAILED\r\n", ssid))
			m.joinFailed(commanded)
			return
		}
		m.network = found
		m.status(fmt.Sprintf("Auto-Assoc %s chan=%d mode=MIXED SCAN OK\r\nJoining %s now..\r\n", ssid, found.Channel, ssid))
		if !m.admitted(found) {
			m.status(fmt.Sprintf("Disconn reason=AUTH-ERR\r\nDisconn from %s\r\n", ssid))
			m.joinFailed(commanded)
			return
		}
		m.associated = true
		if commanded {
			m.say("Associated!\r\n")
		} else {
			m.status("Associated!\r\n")
		}
		m.note("associated with %q", ssid)
		m.lease()
	})
}

func (m *Module) joinFailed(commanded bool) {
	m.note("joining %q failed", m.ssid)
	if !commanded {
		m.step = m.after(rejoin, func() { m.join(m.ssid, false) })
	}
}

// lease gets an address.
func (m *Module) lease() {
	if m.ram.num("ip", "dhcp") == 0 {
		m.up()
		return
	}
	m.status("DHCP: Start\r\n")
	if m.o.Faults.has(DHCPFailed) {
		return
	}
	wait := m.o.DHCP
	if f, ok := m.faults.find(SlowDHCP); ok {
		wait = f.Every
	}
	m.step = m.after(wait, func() {
		m.status(fmt.Sprintf("DHCP in %dms, lease=86400\r\n", wait.Milliseconds()))
		m.up()
	})
}

// up is the module with an address: what a host may wait for.
func (m *Module) up() {
	m.hasIP = true
	if m.mode == booting { // switched on long ago
		m.listen()
		return
	}
	var b strings.Builder
	for _, line := range m.addresses() {
		b.WriteString(line + "\r\n")
	}
	m.status(b.String() + fmt.Sprintf("Listen on %d\r\n", m.ram.num("ip", "localport")))
	m.listen()
	if m.ram.num("sys", "autoconn") > 0 && m.link == nil && m.mode == data {
		m.open("", "")
	}
}

// status prints what set sys printlvl silences.
func (m *Module) status(text string) {
	if m.ram.num("sys", "printlvl")&1 != 0 {
		m.say(text)
	}
}

// leave ends the association, or an attempt at one; it reports whether there was one.
func (m *Module) leave() bool {
	was := m.associated
	m.associated, m.hasIP = false, false
	m.step.stop()
	m.unlisten()
	return was
}

// lose is the access point out of reach. With bit 0 of the IP flags set TCP knows
// nothing of it and hangs; else it ends.
func (m *Module) lose() {
	m.note("fault: Wi-Fi lost")
	m.leave()
	m.status("Disconn from " + m.ssid + "\r\n")
	if m.ram.num("ip", "flags")&1 == 0 {
		m.closed("Wi-Fi lost")
	} else if m.link != nil {
		m.link.dead = true
	}
	if m.ram.num("wlan", "join") == 1 {
		m.step = m.after(rejoin, func() { m.join(m.ssid, false) })
	}
}

// scan looks for networks and prints them.
func (m *Module) scan() {
	m.after(m.o.Scan, func() {
		networks := m.inAir()
		var b strings.Builder
		if m.fw.scan == 0 {
			fmt.Fprintf(&b, "\r\nNum            SSID   Ch  RSSI   Sec    MAC Address     Suites\r\n")
		} else {
			fmt.Fprintf(&b, "SCAN:Found %d\r\n", len(networks))
		}
		for i, n := range networks {
			if n.Hidden {
				n.SSID = ""
			}
			switch m.fw.scan {
			case 0:
				fmt.Fprintf(&b, "%2d %16s   %02d   %d  %s  %s  %04x\r\n", i+1, n.SSID, n.Channel, n.RSSI, authName(n.Auth), n.MAC, caps(n))
			case 7:
				fmt.Fprintf(&b, "%02d,%02d,%d,%02d,%04x,%s,%s\r\n", i+1, n.Channel, n.RSSI, n.Auth, caps(n), n.MAC, n.SSID)
			default:
				fmt.Fprintf(&b, "%02d,%02d,%d,%02d,%04x,28,c0,%s,%s\r\n", i+1, n.Channel, n.RSSI, n.Auth, caps(n), n.MAC, n.SSID)
			}
		}
		if m.fw.scan == 9 {
			b.WriteString("END:\r\n")
		}
		m.say(b.String())
	})
}

func caps(n Network) int {
	if n.Auth == 0 {
		return 0x0101
	}
	return 0x0111
}

func authName(auth int) string {
	names := [...]string{"OPEN", "WEP", "WPA1", "MIXED", "WPA2"}
	if auth < len(names) {
		return names[auth]
	}
	return "OPEN"
}
