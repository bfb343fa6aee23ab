package module

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// firmware is what differs between versions as far as a host can tell.
type firmware struct {
	prompt   string
	banner   string // "ver" says the same
	extraCR  bool   // an echoed line ends in CR CR LF
	leadCRLF bool   // replies begin with CR LF when echo is off
	dhcpOn   string // what "DHCP=" says of a lease
	tcpMode  bool   // set ip tcp-mode is known (2.27)
	getIPA   bool   // get ip a is known (2.19)
	scan     int    // fields of a scan line: 0 is the table of before 2.22
	replace  bool   // the replacement of blanks works in passphrases (not in 2.21)
	group    string // "adhoc" before 4.00, "apmode" since
}

var firmwares = map[string]firmware{
	"2.15": {prompt: "<2.15> ", banner: "WiFly Ver 2.15, 09-26-2009 on 131C78", leadCRLF: true, dhcpOn: "ON", scan: 0, replace: true, group: "adhoc"},
	"2.21": {prompt: "<2.21> ", banner: "WiFly Ver 2.21, 07-13-2010 on 131C83", leadCRLF: true, dhcpOn: "ON", getIPA: true, scan: 0, group: "adhoc"},
	"2.23": {prompt: "<2.23> ", banner: "WiFly Ver 2.23, 04-26-2011 on 131C83", leadCRLF: true, dhcpOn: "ON", getIPA: true, scan: 7, replace: true, group: "adhoc"},
	"2.32": {prompt: "<2.32> ", banner: "WiFly Ver 2.32, 02-13-2012 on RN-131", leadCRLF: true, dhcpOn: "ON", tcpMode: true, getIPA: true, scan: 7, replace: true, group: "adhoc"},
	"4.00": {prompt: "<4.00> ", banner: "wifly-GSX Ver 4.00.1, Apr 19 2013 11:47:20 on RN-131", extraCR: true, dhcpOn: "OK", tcpMode: true, getIPA: true, scan: 9, replace: true, group: "apmode"},
	"4.41": {prompt: "<4.41> ", banner: "wifly-GSX Ver: 4.41 Build: r1057, Jan 17 2014 10:26:26 on RN-131", extraCR: true, dhcpOn: "ON", tcpMode: true, getIPA: true, scan: 9, replace: true, group: "apmode"},
}

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
