package module

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// firmware is what differs between versions as far as a host can tell. What is told in
// two ways of the same version, or not known, is decided here, one way for each.
type firmware struct {
	prompt      string
	banner      string // "ver" says the same
	extraCR     bool   // an echoed line ends in CR CR LF
	leadCRLF    bool   // replies begin with CR LF when echo is off
	exit        string // the reply to "exit"
	left        string // the reply to "leave" when there was a network to leave
	lookupFails string // the reply to a lookup that finds nothing; "" is NAME=0.0.0.0
	dhcpOn      string // what "DHCP=" says of a lease
	tcpMode     bool   // set ip tcp-mode is known (2.27)
	getIPA      bool   // get ip a is known (2.19)
	scan        int    // fields of a scan line: 0 is the table of before 2.22
	replace     bool   // the replacement of blanks works in passphrases (not in 2.21)
	instantOld  bool   // "set uart instant" is answered at the rate before
	group       string // "adhoc" before 4.00, "apmode" since
	linkmon     string // what get wlan calls linkmon
	failPrompt  bool   // behind "Connect FAILED" there is a prompt
}

// two is a version before 4.00, four one since.
func two(version, banner string) firmware {
	return firmware{
		prompt: "<" + version + "> ", banner: banner, leadCRLF: true, exit: "EXIT\r\n", dhcpOn: "ON", tcpMode: true, getIPA: true,
		scan: 7, replace: true, instantOld: true, group: "adhoc", linkmon: "Linkmon",
	}
}

func four(version, banner string) firmware {
	return firmware{
		prompt: "<" + version + "> ", banner: banner, extraCR: true, exit: "EXIT\r\n", left: "DeAuth\r\n", dhcpOn: "ON", tcpMode: true, getIPA: true,
		scan: 9, replace: true, group: "apmode", linkmon: "Linkmon-Infra", failPrompt: true,
	}
}

// The builds of 2.40-CEL and 4.81 are made up.
var firmwares = func() map[string]firmware {
	all := map[string]firmware{
		"2.15":     two("2.15", "WiFly Ver 2.15, 09-26-2009 on 131C78"),
		"2.21":     two("2.21", "WiFly Ver 2.21, 07-13-2010 on 131C83"),
		"2.23":     two("2.23", "WiFly Ver 2.23, 04-26-2011 on 131C83"),
		"2.32":     two("2.32", "WiFly Ver 2.32, 02-13-2012 on RN-131"),
		"2.40-CEL": two("2.40-CEL", "WiFly Ver 2.40-CEL, 07-30-2012 on RN-171"),
		"4.00":     four("4.00", "wifly-GSX Ver 4.00.1, Apr 19 2013 11:47:20 on RN-131"),
		"4.41":     four("4.41", "wifly-GSX Ver: 4.41 Build: r1057, Jan 17 2014 10:26:26 on RN-131"),
		"4.81":     four("4.81", "wifly-GSX Ver: 4.81 Build: r1230, Mar 10 2015 09:12:44 on RN-131"),
	}
	edit := func(version string, f func(*firmware)) {
		fw := all[version]
		f(&fw)
		all[version] = fw
	}
	edit("2.15", func(fw *firmware) { fw.tcpMode, fw.getIPA, fw.scan = false, false, 0 })
	edit("2.21", func(fw *firmware) { fw.tcpMode, fw.scan, fw.replace = false, 0, false })
	edit("2.23", func(fw *firmware) { fw.tcpMode, fw.left = false, "DeAuth\r\n" })
	edit("2.32", func(fw *firmware) { fw.exit, fw.left = "\r\nEXIT\r\n", "DeAuth\r\n" })
	edit("2.40-CEL", func(fw *firmware) { fw.instantOld = false })
	edit("4.00", func(fw *firmware) { fw.dhcpOn = "OK" })
	edit("4.41", func(fw *firmware) { fw.lookupFails = "DNS: no valid address\r\n" })
	edit("4.81", func(fw *firmware) { fw.lookupFails = "DNS: no valid address\r\n" })
	return all
}()

// DefaultFirmware is the version of a module that is not told another.
const DefaultFirmware = "4.41"

// Firmwares returns the versions that Options.Firmware knows, oldest first.
func Firmwares() []string { return slices.Sorted(maps.Keys(firmwares)) }

func findFirmware(version string) (firmware, error) {
	if version == "" {
		version = DefaultFirmware
	}
	fw, ok := firmwares[version]
	if !ok {
		return fw, fmt.Errorf("firmware %q: want one of %s", version, strings.Join(Firmwares(), ", "))
	}
	return fw, nil
}
