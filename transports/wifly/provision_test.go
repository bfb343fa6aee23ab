//go:build linux || darwin

package wifly

import (
	"context"
	"errors"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/transports/wifly/module"
)

// A module from the factory is brought into a network; the same again is nothing
// to do; a wrong passphrase changes nothing.
func TestProvision(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var saved []string
	o := fast()
	o.Running, o.Settings, o.Baud = false, "", 0
	o.Networks = []module.Network{{SSID: "my lab", Phrase: "a $ecret word", RSSI: -40}}
	o.Save = func(settings string) error {
		mu.Lock()
		defer mu.Unlock()
		saved = append(saved, settings)
		return nil
	}
	m := openModule(t, o, "baud=9600")
	ctx := patient(t)
	var said []string
	m.trace = func(_ bool, text string) { said = append(said, text) }

	wrong := &Setup{SSID: "my lab", Phrase: "another word"}
	plan, err := m.Plan(ctx, wrong)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(ctx, wrong, plan, nil); !errors.Is(err, ErrAuth) {
		t.Errorf("with a wrong passphrase: %v, want %v", err, ErrAuth)
	}
	if len(saved) > 0 {
		t.Errorf("it saved %q", saved)
	}

	setup := &Setup{SSID: "my lab", Phrase: "a $ecret word", Baud: 115200}
	plan, err = m.Plan(ctx, setup)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range plan {
		names = append(names, c.Setting)
		if strings.Contains(c.Old+c.New, "rubygirl") || strings.Contains(c.Old+c.New, "word") {
			t.Errorf("a passphrase is in %+v", c)
		}
	}
	if want := []string{"opt replace", "wlan ssid", "wlan phrase", "wlan linkmon", "opt jointmr", "comm remote", "uart baud", "comm size"}; !reflect.DeepEqual(names, want) {
		t.Errorf("changes %q, want %q", names, want)
	}
	if err := m.Apply(ctx, setup, plan, nil); err != nil {
		t.Fatal(err)
	}
	if len(saved) != 1 || m.Baud() != 115200 {
		t.Errorf("saved %d times, %d baud", len(saved), m.Baud())
	}
	if plan, err = m.Plan(ctx, setup); err != nil || len(plan) > 0 {
		t.Errorf("afterwards: %+v, %v", plan, err)
	}
	info, err := m.Info(ctx)
	if err != nil || info.SSID != "my lab" && info.SSID != "my%lab" || !info.Associated || info.IP == "" {
		t.Errorf("%+v, %v", info, err)
	}
	for _, text := range said {
		if strings.Contains(text, "ecret") || strings.Contains(text, "another") || strings.Contains(text, "rubygirl") {
			t.Errorf("the trace shows a passphrase: %q", text)
		}
	}
}

// Where the user ends it in the middle, the module is what it was nevertheless.
func TestProvisionEnded(t *testing.T) {
	t.Parallel()
	o := fast()
	o.DHCP = time.Hour
	m := openModule(t, o, "baud=921600")
	ctx, cancel := context.WithCancel(patient(t))
	setup := &Setup{SSID: "other"}
	plan, err := m.Plan(ctx, setup)
	if err != nil {
		t.Fatal(err)
	}
	err = m.Apply(ctx, setup, plan, func(text string) {
		if text == "joining" {
			time.AfterFunc(300*time.Millisecond, cancel)
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Apply: %v, want %v", err, context.Canceled)
	}
	if info, err := m.Info(patient(t)); err != nil || info.SSID != "lab" {
		t.Errorf("afterwards: %+v, %v", info, err)
	}
}

// What scan shows of a network decides what a passphrase is for. One that cannot be meant is
// told before anything is changed; where scan does not show it the error says what to say.
func TestProvisionAuth(t *testing.T) {
	t.Parallel()
	const key, phrase = "0123456789abcdef0123456789", "correct-horse"
	networks := []module.Network{
		{SSID: "wep", Phrase: key, Auth: 1}, {SSID: "open"}, {SSID: "wpa2", Phrase: phrase}, {SSID: "wpa1", Phrase: phrase, Auth: 2},
		{SSID: "mixed", Phrase: phrase, Auth: 3}, {SSID: "two", RSSI: -40}, {SSID: "two", Phrase: phrase, RSSI: -70},
		{SSID: "hidden wep", Phrase: key, Auth: 1, Hidden: true}, {SSID: "hidden wpa", Phrase: phrase, Hidden: true},
	}
	for i, test := range []struct {
		stored string // in the module
		setup  Setup
		want   error  // nil: it gets into the network
		says   string // in the error
		tried  bool   // it is told by the access point
	}{
		{"", Setup{SSID: "wep", Phrase: key}, nil, "", true},
		{"", Setup{SSID: "wep", Phrase: key, Auth: "wep"}, nil, "", true},
		{"", Setup{SSID: "wep", Phrase: phrase}, ErrOtherAuth, "26 hex digits", false},
		{"", Setup{SSID: "wep", Phrase: phrase, Auth: "wpa2"}, ErrOtherAuth, "shows it as wep, and not wpa2", false},
		{"", Setup{SSID: "wep"}, ErrAuth, "no passphrase was given", true},
		{"", Setup{SSID: "wep", Phrase: strings.Repeat("a1", 13)}, ErrAuth, "as wep; the passphrase is wrong", true},
		{"", Setup{SSID: "open"}, nil, "", true},
		{"", Setup{SSID: "open", Phrase: phrase}, ErrOtherAuth, "shows it as open, and a passphrase was given", false},
		{"", Setup{SSID: "open", Phrase: phrase, Auth: "mixed"}, ErrOtherAuth, "shows it as open, and not mixed", false},
		{"", Setup{SSID: "wpa2"}, ErrAuth, "no passphrase was given", true},
		{"", Setup{SSID: "wpa2", Auth: "open"}, ErrOtherAuth, "as wpa2, and not open", false},
		{"", Setup{SSID: "wpa2", Phrase: phrase}, nil, "", true},
		{"", Setup{SSID: "wpa2", Phrase: phrase, Auth: "mixed"}, nil, "", true},
		{"", Setup{SSID: "wpa2", Phrase: phrase, Auth: "wpa1"}, ErrOtherAuth, "as wpa2, and not wpa1", false},
		{"", Setup{SSID: "wpa2", Phrase: key, Auth: "wep"}, ErrOtherAuth, "as wpa2, and not wep", false},
		{"", Setup{SSID: "wpa2", Phrase: "battery-staple"}, ErrAuth, "as wpa2; the passphrase is wrong", true},
		{"", Setup{SSID: "wpa1", Phrase: phrase}, nil, "", true},
		{"", Setup{SSID: "mixed", Phrase: phrase, Auth: "wpa2"}, nil, "", true},
		{"set wlan auth 1\n", Setup{SSID: "wpa2", Phrase: phrase}, nil, "", true},
		{"set wlan auth 1\n", Setup{SSID: "open"}, nil, "", true},
		{"set wlan auth 1\n", Setup{SSID: "hidden wpa", Phrase: phrase}, nil, "", true},
		{"set wlan auth 4\nset wlan ssid wep\n", Setup{Phrase: key}, nil, "", true},
		{"", Setup{SSID: "hidden wpa", Phrase: phrase}, nil, "", true},
		{"", Setup{SSID: "hidden wep", Phrase: key}, ErrAuth, "where it is a key of WEP say --auth wep", true},
		{"", Setup{SSID: "hidden wep", Phrase: key, Auth: "wep"}, nil, "", true},
		{"", Setup{SSID: "hidden wpa", Phrase: "battery-staple", Auth: "wpa2"}, ErrAuth, "are the name, --auth wpa2 and the passphrase right?", true},
		{"", Setup{SSID: "nowhere", Phrase: phrase}, ErrNotAssociated, "scan does not show the network", true},
	} {
		for _, firmware := range []string{"2.15", "2.32", "4.41"}[i%3 : i%3+1] { // each has a scan of its own
			simulated(t, module.Options{Firmware: firmware, Settings: test.stored, Networks: networks}, nil, func(t *testing.T, tr *Transport, _ *module.Module) {
				ctx := t.Context()
				m, err := tr.Module(ctx)
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				s := test.setup
				tried := false
				changes, err := m.Plan(ctx, &s)
				if err == nil {
					err = m.Apply(ctx, &s, changes, func(string) { tried = true })
				}
				if !errors.Is(err, test.want) || tried != test.tried || err != nil && !strings.Contains(err.Error(), test.says) {
					t.Errorf("%q, %+v, %s: %v, tried: %v; want %v, %q, %v", test.stored, s, firmware, err, tried, test.want, test.says, test.tried)
				}
				if err != nil {
					return
				}
				if changes, err = m.Plan(ctx, &s); err != nil || len(changes) > 0 {
					t.Errorf("%+v, %s, again: %+v, %v", s, firmware, changes, err)
				}
			})
		}
	}
}

// With WEP a missing lease may be a wrong key, whether the module joins by itself or not.
func TestProvisionWEP(t *testing.T) {
	t.Parallel()
	for _, join := range []string{"0", "1"} {
		t.Run("join "+join, func(t *testing.T) {
			t.Parallel()
			o := faulty(t, "dhcp-failed")
			o.Settings += "set wlan auth 1\nset wlan join " + join + "\n"
			path, _ := emulate(t, o)
			_, err := transport(t, path, "baud=921600").Dial(patient(t), "192.0.2.1:80")
			var e *Error
			if !errors.Is(err, ErrDHCP) || !errors.As(err, &e) || !strings.Contains(e.Hint, "a wrong key") {
				t.Errorf("%v, want %v and a word on the key", err, ErrDHCP)
			}
		})
	}
}

// A fixed address, compared and set.
func TestProvisionAddress(t *testing.T) {
	t.Parallel()
	o := fast()
	o.Running = false
	m := openModule(t, o, "baud=921600")
	ctx := patient(t)
	channel := 0
	setup := &Setup{IP: "127.0.0.9", Netmask: "255.0.0.0", Gateway: "127.0.0.1", DNS: "127.0.0.53", Channel: &channel, Flow: "rtscts"}
	plan, err := m.Plan(ctx, setup)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan) != 5 {
		t.Errorf("%+v", plan)
	}
	if err := m.Apply(ctx, setup, plan, nil); err != nil {
		t.Fatal(err)
	}
	info, err := m.Info(ctx)
	if err != nil || info.IP != "127.0.0.9" || info.DHCP != "OFF" || info.DNS != "127.0.0.53" {
		t.Errorf("%+v, %v", info, err)
	}
	if plan, err = m.Plan(ctx, setup); err != nil || len(plan) > 0 {
		t.Errorf("afterwards: %+v, %v", plan, err)
	}
	if plan, err = m.Plan(ctx, &Setup{DHCP: true}); err != nil || len(plan) != 1 || plan[0].Setting != "ip dhcp" {
		t.Errorf("back to DHCP: %+v, %v", plan, err)
	}
}

func TestSetupCheck(t *testing.T) {
	channel := 14
	for _, s := range []*Setup{
		{SSID: strings.Repeat("x", 33)}, {SSID: "a\rreboot"}, {Auth: "wpa9"}, {Phrase: "short"}, {Phrase: strings.Repeat("z", 64)},
		{Phrase: "eight...\n"}, {Auth: "wep", Phrase: "12345678"}, {Auth: "open", Phrase: "12345678"}, {Channel: &channel}, {Netmask: "255.0.0.0"},
		{IP: "10.0.0.300"}, {IP: "::1"}, {IP: "10.0.0.3", DHCP: true}, {Baud: 12345}, {Flow: "xonxoff"}, {DNS: "name"},
	} {
		err := s.Check()
		if err == nil || s.Phrase != "" && strings.Contains(err.Error(), s.Phrase) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for _, s := range []*Setup{
		{SSID: "lab"}, {Phrase: strings.Repeat("a1", 32)}, {Auth: "wep", Phrase: strings.Repeat("a1", 13)}, {IP: "10.0.0.3", Netmask: "255.0.0.0"}, {Flow: "none", Baud: 9600},
	} {
		if err := s.Check(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// What a session that was cut off has left in the module's RAM is not saved.
func TestProvisionAfterSession(t *testing.T) {
	t.Parallel()
	o := fast()
	var saved string
	o.Save = func(settings string) error { saved = settings; return nil }
	m := openModule(t, o, "baud=921600")
	ctx := patient(t)
	if err := m.configure(ctx, false); err != nil {
		t.Fatal(err)
	}
	setup := &Setup{Baud: 115200}
	plan, err := m.Plan(ctx, setup)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(ctx, setup, plan, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(saved, "115200") || strings.Contains(saved, string(markStart)) || strings.Contains(saved, "proto 8") {
		t.Errorf("saved\n%s", saved)
	}
}

// A prompt that is replaced by another text is so again afterwards, in the module's RAM
// and in what is saved.
func TestPromptReplaced(t *testing.T) {
	t.Parallel()
	for _, settings := range []string{"set uart mode 0x21\n", "set uart mode 0x20\nset opt replace 0x0d\n"} {
		for _, firmware := range []string{"2.32", "4.41"} {
			t.Run(firmware+" "+settings, func(t *testing.T) {
				t.Parallel()
				o := fast()
				o.Firmware, o.Baud, o.Settings = firmware, 115200, "set wlan ssid lab\n"+settings
				var saved string
				o.Save = func(settings string) error { saved = settings; return nil }
				path, software := emulate(t, o)
				tr := transport(t, path, "baud=115200")
				m, err := tr.Module(patient(t))
				if err != nil {
					t.Fatal(err)
				}
				setup := &Setup{SSID: "other"}
				plan, err := m.Plan(patient(t), setup)
				if err != nil {
					t.Fatal(err)
				}
				if err := m.Apply(patient(t), setup, plan, nil); err != nil {
					t.Fatal(err)
				}
				if err := m.Close(); err != nil {
					t.Error(err)
				}
				want, _, _ := strings.Cut(settings, "\n")
				if !strings.Contains(saved, want+"\n") {
					t.Errorf("%q is not in what is saved: %q", want, saved)
				}
				l := listenTCP(t)
				conn, err := tr.Dial(patient(t), l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
				if now := software.State().Settings; !strings.Contains(now, want+"\n") {
					t.Errorf("%q is not in %q", want, now)
				}
			})
		}
	}
}

// A blank has a character that stands for it, however many there are in the name.
func TestBlank(t *testing.T) {
	setup := &Setup{SSID: "a $%_@^~", Phrase: "|#+;$%_@^~ x!"}
	p := planner{have: map[string]settings{"opt": {"replace": "0x24"}}}
	p.replace(setup)
	if len(p.changes) != 1 || p.changes[0].value != "0x22" || p.encoded(setup.SSID) != `a"$%_@^~` {
		t.Errorf("%+v, %q", p.changes, p.encoded(setup.SSID))
	}
}

// renaming spoils a word in what a module says.
type renaming struct {
	net.Conn
	word    string
	matched int
}

func (r *renaming) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	for i, c := range p[:n] {
		if r.word[r.matched] != c {
			r.matched = 0
			continue
		}
		if r.matched++; r.matched == len(r.word) {
			p[i], r.matched = '?', 0
		}
	}
	return n, err
}

// A setting that a module takes and does not show is no failure.
func TestProvisionUnseen(t *testing.T) {
	t.Parallel()
	o := fast()
	var saved string
	o.Save = func(settings string) error { saved = settings; return nil }
	path, _ := emulate(t, o)
	tr := transport(t, path, "baud=921600")
	open := tr.Open
	tr.Open = func(ctx context.Context, baud int) (net.Conn, error) {
		conn, err := open(ctx, baud)
		return &renaming{Conn: conn, word: "Linkmon-Infra="}, err
	}
	m, err := tr.Module(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	setup := &Setup{SSID: "other"}
	plan, err := m.Plan(patient(t), setup)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(patient(t), setup, plan, nil); err != nil {
		t.Error(err)
	}
	if !strings.Contains(saved, "set wlan linkmon 5\n") {
		t.Errorf("saved: %q", saved)
	}
}
