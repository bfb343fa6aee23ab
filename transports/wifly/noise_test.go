//go:build linux || darwin

package wifly

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ws76/ws76/transports/wifly/module"
)

// noisy is a line on which bytes become others, both ways.
type noisy struct {
	net.Conn
	in, out *rand.Rand
	rate    float64
}

func (n *noisy) spoil(p []byte, by *rand.Rand) []byte {
	p = slices.Clone(p)
	for i := range p {
		if by.Float64() < n.rate {
			p[i] ^= byte(1 << by.IntN(8))
			if by.IntN(4) > 0 {
				p[i] |= 0x80
			}
		}
	}
	return p
}

func (n *noisy) Read(p []byte) (int, error) {
	got, err := n.Conn.Read(p)
	copy(p, n.spoil(p[:got], n.in))
	return got, err
}

func (n *noisy) Write(p []byte) (int, error) { return n.Conn.Write(n.spoil(p, n.out)) }

// TestNoise: however bad the line is, who asks a module what it is knows within half a minute, and leaves it as it was, or says
// what of it is not.
func TestNoise(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0.002, 0.01, 0.05, 0.2, 0.5} {
		for seed := range uint64(16) {
			mode := ""
			if seed%2 == 1 {
				mode = "set uart mode 0x20\nset opt replace 0x0d\n" // the prompt is another text
			}
			o := module.Options{Settings: "set wlan ssid lab\n" + mode, Networks: []module.Network{{SSID: "lab", Channel: 11}}}
			simulated(t, o, func(net.Conn) {}, func(t *testing.T, tr *Transport, m *module.Module) {
				before := m.State()
				tr.Ledger = new(Ledger)
				open := tr.Open
				tr.Open = func(ctx context.Context, baud int) (net.Conn, error) {
					conn, err := open(ctx, baud)
					return &noisy{conn, rand.New(rand.NewPCG(seed, 75)), rand.New(rand.NewPCG(seed, 76)), rate}, err
				}
				began := time.Now()
				err := func() error {
					module, err := tr.Module(t.Context())
					if err != nil {
						return err
					}
					_, err = module.Info(t.Context())
					return errors.Join(err, module.Close())
				}()
				took := time.Since(began)
				time.Sleep(5 * time.Second) // it may have something left to say
				name := fmt.Sprintf("noise %v, seed %d: %v after %v", rate, seed, err, took)
				left := Left{}
				if all := tr.Ledger.Left(); len(all) > 0 {
					left = all[0]
				}
				after := m.State()
				if after.Settings != before.Settings && len(left.Settings) == 0 && rate <= 0.05 { // worse, and other commands are made of ours
					t.Errorf("%s: settings changed without a word:\n%s", name, after.Settings)
				}
				if after.Command && !left.Command && rate <= 0.05 {
					t.Errorf("%s: it is in command mode, and nothing says so", name)
				}
				if took > 30*time.Second || err != nil && len(err.Error()) > 900 {
					t.Errorf("%s: too long", name)
				}
			})
		}
	}
}

// toldBy has f talk to a module that knows the dialogue of firmware 4.41, but for these replies.
func toldBy(t *testing.T, replies map[string]string, f func(t *testing.T, tr *Transport, p *player)) {
	d := readDialogue(t, "testdata/dialogues/4.41.log")
	for command, reply := range replies {
		d.replies[command] = []string{reply}
	}
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		p := &player{Conn: near, far: far, dialogue: d, times: map[string]int{}, marks: map[string]string{}, out: make(chan string, 100)}
		var playing sync.WaitGroup
		playing.Go(p.play)
		f(t, New(Config{Name: "told by " + t.Name(), Baud: 9600, Ledger: new(Ledger), Open: func(context.Context, int) (net.Conn, error) { return p, nil }}), p)
		close(p.out)
		playing.Wait()
	})
}

// TestRefusedAtOnce: what a module refuses is not waited for.
func TestRefusedAtOnce(t *testing.T) {
	const refused = "ERR: ?-Cmd\r\n<4.41> "
	toldBy(t, map[string]string{"join\r": refused, "reboot\r": refused, "lookup device.example\r": refused}, func(t *testing.T, tr *Transport, p *player) {
		m, err := tr.Module(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for command, do := range map[string]func(context.Context) error{
			"join": m.join, "reboot": m.Reboot,
			"lookup": func(ctx context.Context) error { _, err := m.resolve(ctx, "device.example"); return err },
		} {
			began := time.Now()
			if err := do(t.Context()); !errors.Is(err, ErrReply) {
				t.Errorf("%s: %v", command, err)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("%s: the error came after %v", command, took)
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestPromptIllegible: the UART's mode of a module whose prompt is another text is changed where it can be put back alone.
func TestPromptIllegible(t *testing.T) {
	const prompt = "hello> "
	for uart, want := range map[string]error{"Baudrate=9600\r\nMode=0x10\r\n": nil, "Baudrate=9600\r\nMo\x84e=0\xb810\r\n": ErrReply} {
		toldBy(t, map[string]string{"\r": prompt, "get uart\r": uart + prompt, "set uart mode 1\r": "AOK\r\n<4.41> ", "set uart mode 0x10\r": "AOK\r\n" + prompt, "set uart mode 16\r": "AOK\r\n" + prompt},
			func(t *testing.T, tr *Transport, p *player) {
				m, err := tr.Module(t.Context())
				if !errors.Is(err, want) {
					t.Errorf("%q: %v", uart, err)
				}
				if err == nil {
					if err := m.Close(); err != nil {
						t.Errorf("%q: %v", uart, err)
					}
				}
				time.Sleep(time.Second)
				said := strings.Join(p.said, "")
				if changed := strings.Contains(said, "set uart mode 1\r"); changed != (want == nil) || changed != strings.Contains(said, "set uart mode 16\r") {
					t.Errorf("%q: said %q", uart, said)
				}
				if !strings.HasSuffix(said, "exit\r") {
					t.Errorf("%q: it is left in command mode: %q", uart, said)
				}
				if left := tr.Ledger.Left(); len(left) > 0 {
					t.Errorf("%q: %+v", uart, left)
				}
			})
	}
}

// TestNotSaved: a save that a user asks for and that fails is an error, too.
func TestNotSaved(t *testing.T) {
	toldBy(t, map[string]string{"save\r": "*BAD CONFIG*\r\n<4.41> "}, func(t *testing.T, tr *Transport, p *player) {
		m, err := tr.Module(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if text, err := m.Command(t.Context(), "save", 0); !errors.Is(err, ErrNotSaved) {
			t.Errorf("%q, %v", text, err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestExcerpt: an error quotes the end of what was said, not all of it.
func TestExcerpt(t *testing.T) {
	for said, want := range map[string]string{
		"": "", "ERR: ?-Cmd": "ERR: ?-Cmd",
		strings.Repeat("text ", 100):                            "…" + strings.Repeat("text ", 40),
		strings.Repeat("\xff", 1000):                            "…" + strings.Repeat("\xff", 15),
		"set wlan phrase secret\r\n" + strings.Repeat("x", 190): "…******\r\n" + strings.Repeat("x", 190),
	} {
		if got := fail(ErrReply, "x", said).Got; got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}
