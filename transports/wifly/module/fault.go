package module

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FaultKind names something that goes wrong with modules in the field.
type FaultKind string

// The faults. What the value of each means stands in faultValues.
const (
	BootGarbage    FaultKind = "boot-garbage"     // noise before the banner at each boot
	StaleCommand   FaultKind = "stale-command"    // starts in command mode
	StaleOpen      FaultKind = "stale-open"       // starts in data mode with a connection to HOST:PORT
	LostReply      FaultKind = "lost-reply"       // a reply is not sent, prompt and all
	HalfReply      FaultKind = "half-reply"       // a reply is cut in the middle
	SlowReply      FaultKind = "slow-reply"       // replies take this long
	ClosAfter      FaultKind = "clos-after"       // the connection ends after so many bytes to the host
	RebootAfter    FaultKind = "reboot-after"     // the watchdog reboots after so many bytes to the host
	AssocLostAfter FaultKind = "assoc-lost-after" // Wi-Fi is lost after so many bytes to the host
	HangAfter      FaultKind = "hang-after"       // stops for good after so many bytes from the host
	Drop           FaultKind = "drop"             // data bytes are lost, both ways
	DropRx         FaultKind = "drop-rx"          // from the host only
	DropTx         FaultKind = "drop-tx"          // to the host only
	DNSZero        FaultKind = "dns-zero"         // every name is 0.0.0.0
	DNSFail        FaultKind = "dns-fail"         // no name is found
	ConnectFailed  FaultKind = "connect-failed"   // open says Connect FAILED
	ConnectSilent  FaultKind = "connect-silent"   // open never says anything
	SlotBusy       FaultKind = "slot-busy"        // open says ERR:Connected!
	OpenCrash      FaultKind = "open-crash"       // open reboots the module
	NoAP           FaultKind = "no-ap"            // there is no such network
	AuthFailed     FaultKind = "auth-failed"      // the network refuses the passphrase
	DHCPFailed     FaultKind = "dhcp-failed"      // no lease
	WrongBaud      FaultKind = "wrong-baud"       // the UART stands at this rate whatever is set
	BadConfig      FaultKind = "bad-config"       // save says *BAD CONFIG*
	Chatter        FaultKind = "chatter"          // unsolicited text in data mode while unconnected, this often
	BootSilent     FaultKind = "boot-silent"      // boots, and stops for good
	EscapeChanged  FaultKind = "escape-changed"   // starts with another "comm $"
	CommandSilent  FaultKind = "command-silent"   // says CMD, and stops for good
	LatePrompt     FaultKind = "late-prompt"      // the first prompt takes this long
	LostOpen       FaultKind = "lost-open"        // the string for an open connection is not sent
	RebootIdle     FaultKind = "reboot-idle"      // the watchdog reboots a connection that is idle for this long
	HangEscape     FaultKind = "hang-escape"      // stops for good at $$$ while connected
	HangRestore    FaultKind = "hang-restore"     // stops for good at the first set after a connection
	ScanNoPrompt   FaultKind = "scan-no-prompt"   // scan prints its list, and no prompt before or behind it
	SlowDHCP       FaultKind = "slow-dhcp"        // a lease takes this long
)

// faultValue is what kind of value a fault takes.
type faultValue uint8

const (
	noValue     faultValue = iota
	often                  // optional: below 1 a probability for each, else the first N; without, always
	probability            // from 0 to 1
	count                  // a number of bytes, or a rate
	duration
	hostPort
)

var faultValues = []struct {
	kind  FaultKind
	value faultValue
}{
	{BootGarbage, noValue}, {StaleCommand, noValue}, {StaleOpen, hostPort},
	{LostReply, often}, {HalfReply, often}, {SlowReply, duration},
	{ClosAfter, count}, {RebootAfter, count}, {AssocLostAfter, count}, {HangAfter, count},
	{Drop, probability}, {DropRx, probability}, {DropTx, probability},
	{DNSZero, noValue}, {DNSFail, noValue},
	{ConnectFailed, often}, {ConnectSilent, often}, {SlotBusy, often}, {OpenCrash, often},
	{NoAP, noValue}, {AuthFailed, noValue}, {DHCPFailed, noValue},
	{WrongBaud, count}, {BadConfig, noValue}, {Chatter, duration},
	{BootSilent, noValue}, {EscapeChanged, noValue}, {CommandSilent, noValue}, {LatePrompt, duration}, {LostOpen, often},
	{RebootIdle, duration}, {HangEscape, noValue}, {HangRestore, noValue}, {ScanNoPrompt, noValue}, {SlowDHCP, duration},
}

// FaultKinds returns every fault, in the form in which ParseFaults takes it.
func FaultKinds() []string {
	var forms []string
	for _, f := range faultValues {
		forms = append(forms, string(f.kind)+[...]string{"", "[=N]", "=P", "=N", "=TIME", "=HOST:PORT"}[f.value])
	}
	return forms
}

// Fault is one thing that goes wrong.
type Fault struct {
	Kind  FaultKind
	N     float64       // probability or count; 0 where Kind takes none or it was left out
	Every time.Duration // of those that take a time
	Addr  string        // of StaleOpen
}

// String returns the fault in the form that ParseFaults takes.
func (f Fault) String() string {
	name := string(f.Kind)
	switch value, _ := valueOf(f.Kind); {
	case value == hostPort:
		return name + "=" + f.Addr
	case value == duration:
		return name + "=" + f.Every.String()
	case value == probability, value == count, value == often && f.N != 0:
		return name + "=" + strconv.FormatFloat(f.N, 'f', -1, 64)
	}
	return name
}

func valueOf(kind FaultKind) (value faultValue, known bool) {
	for _, f := range faultValues {
		if f.kind == kind {
			return f.value, true
		}
	}
	return noValue, false
}

// Faults is what goes wrong with a module.
type Faults []Fault

// String returns the list in the form that ParseFaults takes.
func (f Faults) String() string {
	var parts []string
	for _, fault := range f {
		parts = append(parts, fault.String())
	}
	return strings.Join(parts, ",")
}

// ParseFaults reads a list like "drop=0.001,clos-after=100,dns-zero"; "" is none.
func ParseFaults(list string) (Faults, error) {
	if list == "" {
		return nil, nil
	}
	var faults Faults
	for part := range strings.SplitSeq(list, ",") {
		f, err := parseFault(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(faults, func(g Fault) bool { return g.Kind == f.Kind }) {
			return nil, fmt.Errorf("fault %q is there twice", f.Kind)
		}
		faults = append(faults, f)
	}
	return faults, nil
}

func parseFault(part string) (Fault, error) {
	name, value, given := strings.Cut(part, "=")
	f := Fault{Kind: FaultKind(name)}
	want, known := valueOf(f.Kind)
	if !known {
		return f, fmt.Errorf("there is no fault %q; known are %s", name, strings.Join(FaultKinds(), " "))
	}
	if err := f.setValue(want, value, given); err != nil {
		return f, fmt.Errorf("fault %q: %w", part, err)
	}
	return f, nil
}

func (f *Fault) setValue(want faultValue, value string, given bool) error {
	var err error
	switch want {
	case noValue:
		if given {
			return fmt.Errorf("takes no value")
		}
	case duration:
		if f.Every, err = time.ParseDuration(value); err != nil || f.Every <= 0 {
			return fmt.Errorf("want a time like 750ms")
		}
	case hostPort:
		if f.Addr = value; !isHostPort(value) {
			return fmt.Errorf("want HOST:PORT")
		}
	default:
		if want == often && !given {
			return nil
		}
		f.N, err = strconv.ParseFloat(value, 64)
		whole := f.N == float64(int32(f.N))
		switch {
		case err != nil || !(f.N >= 0) || f.N > 1<<30:
			return fmt.Errorf("want a number")
		case want == probability && f.N > 1:
			return fmt.Errorf("want a probability from 0 to 1")
		case want == count && !whole, want == often && (f.N == 0 || f.N > 1 && !whole):
			return fmt.Errorf("want a whole number, or where it says how often a probability")
		}
	}
	return nil
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	n, perr := strconv.ParseUint(port, 10, 16)
	return err == nil && perr == nil && host != "" && n > 0 && !strings.ContainsAny(s, ", \r\n")
}

// has reports whether kind is on the list.
func (f Faults) has(kind FaultKind) bool {
	return slices.ContainsFunc(f, func(f Fault) bool { return f.Kind == kind })
}

// faultState is what has gone wrong so far. It belongs to one goroutine.
type faultState struct {
	faults Faults
	rand   *rand.Rand
	times  map[FaultKind]int
}

func newFaultState(faults Faults, seed uint64) *faultState {
	return &faultState{faults: faults, rand: rand.New(rand.NewPCG(seed, 76)), times: map[FaultKind]int{}}
}

func (s *faultState) find(kind FaultKind) (Fault, bool) {
	for _, f := range s.faults {
		if f.Kind == kind {
			return f, true
		}
	}
	return Fault{}, false
}

// strikes reports whether it goes wrong this time.
func (s *faultState) strikes(kind FaultKind) bool {
	f, ok := s.find(kind)
	switch {
	case !ok:
		return false
	case f.N == 0:
		return true
	case f.N < 1:
		return s.rand.Float64() < f.N
	}
	s.times[kind]++
	return s.times[kind] <= int(f.N)
}

// dropRate is the probability that a data byte is lost one way.
func (s *faultState) dropRate(way FaultKind) float64 {
	both, _ := s.find(Drop)
	one, _ := s.find(way)
	return max(both.N, one.N)
}

// dropBytes removes from b, in place, those that are lost.
func (s *faultState) dropBytes(way FaultKind, b []byte) []byte {
	rate := s.dropRate(way)
	if rate == 0 {
		return b
	}
	kept := b[:0]
	for _, c := range b {
		if s.rand.Float64() >= rate {
			kept = append(kept, c)
		}
	}
	return kept
}

// noise returns n random bytes.
func (s *faultState) noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.rand.Uint32())
	}
	return b
}
