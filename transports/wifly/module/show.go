package module

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/ws76/ws76/transports"
)

// getText is the reply to get GROUP, get ip a and get everything.
func (m *Module) getText(name, detail string) string {
	switch name {
	case "":
		return badArgs
	case "mac":
		return "Mac Addr=" + macAddr + "\r\n"
	case "everything":
		var b strings.Builder
		for _, g := range groups {
			if g != "adhoc" && g != "apmode" || g == m.fw.group {
				b.WriteString(m.groupText(g))
			}
		}
		return b.String()
	}
	group, ok := findGroup(name)
	if !ok || group == "apmode" && group != m.fw.group {
		return badArgs
	}
	if group == "ip" && strings.HasPrefix("address", detail) && detail != "" {
		if !m.fw.getIPA {
			return badArgs
		}
		return m.address() + "\r\n"
	}
	return m.groupText(group)
}

func (m *Module) groupText(group string) string {
	var b strings.Builder
	if group == "ip" {
		for _, line := range m.addresses() {
			b.WriteString(line + "\r\n")
		}
		fmt.Fprintf(&b, "HOST=%s:%s\r\nPROTO=%s\r\nMTU=%s\r\nFLAGS=%s\r\n", m.ram.get("ip", "host"), m.ram.get("ip", "remote"),
			protocols(m.ram.num("ip", "proto")), m.ram.get("ip", "mtu"), m.ram.get("ip", "flags"))
		if m.fw.tcpMode {
			fmt.Fprintf(&b, "TCPMODE=%s\r\n", m.ram.get("ip", "tcp-mode"))
		}
		fmt.Fprintf(&b, "BACKUP=%s\r\n", m.ram.get("ip", "backup"))
		return b.String()
	}
	for i := range params {
		if p := &params[i]; p.group == group {
			if v, ok := m.shown(p); ok {
				label := p.label
				if p.group+" "+p.name == "wlan linkmon" {
					label = m.fw.linkmon
				}
				fmt.Fprintf(&b, "%s=%s\r\n", label, v)
			}
		}
	}
	return b.String()
}

// shown is a setting as get shows it; false where it is not shown.
func (m *Module) shown(p *param) (string, bool) {
	v := m.ram.get(p.group, p.name)
	switch p.group + " " + p.name {
	case "wlan auth":
		return authName(m.ram.num("wlan", "auth")), true
	case "wlan rate":
		return v + ", 24 Mb", true
	case "wlan hide":
		return "", false
	case "wlan phrase":
		if m.ram.num("wlan", "auth") == authWEP {
			return "", false // WEP has a key instead
		}
		if m.ram.num("wlan", "hide") == 1 {
			return "******", true
		}
	case "wlan key":
		if m.ram.num("wlan", "auth") != authWEP {
			return "", false
		}
		if m.ram.num("wlan", "hide") == 1 {
			return "******", true
		}
	case "comm $":
		return string([]byte{byte(m.ram.num("comm", "$"))}), true
	case "ftp address":
		return v + ":" + m.ram.get("ftp", "remote"), true
	case "ftp remote":
		return "", false
	case "opt replace":
		return fmt.Sprintf("%#x", m.ram.num("opt", "replace")), true
	}
	return v, true
}

func protocols(mask int) string {
	var b strings.Builder
	for i, name := range []string{"UDP,", "TCP,", "SECURE,", "TCP_CLIENT,", "HTTP,"} {
		if mask&(1<<i) != 0 {
			b.WriteString(name)
		}
	}
	return b.String()
}

// address is the module's own.
func (m *Module) address() string {
	switch {
	case !m.hasIP:
		return "0.0.0.0"
	case m.ram.num("ip", "dhcp") == 0:
		return m.ram.get("ip", "address")
	}
	return m.o.IP.String()
}

func (m *Module) addresses() []string {
	up, dhcp := "DOWN", "OFF"
	if m.hasIP {
		up = "UP"
	}
	mask, gateway := m.ram.get("ip", "netmask"), m.ram.get("ip", "gateway")
	if m.ram.num("ip", "dhcp") != 0 {
		dhcp = m.fw.dhcpOn
		if m.hasIP {
			gateway = m.o.IP.String()
		}
	}
	return []string{"IF=" + up, "DHCP=" + dhcp, fmt.Sprintf("IP=%s:%d", m.address(), m.ram.num("ip", "localport")), "NM=" + mask, "GW=" + gateway}
}

// showText is the reply to show.
func (m *Module) showText(what string) string {
	has := func(name string) bool { return what != "" && strings.HasPrefix(name, what) }
	up := time.Since(m.start)
	switch {
	case has("connection"):
		return fmt.Sprintf("%04x\r\n", m.connection())
	case has("net"):
		return m.netText()
	case has("rssi"):
		if !m.associated {
			return "RSSI=(0) dBm\r\n"
		}
		return fmt.Sprintf("RSSI=(%d) dBm\r\n", m.network.RSSI)
	case has("battery"):
		return "Batt=3301\r\n"
	case has("io"):
		return "8d08\r\n"
	case has("time"):
		return fmt.Sprintf("Time=NOT SET\r\nUpTime=%d s\r\n", int(up.Seconds()))
	case has("stats"):
		s := m.Stats()
		return fmt.Sprintf("Uptime: %d s\r\nUart RX: %d TX: %d RxErrs: %d\r\n", int(up.Seconds()), s.FromHost, s.ToHost, s.Overruns)
	case has("version"):
		return m.fw.banner + "\r\n"
	case has("deviceid"):
		return m.ram.get("opt", "deviceid") + "\r\n"
	}
	return badArgs
}

// netText is the reply to show net.
func (m *Module) netText() string {
	ok := func(is bool) string {
		if is {
			return "OK"
		}
		return "FAIL"
	}
	mode, links, renew := "NONE", 0, ""
	if m.associated {
		mode = authName(m.network.Auth)
	}
	if m.link != nil {
		links = 1
	}
	if m.hasIP {
		renew = ",renew=86400"
	}
	return fmt.Sprintf("SSid=%s\r\nChan=%d\r\nAssoc=%s\r\nRate=%s, 24Mb\r\nAuth=%s\r\nMode=%s\r\nDHCP=%s%s\r\nBoot=%d\r\nTime=FAIL\r\nLinks=%d\r\n",
		m.ssid, m.network.Channel, ok(m.associated), m.ram.get("wlan", "rate"), ok(m.associated), mode, ok(m.hasIP), renew, time.Since(m.start).Milliseconds(), links)
}

// connection is the word of show connection: 8XYZ.
func (m *Module) connection() int {
	word := 0x8000
	switch {
	case !m.hasIP:
		word |= 3
	case m.link != nil:
		word |= 1
	case m.dialling:
		word |= 4
	}
	for bit, set := range map[int]bool{4: m.associated, 5: m.associated, 6: m.asked, 7: m.resolved} {
		if set {
			word |= 1 << bit
		}
	}
	if m.associated {
		word |= m.network.Channel << 8
	}
	return word
}

// reach finds out whether a machine is at addr: it accepts or refuses a connection.
func (m *Module) reach(addr netip.Addr, done func(bool)) {
	m.async(func(ctx context.Context) (_, _ func()) {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		conn, err := watch.Dial(ctx, "tcp", netip.AddrPortFrom(addr, 7).String())
		if err == nil {
			conn.Close()
		}
		reached := err == nil || transports.Refused(err)
		return func() { done(reached) }, func() {}
	})
}
