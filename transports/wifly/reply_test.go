package wifly

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestPrompt(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"<2.32> ", "<2.32>"},
		{"\r\n<4.41> ", "<4.41>"},
		{"CMD\r\n\r\n<2.40-CEL> ", "<2.40-CEL>"},
		{"ERR: ?-Cmd\r\n<4.00>", "<4.00>"},
		{"a < b > c", ""},
		{"<>", ""},
		{"\n<html>\n<body>\n", ""},
		{"<p>text", ""},
		{"<a name that is too long> ", ""},
		{"<4.4", ""},
		{"", ""},
	} {
		if got := findPrompt([]byte(test.text), ""); got != test.want {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}

// Dialogues as they are on record for real modules, echo on and off.
func TestReply(t *testing.T) {
	for _, test := range []struct{ command, from, prompt, text, after string }{
		{"set uart mode 1", "set uart mode 1\r\r\nAOK\r\n<2.32> ", "<2.32>", "AOK", ""},
		{"set comm remote 0", "AOK\r\n<2.32> ", "<2.32>", "AOK", ""},
		{"$$$", "$$$\r\nERR: ?-Cmd\r\n<2.15> ", "<2.15>", "ERR: ?-Cmd", ""},
		{"open 10.0.0.1 80", "open 10.0.0.1 80\r\n<4.41> *OPEN*HTTP/1.1 101", "<4.41>", "", "*OPEN*HTTP/1.1 101"},
		{"show c", "Auto-Assoc roving1 chan=0 mode=NONE FAILED\r\n8000\r\n<2.31> ", "<2.31>", "Auto-Assoc roving1 chan=0 mode=NONE FAILED\n8000", ""},
		{"lookup www.mbed.org", "www.mbed.org=217.140.101.20\r\n<2.32> ", "<2.32>", "www.mbed.org=217.140.101.20", ""},
	} {
		r := &reader{prompt: test.prompt, command: test.command}
		text, after, ok := r.answer([]byte(test.from), nil)
		if after := r.text(after); !ok || text != test.text || after != test.after {
			t.Errorf("%q: %q, %q, %v; want %q, %q", test.from, text, after, ok, test.text, test.after)
		}
	}
	if _, _, ok := (&reader{prompt: "<4.41>"}).answer([]byte("the text <4.41> in a line"), nil); ok {
		t.Error("a prompt was found within a line")
	}
}

func TestParseStatus(t *testing.T) {
	for _, test := range []struct {
		text       string
		ok         bool
		tcp        int
		associated bool
		channel    int
	}{
		{"8630", true, tcpIdle, true, 6},
		{"8b31", true, tcpConnected, true, 11},
		{"8004", true, tcpConnecting, false, 0},
		{"show c\n8633\n", true, tcpNoIP, true, 6},
		{"NET: 8130", true, tcpIdle, true, 1},
		{"f8b30", false, 0, false, 0},
		{"ERR: ?-Cmd", false, 0, false, 0},
		{"", false, 0, false, 0},
	} {
		s, ok := parseStatus(test.text)
		if ok != test.ok || ok && (s.tcp() != test.tcp || s.associated() != test.associated || s.channel() != test.channel) {
			t.Errorf("%q: %04x, %v", test.text, uint16(s), ok)
		}
	}
}

func TestParseLookup(t *testing.T) {
	for text, want := range map[string]string{
		"www.mbed.org=217.140.101.20":     "217.140.101.20",
		"local.lan=0.0.0.0":               "",
		"DNS: no valid address":           "",
		"a=b.c=10.1.2.3":                  "10.1.2.3",
		"lookup failed ERR: Bad Args":     "",
		"Auto-Assoc\nhost= 192.168.1.200": "192.168.1.200",
	} {
		if got := parseLookup(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// transcript is that of a 4.41 as it is on record.
const transcript = "Auto-Assoc lab chan=6 mode=MIXED SCAN OK\nJoining lab now..\nAssociated!\nDHCP: Start\n" +
	"DHCP in 4920ms, lease=86400\nIF=UP\nDHCP=ON\nIP=192.168.1.7:2000\nNM=255.255.255.0\nGW=192.168.1.1\nListen on 2000"

func TestParseJoin(t *testing.T) {
	for _, test := range []struct {
		text string
		want joinState
	}{
		{transcript, joinState{associated: true, done: true}},
		{transcript[:strings.Index(transcript, "IP=")], joinState{associated: true}},
		{transcript[:strings.Index(transcript, "NM=")], joinState{associated: true}},
		{"Associated!\nIF=UP\nDHCP=OFF\nIP=10.0.0.2:2000\nNM=255.0.0.0\nGW=0.0.0.0\nListen on 2000", joinState{associated: true, done: true}},
		{"Auto-Assoc roving1 chan=0 mode=NONE FAILED\nAuto-Assoc lab chan=6 mode=WPA2 SCAN OK", joinState{}},
		{"Auto-Assoc lab chan=0 mode=NONE FAILED", joinState{err: ErrNotAssociated}},
		{"Auto-Assoc lab chan=6 mode=WPA2 SCAN OK\nJoining lab now..\nDisconn .. AUTH-ERR\nDisconn from lab", joinState{err: ErrAuth}},
		{"", joinState{}},
	} {
		if got := parseJoin(test.text, "lab"); got != test.want {
			t.Errorf("%q: %+v, want %+v", test.text, got, test.want)
		}
	}
}

func TestParseScan(t *testing.T) {
	for _, test := range []struct {
		text string
		want []Network
	}{
		{"SCAN:Found 2\n01,01,-53,04,3100,00:15:f9:38:bd:b0,SensorNet\n02,11,-72,00,0104,00:1d:7e:00:11:22,a, b", []Network{
			{"SensorNet", 1, -53, "wpa2", "00:15:f9:38:bd:b0"}, {"a, b", 11, -72, "open", "00:1d:7e:00:11:22"},
		}},
		{"SCAN:Found 1\n01,06,-59,04,1104,28,c0,20:4E:7F:08:DF:85,lab\nEND:", []Network{{"lab", 6, -59, "wpa2", "20:4e:7f:08:df:85"}}},
		{"SCAN:Found 0", nil},
		{"Num            SSID   Ch  RSSI   Sec    MAC Address     Suites\n 1         my lab   06   -50  WPA2  00:15:f9:38:bd:b0  0111", []Network{
			{"my lab", 6, -50, "wpa2", "00:15:f9:38:bd:b0"},
		}},
		{"01,06,-59,07,1104,28,c0,20:4e:7f:08:df:85,", []Network{{"", 6, -59, "07", "20:4e:7f:08:df:85"}}},
		{"20:4e:7f:08:df:85,x\n01,x,y,z,20:4e:7f:08:df:85,lab", nil},
	} {
		if got := parseScan(test.text); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: %+v, want %+v", test.text, got, test.want)
		}
	}
	for text, want := range map[string]bool{
		"SCAN:Found 0\n": true, "SCAN:Found 0": true, "SCAN:Found 1\n": false, "SCAN:Found 2\n01,01,-53,04,3100,00:15:f9:38:bd:b0,x": false,
		"SCAN:Found 1\n01,01,-53,04,3100,00:15:f9:38:bd:b0,x": true, "END:": true, "": false,
	} {
		if got := scanned(text); got != want {
			t.Errorf("scanned(%q) = %v", text, got)
		}
	}
}

func TestMask(t *testing.T) {
	for command, want := range map[string]string{
		"set wlan phrase rubygirl":                       "set wlan phrase ******",
		"set w p rubygirl":                               "set w p ******",
		"set wlan passphrase a$b c\r":                    "set wlan passphrase ******\r",
		"SSID=lab\r\nPassphrase=rubygirl\r\nTxPower=0":   "SSID=lab\r\nPassphrase=******\r\nTxPower=0",
		"<4.41> set w p secret\r\nAOK":                   "<4.41> set w p ******\r\nAOK",
		"set wlan key 0123456789":                        "set wlan key ******",
		"set apmode passphrase secret\rset\ta  p secret": "set apmode passphrase ******\rset\ta  p ******",
		"set opt password secret\rset o p secret":        "set opt password ******\rset o p ******",
		"ApPhrase=secret\r\nPassword=secret\r\nQ=0x0":    "ApPhrase=******\r\nPassword=******\r\nQ=0x0",
		"set wlan ssid lab":                              "set wlan ssid lab",
		"set comm remote 0":                              "set comm remote 0",
	} {
		if got := Mask(command); got != want {
			t.Errorf("%q: %q, want %q", command, got, want)
		}
	}
}

func TestSettable(t *testing.T) {
	for _, test := range []struct{ name, value, want string }{
		{"ip proto", "TCP,", "2"}, {"ip proto", "UDP,TCP,", "3"}, {"ip proto", "TCP_CLIENT,", "8"}, {"ip proto", "0xa", "10"}, {"ip proto", "SECURE?", "2"},
		{"comm open", "", "0"}, {"comm open", "*OPEN*", "*OPEN*"}, {"comm remote", "GET /x", "GET$/x"},
	} {
		if got := settable(test.name, test.value); got != test.want {
			t.Errorf("%s=%q: %q, want %q", test.name, test.value, got, test.want)
		}
	}
}

// FuzzReply: no reply, however garbled, makes a parser fail.
func FuzzReply(f *testing.F) {
	f.Add([]byte(transcript + "\r\n<4.41> "))
	f.Add([]byte("SCAN:Found 1\r\n01,06,-59,04,1104,28,c0,20:4e:7f:08:df:85,lab\r\nEND:\r\n"))
	f.Add([]byte("8630\r\n<2.32> www=0.0.0.0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &reader{prompt: findPrompt(b, ""), command: "show c", strings: []string{"*CLOS*", "~abc"}}
		answer, after, ok := r.answer(b, nil)
		if ok != (r.prompt != "") || len(after) > len(b) {
			t.Fatalf("%q: prompt %q, %v, and behind it %q", b, r.prompt, ok, after)
		}
		// An answer is the same whenever it is first found to be there.
		for n := range b {
			if early, _, there := r.answer(b[:n], nil); there && early != answer {
				t.Fatalf("%q: of %d bytes the answer is %q, of all %q", b, n, early, answer)
			}
		}
		text := r.text(b)
		for line := range strings.SplitSeq(text, "\n") {
			if line == "show c" {
				t.Fatalf("the echo is in %q", text)
			}
		}
		for _, n := range parseScan(text) {
			if !macPattern.MatchString(n.MAC) {
				t.Fatalf("%q: %+v", text, n)
			}
		}
		if a := parseLookup(text); a != "" && !strings.Contains(text, a) {
			t.Fatalf("%q: address %q", text, a)
		}
		parseStatus(text)
		parseSettings(text)
		parseJoin(text, "lab")
		scanned(text)
	})
}

// TestEscapeGuard writes dollars in all sorts of pieces and pauses: never is a
// burst nothing but three of them, whether the module takes 200 or 350 ms for a pause.
func TestEscapeGuard(t *testing.T) {
	type write struct {
		p     string
		after time.Duration
	}
	ms := time.Millisecond
	for _, writes := range [][]write{
		{{"$$$", 0}},
		{{"$", 0}, {"$$", 0}},
		{{"$", 0}, {"$", 10 * ms}, {"$", 10 * ms}},
		{{"abc", 0}, {"$$$", 300 * ms}},
		{{"abc", 0}, {"$", 240 * ms}, {"$$", 10 * ms}},
		{{"abc", 0}, {"$", 10 * ms}, {"$$", 240 * ms}},
		{{"$$", 0}, {"$$", 240 * ms}, {"$", 210 * ms}},
		{{"$$$", 0}, {"$$$", 0}, {"$$$", 400 * ms}},
		{{"$$$$", 0}, {"$$$", 300 * ms}},
	} {
		for _, pause := range []time.Duration{burstGap, 250 * ms, guard} {
			var g escapeGuard
			now := time.Unix(1000, 0)
			var bursts []string
			last := time.Time{}
			sent, want := "", ""
			for _, w := range writes {
				want += w.p
				now = now.Add(w.after)
				for p := []byte(w.p); len(p) > 0; {
					wait, n := g.next(p, now)
					now = now.Add(wait)
					if now.Sub(last) >= pause {
						bursts = append(bursts, "")
					}
					bursts[len(bursts)-1] += string(p[:n])
					sent += string(p[:n])
					last = now
					g.wrote(p[:n], now)
					p = p[n:]
				}
			}
			if sent != want {
				t.Errorf("%v: sent %q", writes, sent)
			}
			for _, b := range bursts {
				if b == "$$$" {
					t.Errorf("%v: with pauses from %v, the bursts are %q", writes, pause, bursts)
				}
			}
		}
	}
	var g escapeGuard
	if wait, n := g.next([]byte("\x00$$$\xff"), time.Now()); wait != 0 || n != 5 {
		t.Errorf("a frame waits %v and is cut to %d bytes", wait, n)
	}
}
