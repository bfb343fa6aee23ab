package serial

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.bug.st/serial"

	"github.com/ws76/ws76/transports"
)

// DefaultBaud is the rate of a line whose URL names none.
const DefaultBaud = 115200

// maxBaud is above all that UARTs do; it keeps typing errors from the driver.
const maxBaud = 20_000_000

// Config says which port to open and how. Of the zero value only Path has to be filled in: it is 8 bits, no parity, one
// stop bit at DefaultBaud without flow control.
type Config struct {
	Path   string // "/dev/ttyUSB0", "COM3"
	Baud   int    // bits per second; 0 is DefaultBaud
	Data   int    // bits of a character, 5 to 8; 0 is 8
	Parity string // "none" (or ""), "odd", "even", "mark", "space"
	Stop   string // stop bits: "1" (or ""), "1.5", "2"
	Flow   string // "none" (or "") or "rtscts"
	DTR    *bool  // state of the line once the port is open; nil is on
	RTS    *bool  // the same; with RTS/CTS flow control the driver decides
}

var (
	parities = map[string]serial.Parity{
		"": serial.NoParity, "none": serial.NoParity, "odd": serial.OddParity,
		"even": serial.EvenParity, "mark": serial.MarkParity, "space": serial.SpaceParity,
	}
	stops = map[string]serial.StopBits{
		"": serial.OneStopBit, "1": serial.OneStopBit, "1.5": serial.OnePointFiveStopBits, "2": serial.TwoStopBits,
	}
)

// ParseConfig reads serial:///dev/ttyUSB0?baud=9600 or serial:COM3. The parameters are baud, data (5 to 8), parity
// (none, odd, even, mark, space), stop (1, 1.5, 2), flow (none, rtscts), dtr and rts (on, off). more names further ones
// that are the caller's own: a transport of another scheme may be opened on a serial line.
func ParseConfig(u *url.URL, more ...string) (Config, error) {
	known := slices.Concat([]string{"baud", "data", "parity", "stop", "flow", "dtr", "rts"}, more)
	if err := transports.CheckQuery(u, known...); err != nil {
		return Config{}, err
	}
	if u.Host != "" || u.User != nil {
		return Config{}, fmt.Errorf("%q is where a host stands in a URL; write %s:///dev/NAME, on Windows %[2]s:COM3", u.Host, u.Scheme)
	}
	c := Config{Path: u.Path}
	if u.Opaque != "" {
		var err error
		if c.Path, err = url.PathUnescape(u.Opaque); err != nil {
			return Config{}, err
		}
	}
	// serial:///COM3 is what people write too.
	if name := strings.TrimPrefix(c.Path, "/"); len(name) > 3 && strings.EqualFold(name[:3], "COM") {
		if _, err := strconv.ParseUint(name[3:], 10, 16); err == nil {
			c.Path = name
		}
	}
	query := u.Query()
	number := func(name string, def int) (int, error) {
		if !query.Has(name) {
			return def, nil
		}
		n, err := strconv.Atoi(query.Get(name))
		if err != nil {
			return 0, fmt.Errorf("%s %q is no number", name, query.Get(name))
		}
		return n, nil
	}
	var err error
	if !slices.Contains(more, "baud") { // else it may be a word
		if c.Baud, err = number("baud", DefaultBaud); err != nil {
			return Config{}, err
		}
	}
	if c.Data, err = number("data", 8); err != nil {
		return Config{}, err
	}
	c.Parity, c.Stop, c.Flow = query.Get("parity"), query.Get("stop"), query.Get("flow")
	for name, to := range map[string]**bool{"dtr": &c.DTR, "rts": &c.RTS} {
		switch word := query.Get(name); word {
		case "":
		case "on", "off":
			state := word == "on"
			*to = &state
		default:
			return Config{}, fmt.Errorf("%s %q is neither on nor off", name, word)
		}
	}
	return c, c.check()
}

// check finds what no port could do.
func (c *Config) check() error {
	_, parity := parities[c.Parity]
	_, stop := stops[c.Stop]
	switch {
	case c.Path == "":
		return errors.New("no device")
	case strings.ContainsRune(c.Path, 0):
		return fmt.Errorf("device %q: a NUL in the path", c.Path)
	case c.Baud < 0 || c.Baud > maxBaud:
		return fmt.Errorf("baud %d is not from 1 to %d", c.Baud, maxBaud)
	case c.Data != 0 && (c.Data < 5 || c.Data > 8):
		return fmt.Errorf("data %d is not from 5 to 8", c.Data)
	case !parity:
		return fmt.Errorf("parity %q is none of none, odd, even, mark, space", c.Parity)
	case !stop:
		return fmt.Errorf("stop %q is none of 1, 1.5, 2", c.Stop)
	case c.Flow != "" && c.Flow != "none" && c.Flow != "rtscts":
		return fmt.Errorf("flow %q is neither none nor rtscts", c.Flow)
	case c.Flow == "rtscts" && !canFlow:
		return errors.New("flow rtscts: RTS/CTS flow control cannot be set on this system")
	case c.Flow == "rtscts" && c.RTS != nil:
		return errors.New("flow rtscts and rts: with flow control the driver sets RTS")
	}
	return nil
}

// mode is the configuration as the library takes it.
func (c *Config) mode() *serial.Mode {
	mode := &serial.Mode{BaudRate: c.Baud, DataBits: c.Data, Parity: parities[c.Parity], StopBits: stops[c.Stop]}
	if mode.BaudRate == 0 {
		mode.BaudRate = DefaultBaud
	}
	if c.DTR != nil || c.RTS != nil {
		mode.InitialStatusBits = &serial.ModemOutputBits{
			DTR: c.DTR == nil || *c.DTR,
			RTS: c.RTS == nil || *c.RTS,
		}
	}
	return mode
}
