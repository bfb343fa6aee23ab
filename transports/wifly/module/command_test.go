package module

import (
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// Commands and their replies, echo and prompt as each firmware has them.
func TestDialogue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ firmware, send, want string }{
		{"4.41", "\r", "\r\n<4.41> "},
		{"4.41", "set uart mode 1\rget mac\r", "set uart mode 1\r\nAOK\r\n<4.41> Mac Addr=" + macAddr + "\r\n<4.41> "},
		{"4.41", "ver\r", "ver\r\n\r\nwifly-GSX Ver: 4.41 Build: r1057, Jan 17 2014 10:26:26 on RN-131\r\n<4.41> "},
		{"2.32", "set u m 1\r\nget mac\r\n", "set u m 1\r\n\r\nAOK\r\n<2.32> \r\nMac Addr=" + macAddr + "\r\n<2.32> "},
		{"2.15", "get ip a\r", "get ip a\r\nERR: Bad Args\r\n<2.15> "},
		{"2.15", "set ip tcp-mode 1\r", "set ip tcp-mode 1\r\nERR: ?-Cmd\r\n<2.15> "},
		{"4.00", "set ip tcp-mode 0x10\r", "set ip tcp-mode 0x10\r\n\r\nAOK\r\n<4.00> "},
		{"4.41", "set uart mode 0x21\r\r", "set uart mode 0x21\r\nAOK\r\n$$"},
		{"4.41", "show x\r", "show x\r\n\r\nERR: Bad Args\r\n<4.41> "},
		{"4.41", "gex\b\bet mac\r", "gex\b \b\b \bet mac\r\n\r\nMac Addr=" + macAddr + "\r\n<4.41> "},
		{"4.41", strings.Repeat("x", 300) + "\r", strings.Repeat("x", 256) + "\r\nERR: Bad Args\r\n<4.41> "},
		{"4.41", "exit\r", "exit\r\nEXIT\r\n"},
	} {
		fake(t, Options{Running: true, Firmware: c.firmware}, func(h *host, _ func() net.Conn) {
			h.escape()
			h.send(c.send)
			if got := h.rest(time.Second); got != c.want && got != strings.Replace(c.want, "\r\nAOK", "\r\n\r\nAOK", 1) {
				t.Errorf("%s: %q: %q, want %q", c.firmware, c.send, got, c.want)
			}
		})
	}
}

// What a set is answered, and what get shows then.
func TestSet(t *testing.T) {
	t.Parallel()
	fake(t, Options{Running: true}, func(h *host, _ func() net.Conn) {
		h.escape()
		h.command("set uart mode 1")
		for _, c := range []struct{ set, reply, get, shows string }{
			{"wlan ssid a$b", "AOK", "wlan", "SSID=a b\r\n"},
			{"w s abc", "AOK", "wlan", "SSID=abc\r\n"},
			{"wlan ssid " + strings.Repeat("x", 33), "ERR: Bad Args", "wlan", "SSID=abc\r\n"},
			{"wlan passphrase 12345678", "AOK", "wlan", "Passphrase=12345678\r\n"},
			{"wlan hide 1", "AOK", "wlan", "Passphrase=******\r\n"},
			{"wlan auth 4", "AOK", "wlan", "Auth=WPA2\r\n"},
			{"opt replace @", "AOK", "opt", "Replace=0x40\r\n"},
			{"wlan ssid a@$b", "AOK", "wlan", "SSID=a $b\r\n"},
			{"uart baud 115200", "AOK", "comm", "FlushSize=1420\r\n"},
			{"uart baud 115201", "ERR: Bad Args", "uart", "Baudrate=115200\r\n"},
			{"uart raw 250000", "AOK", "uart", "Baudrate=250000\r\n"},
			{"uart baud", "ERR: Bad Args", "uart", "Baudrate=250000\r\n"},
			{"comm size 0x100", "AOK", "comm", "FlushSize=256\r\n"},
			{"comm size 99999", "ERR: Bad Args", "comm", "FlushSize=256\r\n"},
			{"comm match 0xff", "AOK", "comm", "MatchChar=255\r\n"},
			{"comm $ 0x7e", "AOK", "comm", "CmdChar=~"},
			{"ip address 10.0.0.300", "ERR: Bad Args", "ip", "IP=127.0.0.1:2000\r\n"},
			{"ip host 10.0.0.3", "AOK", "ip", "HOST=10.0.0.3:2000\r\n"},
			{"ip flags 6", "AOK", "ip", "FLAGS=0x6\r\n"},
			{"ip proto 8", "AOK", "ip", "PROTO=TCP_CLIENT,\r\n"},
			{"adhoc beacon 1", "ERR: ?-Cmd", "sys", "Autoconn=0\r\n"},
			{"nothing at all", "ERR: ?-Cmd", "sys", "Autoconn=0\r\n"},
		} {
			if got := h.command("set " + c.set); got != c.reply {
				t.Errorf("set %s: %q, want %q", c.set, got, c.reply)
			}
			if got := h.command("get "+c.get) + "\r\n"; !strings.Contains(got, c.shows) {
				t.Errorf("set %s, get %s: %q, want %q in it", c.set, c.get, got, c.shows)
			}
		}
	})
}

// Settings are lost at reboot unless they are saved; factory RESET forgets those too.
func TestSaved(t *testing.T) {
	t.Parallel()
	var saved []string
	o := Options{Save: func(s string) error { saved = append(saved, s); return nil }}
	fake(t, o, func(h *host, _ func() net.Conn) {
		reboot := func() {
			h.send("reboot\r")
			h.until("*Reboot*\r\n")
			h.until("*READY*\r\n")
			h.until("Listen on 2000\r\n")
			h.escape()
			h.send("set uart mode 1\r")
			h.until("AOK\r\n<4.41> ")
		}
		size := func(want string) {
			t.Helper()
			if got := h.command("get comm"); !strings.Contains(got, "FlushSize="+want+"\r\n") {
				t.Errorf("%q, want FlushSize=%s", got, want)
			}
		}
		h.until("Listen on 2000\r\n")
		h.escape()
		h.command("set comm size 500")
		reboot()
		size("1420")
		h.command("set comm size 500")
		if got := h.command("save"); got != "Storing in config" {
			t.Errorf("save: %q", got)
		}
		h.command("set comm size 700")
		h.command("save other")
		reboot()
		size("500")
		if got := h.command("load other"); got != "AOK" {
			t.Errorf("load: %q", got)
		}
		size("700")
		if got := h.command("ls"); !strings.HasSuffix(got, "config\r\nother") {
			t.Errorf("ls: %q", got)
		}
		h.command("del other")
		if got := h.command("load other"); got != "ERR: Bad Args" {
			t.Errorf("load what was deleted: %q", got)
		}
		h.command("factory reset")
		size("700")
		if got := h.command("factory RESET"); !strings.HasSuffix(got, "Set Factory Defaults") {
			t.Errorf("factory: %q", got)
		}
	})
	if want := []string{"set comm size 500\nset uart baud 115200\nset uart mode 0x1\n", ""}; !slices.Equal(saved, want) {
		t.Errorf("saved %q, want %q", saved, want)
	}
}

// The rate changes at reboot, or at once with set uart instant, which is not stored.
func TestBaud(t *testing.T) {
	t.Parallel()
	var rates []int
	o := Options{Running: true, Baud: 9600, SetRate: func(rate int) error { rates = append(rates, rate); return nil }}
	fake(t, o, func(h *host, _ func() net.Conn) {
		h.escape()
		h.command("set uart baud 115200")
		h.command("save")
		h.send("set uart instant 57600\r")
		h.until("AOK\r\n")
		h.rest(time.Second) // it is in data mode now
		h.escape()
		h.send("reboot\r")
		h.until("*READY*\r\n")
	})
	if want := []int{9600, 57600, 115200}; !slices.Equal(rates, want) {
		t.Errorf("rates %v, want %v", rates, want)
	}
}

// Joining a network: what is said, and what show says of it.
func TestJoin(t *testing.T) {
	t.Parallel()
	networks := []Network{{SSID: "first", Channel: 3}, {SSID: "my net", Phrase: "secret", Channel: 11, RSSI: -70, MAC: "aa:bb:cc:dd:ee:ff"},
		{SSID: "old", Phrase: "0123456789ABCDEF0123456789", Auth: 1, Channel: 9}}
	const up = "IF=UP\r\nDHCP=ON\r\nIP=127.0.0.1:2000\r\nNM=255.255.255.0\r\nGW=127.0.0.1\r\nListen on 2000\r\n"
	for name, c := range map[string]struct {
		settings []string
		faults   string
		join     string
		want     string
		show     string
	}{
		"open":       {nil, "", "join first", "Auto-Assoc first chan=3 mode=MIXED SCAN OK\r\nJoining first now..\r\nAssociated!\r\nDHCP: Start\r\nDHCP in 200ms, lease=86400\r\n" + up, "8330"},
		"secret":     {[]string{"wlan phrase secret", "wlan ssid my$net"}, "", "join", "Auto-Assoc my net chan=11 mode=MIXED SCAN OK\r\nJoining my net now..\r\nAssociated!\r\nDHCP: Start\r\nDHCP in 200ms, lease=86400\r\n" + up, "8b30"},
		"by number":  {[]string{"sys printlvl 0"}, "", "join # 1", "Associated!\r\n", "8330"},
		"wrong":      {[]string{"wlan phrase wrong", "wlan ssid my$net"}, "", "join", "Auto-Assoc my net chan=11 mode=MIXED SCAN OK\r\nJoining my net now..\r\nDisconn reason=AUTH-ERR\r\nDisconn from my net\r\n", "8003"},
		"wep":        {[]string{"wlan key 0123456789abcdef0123456789", "wlan phrase secret"}, "", "join old", "Auto-Assoc old chan=9 mode=MIXED SCAN OK\r\nJoining old now..\r\nAssociated!\r\nDHCP: Start\r\nDHCP in 200ms, lease=86400\r\n" + up, "8930"},
		"wep, wrong": {[]string{"wlan key 0123456789abcdef0123456780", "wlan phrase 0123456789ABCDEF0123456789"}, "", "join old", "Auto-Assoc old chan=9 mode=MIXED SCAN OK\r\nJoining old now..\r\nDisconn reason=AUTH-ERR\r\nDisconn from old\r\n", "8003"},
		"none":       {nil, "", "join nowhere", "Auto-Assoc nowhere chan=0 mode=NONE FAILED\r\n", "8003"},
		"no lease":   {nil, "dhcp-failed", "join first", "Auto-Assoc first chan=3 mode=MIXED SCAN OK\r\nJoining first now..\r\nAssociated!\r\nDHCP: Start\r\n", "8333"},
		"no access":  {nil, "no-ap", "join first", "Auto-Assoc first chan=0 mode=NONE FAILED\r\n", "8003"},
		"static":     {[]string{"ip dhcp 0", "ip address 10.0.0.9", "ip gateway 10.0.0.1"}, "", "join first", "Auto-Assoc first chan=3 mode=MIXED SCAN OK\r\nJoining first now..\r\nAssociated!\r\nIF=UP\r\nDHCP=OFF\r\nIP=10.0.0.9:2000\r\nNM=255.255.255.0\r\nGW=10.0.0.1\r\nListen on 2000\r\n", "8330"},
		"not a word": {nil, "", "join a b c", "", "8003"},
	} {
		faults, err := ParseFaults(c.faults)
		if err != nil {
			t.Fatal(err)
		}
		fake(t, Options{Networks: networks, Faults: faults, Settings: "set wlan join 0\n"}, func(h *host, _ func() net.Conn) {
			h.until("*READY*\r\n")
			h.escape()
			h.command("set uart mode 1")
			for _, s := range c.settings {
				h.command("set " + s)
			}
			h.command(c.join)
			if got := h.rest(3 * time.Second); got != c.want {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
			if got := h.command("show c"); got != c.show {
				t.Errorf("%s: show c: %q, want %q", name, got, c.show)
			}
			if got := h.command("leave"); (got == "DeAuth") != (c.show != "8003") {
				t.Errorf("%s: leave: %q", name, got)
			}
		})
	}
}

// The list of networks, in the three forms that there have been.
func TestScan(t *testing.T) {
	t.Parallel()
	networks := []Network{{SSID: "plain"}, {SSID: "with, comma", Phrase: "x", Channel: 11, RSSI: -70, MAC: "aa:bb:cc:dd:ee:ff"}}
	for firmware, want := range map[string]string{
		"2.23": "SCAN:Found 2\r\n01,06,-50,00,0101,02:00:00:00:76:01,plain\r\n02,11,-70,04,0111,aa:bb:cc:dd:ee:ff,with, comma\r\n",
		"4.41": "SCAN:Found 2\r\n01,06,-50,00,0101,28,c0,02:00:00:00:76:01,plain\r\n02,11,-70,04,0111,28,c0,aa:bb:cc:dd:ee:ff,with, comma\r\nEND:\r\n",
		"2.15": "\r\nNum            SSID   Ch  RSSI   Sec    MAC Address     Suites\r\n 1            plain   06   -50  OPEN  02:00:00:00:76:01  0101\r\n 2      with, comma   11   -70  WPA2  aa:bb:cc:dd:ee:ff  0111\r\n",
	} {
		fake(t, Options{Running: true, Networks: networks, Firmware: firmware}, func(h *host, _ func() net.Conn) {
			h.escape()
			h.command("set uart mode 1")
			h.command("scan")
			if got := h.rest(3 * time.Second); got != want {
				t.Errorf("%s: %q, want %q", firmware, got, want)
			}
		})
	}
}

// Names are looked up, and found again in show connection.
func TestLookup(t *testing.T) {
	t.Parallel()
	fake(t, Options{Running: true}, func(h *host, _ func() net.Conn) {
		h.escape()
		h.command("set uart mode 1")
		if got := h.command("lookup host.example"); got != "host.example="+netip.AddrFrom4([4]byte{192, 0, 2, 1}).String() {
			t.Errorf("lookup: %q", got)
		}
		if got := h.command("show c"); got != "86f0" {
			t.Errorf("show c: %q", got)
		}
	})
}

// Without arguments open uses what is stored; so does autoconn, after each end.
func TestStoredPeer(t *testing.T) {
	t.Parallel()
	o := Options{Settings: "set ip host 192.0.2.9\nset ip remote 99\nset comm remote 0\nset sys autoconn 3\n"}
	fake(t, o, func(h *host, peer func() net.Conn) {
		for range 2 {
			conn := peer()
			h.until("*OPEN*")
			conn.Close()
			h.until("*CLOS*")
		}
		peer()
		h.until("*OPEN*")
		if !strings.Contains(h.text(), "booted") {
			t.Error("no notes")
		}
	})
}

// Data from the host may open the connection; it is the first that the peer gets.
func TestConnectOnData(t *testing.T) {
	t.Parallel()
	o := Options{Running: true, Settings: "set uart mode 2\nset dns name host.example\nset comm remote 0\n"}
	fake(t, o, func(h *host, peer func() net.Conn) {
		h.send("first")
		conn := peer()
		b := make([]byte, 100)
		if n, err := conn.Read(b); string(b[:n]) != "first" {
			t.Errorf("the peer got %q, %v", b[:n], err)
		}
	})
}

// A host's join comes before what the module does by itself: an attempt that is under
// way, or the next one.
func TestJoinWhileJoining(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{0, rejoin - 2*guard} { // between attempts, and amid one
		o := Options{Assoc: time.Second, Networks: []Network{{SSID: "lab"}}, Settings: "set wlan ssid other\nset wlan join 1\n"}
		fake(t, o, func(h *host, _ func() net.Conn) {
			h.until("mode=NONE FAILED\r\n")
			h.rest(wait)
			h.escape()
			h.command("set wlan ssid lab")
			h.send("join\r")
			h.until("Listen on 2000\r\n")
			if got := h.rest(3 * rejoin); got != "" {
				t.Errorf("after %v: once it has joined it says %q", wait, got)
			}
			if got := h.command("show c"); !strings.HasSuffix(got, "30") {
				t.Errorf("after %v: show c is %q", wait, got)
			}
		})
	}
}

// A host that ends a connection before it is there gets none later.
func TestCloseWhileDialling(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"close", "sleep"} {
		answered, far := make(chan struct{}), make(chan net.Conn, 1)
		o := Options{Running: true, Dial: func(context.Context, string) (net.Conn, error) {
			<-answered
			ours, theirs := net.Pipe()
			far <- theirs
			return ours, nil
		}}
		fake(t, o, func(h *host, _ func() net.Conn) {
			answered = make(chan struct{}) // of this bubble
			h.escape()
			h.command("open host.example 80")
			if got := h.command("show c"); !strings.HasSuffix(got, "4") {
				t.Errorf("while it connects show c is %q", got)
			}
			h.send(end + "\r")
			h.rest(time.Second)
			close(answered)
			conn := <-far
			if n, err := conn.Read(make([]byte, 1)); n > 0 || err != io.EOF {
				t.Errorf("%s: the peer got %d, %v", end, n, err)
			}
			if got := h.rest(time.Second); strings.Contains(got, "*OPEN*") {
				t.Errorf("%s: the host got %q", end, got)
			}
		})
	}
}

// Passphrases are in no note, whatever stood before the command.
func TestNotesHideSecrets(t *testing.T) {
	t.Parallel()
	fake(t, Options{Running: true}, func(h *host, _ func() net.Conn) {
		h.escape()
		for _, line := range []string{"set wlan phrase secret", "$$$set w p secret", "set a p secret", "  set opt\tpassword\tsecret", "set set wlan phrase secret", "set wlan key secret"} {
			h.command(line)
		}
		if strings.Contains(h.text(), "secret") || !strings.Contains(h.text(), "set wlan phrase") {
			t.Errorf("notes:\n%s", h.text())
		}
	})
}

// A connection over which nothing passes ends where comm idle says so.
func TestIdle(t *testing.T) {
	t.Parallel()
	fake(t, Options{Running: true}, func(h *host, peer func() net.Conn) {
		h.open("comm idle 5")
		peer()
		begin := time.Now()
		h.until("<c>")
		if d := time.Since(begin).Round(time.Second); d != 5*time.Second {
			t.Errorf("closed after %v", d)
		}
	})
}

// Asleep it hears nothing; what wakes it is lost, and it boots.
func TestSleep(t *testing.T) {
	t.Parallel()
	fake(t, Options{Running: true}, func(h *host, _ func() net.Conn) {
		h.escape()
		h.send("sleep\r")
		h.rest(10 * time.Second)
		h.send("x")
		h.until("*READY*\r\n")
		h.escape()
		h.command("set sys wake 10")
		h.send("sleep\r")
		begin := time.Now()
		h.until("*READY*\r\n")
		if d := time.Since(begin).Round(time.Second); d != 11*time.Second {
			t.Errorf("awake after %v", d)
		}
	})
}
