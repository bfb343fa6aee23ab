package capture

import (
	"encoding/binary"
	"net/netip"
)

// Link types, see https://www.tcpdump.org/linktypes.html.
const (
	linkNull     = 0 // BSD loopback
	linkEthernet = 1
	linkRaw      = 101
	linkRawBSD   = 12
	linkRawOther = 14
	linkLoop     = 108
	linkCooked   = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkCooked2  = 276
)

// segment is one TCP segment.
type segment struct {
	from, to netip.AddrPort
	seq      uint32
	syn, ack bool
	fin, rst bool
	data     []byte
}

// network cuts off the head of the link layer. What is not IP is nil.
func network(link uint32, p []byte) []byte {
	skip, kind := 0, -1 // kind: where the EtherType is
	switch link {
	case linkEthernet:
		skip, kind = 14, 12
	case linkCooked:
		skip, kind = 16, 14
	case linkCooked2:
		skip, kind = 20, 0
	case linkNull, linkLoop:
		skip = 4
	case linkRaw, linkRawBSD, linkRawOther, linkIPv4, linkIPv6:
	default:
		return nil
	}
	if len(p) < skip {
		return nil
	}
	if kind >= 0 {
		is := binary.BigEndian.Uint16(p[kind:])
		for is == 0x8100 || is == 0x88A8 { // VLAN
			if link != linkEthernet || len(p) < skip+4 {
				return nil
			}
			is = binary.BigEndian.Uint16(p[skip+2:])
			skip += 4
		}
		if is != 0x0800 && is != 0x86DD {
			return nil
		}
	}
	return p[skip:]
}

// parseIP reads the TCP segment in an IP packet; false where there is none.
func parseIP(p []byte) (segment, bool) {
	if len(p) < 20 {
		return segment{}, false
	}
	switch p[0] >> 4 {
	case 4:
		head, all := int(p[0]&15)*4, int(binary.BigEndian.Uint16(p[2:]))
		if all == 0 { // left to the network card
			all = len(p)
		}
		if p[9] != 6 || head < 20 || binary.BigEndian.Uint16(p[6:])&0x3FFF != 0 || len(p) < head || all < head {
			return segment{}, false
		}
		return parseTCP(p[head:min(all, len(p))], netip.AddrFrom4([4]byte(p[12:16])), netip.AddrFrom4([4]byte(p[16:20])))
	case 6:
		if len(p) < 40 {
			return segment{}, false
		}
		from, to := netip.AddrFrom16([16]byte(p[8:24])), netip.AddrFrom16([16]byte(p[24:40]))
		next, all := p[6], int(binary.BigEndian.Uint16(p[4:]))
		if p = p[40:]; all > 0 {
			p = p[:min(all, len(p))]
		}
		for next == 0 || next == 43 || next == 60 { // options and routing
			if len(p) < 8 || len(p) < 8+int(p[1])*8 {
				return segment{}, false
			}
			next, p = p[0], p[8+int(p[1])*8:]
		}
		if next != 6 {
			return segment{}, false
		}
		return parseTCP(p, from, to)
	}
	return segment{}, false
}

func parseTCP(p []byte, from, to netip.Addr) (segment, bool) {
	if len(p) < 20 {
		return segment{}, false
	}
	head := int(p[12]>>4) * 4
	if head < 20 || head > len(p) {
		return segment{}, false
	}
	flags := p[13]
	return segment{
		from: netip.AddrPortFrom(from, binary.BigEndian.Uint16(p)), to: netip.AddrPortFrom(to, binary.BigEndian.Uint16(p[2:])),
		seq: binary.BigEndian.Uint32(p[4:]), fin: flags&1 != 0, syn: flags&2 != 0, rst: flags&4 != 0, ack: flags&16 != 0,
		data: p[head:],
	}, true
}
