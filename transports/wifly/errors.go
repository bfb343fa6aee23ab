package wifly

import (
	"errors"
	"fmt"
	"strconv"
)

// What can be wrong with a module, its network or the other side. They are the
// Kind of an *Error, so errors.Is finds them.
var (
	ErrNoAnswer      = errors.New("the module does not answer")
	ErrWrongBaud     = errors.New("what comes from the module is no text, as with a wrong baud rate")
	ErrReply         = errors.New("the module refused, or its answer makes no sense")
	ErrNotSaved      = errors.New("the module does not save its settings")
	ErrNotAssociated = errors.New("the module is not associated with an access point")
	ErrAuth          = errors.New("the access point refused the module's authentication")
	ErrOtherAuth     = errors.New("the network has another kind of authentication")
	ErrDHCP          = errors.New("the module got no address by DHCP")
	ErrDNS           = errors.New("the module cannot resolve the name")
	ErrRefused       = errors.New("the connection was refused, or nobody answered it")
	ErrBusy          = errors.New("slot busy")
	ErrLinkLost      = errors.New("the module lost its access point")
	ErrRebooted      = errors.New("the module rebooted")
	ErrHung          = errors.New("the module no longer answers")
	ErrLate          = errors.New("the module answers too late")
	ErrUnplugged     = errors.New("the serial port failed")
)

// hints say what helps against each kind, unless an error knows better.
var hints = map[error]string{
	ErrNoAnswer:      "check power, ground and that TX and RX are crossed; baud=auto tries the usual rates",
	ErrWrongBaud:     "baud=auto tries the usual rates",
	ErrReply:         "a garbled line or another device; check wiring and flow control",
	ErrNotSaved:      "its configuration file is damaged, as by an upgrade that failed; ws76 wifly send 'factory RESET' writes it anew, and drops all settings",
	ErrNotAssociated: "is the access point on, its name right? ws76 wifly setup changes the network",
	ErrAuth:          "the passphrase or the kind of authentication is wrong; ws76 wifly setup sets them",
	ErrDHCP:          "check the DHCP server of the network, or give a fixed address with ws76 wifly setup --ip",
	ErrDNS:           "check the DNS server of the network; dns=local resolves names on this computer",
	ErrRefused:       "is the server running there, does a firewall drop it?",
	ErrBusy:          "a module carries one connection at a time; end the other one first",
	ErrLinkLost:      "check reception and the access point",
	ErrRebooted:      "weak power or its watchdog; its unsaved settings are gone",
	ErrHung:          "cut its power for a second",
	ErrLate:          "it answers, but slowly; allow more time, or cut its power for a second",
	ErrUnplugged:     "was the device unplugged?",
}

// Error reports what went wrong with a module. Kind takes part in errors.Is, and so does Err.
type Error struct {
	Kind  error  // one of the Err values of this package
	Doing string // what was being done: "open 192.0.2.1 80"
	Got   string // what the module said; may be ""
	Hint  string // what would help; "" where nothing is known
	Err   error  // of the port or the context; may be nil

	spoke bool // a module was heard, at the right rate
}

func (e *Error) Error() string {
	text := e.Doing + ": " + e.Kind.Error()
	if e.Err != nil {
		text += fmt.Sprintf(": %v", e.Err)
	}
	if e.Got != "" {
		text += fmt.Sprintf(" (it said %q)", e.Got)
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Is reports whether target is the kind of e.
func (e *Error) Is(target error) bool { return target == e.Kind }

// Unwrap returns the cause beside the kind, nil if there is none.
func (e *Error) Unwrap() error { return e.Err }

// Local reports whether it is the module or its port that failed, rather than the network or the other side.
func (e *Error) Local() bool {
	switch e.Kind {
	case ErrNotAssociated, ErrAuth, ErrOtherAuth, ErrDHCP, ErrDNS, ErrRefused, ErrLinkLost:
		return false
	}
	return true
}

// fail returns an *Error with the usual hint of its kind, and the [Excerpt] of got.
func fail(kind error, doing, got string) *Error {
	return &Error{Kind: kind, Doing: doing, Got: Excerpt(got), Hint: hints[kind]}
}

// How long what a module has said is in an error, quoted: text, and what is mostly none.
const (
	mostText  = 200
	mostNoise = 60
)

// Excerpt is the end of what a module has said, without secrets, as much as an error shows.
func Excerpt(said string) string {
	most := mostText
	if isNoise([]byte(said)) {
		most = mostNoise
	}
	said = Mask(said)
	from, quoted := len(said), 0
	for from > 0 && quoted < most {
		from--
		quoted += len(strconv.Quote(said[from:from+1])) - 2
	}
	if from > 0 {
		return "…" + said[from:]
	}
	return said
}
