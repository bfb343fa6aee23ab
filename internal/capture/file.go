// Package capture reads the TCP connections out of packet captures: files of tcpdump and Wireshark, pcap and pcapng, of
// Ethernet, Linux "any", loopback and raw IP. IP fragments, which TCP avoids, and tunnels are not looked into.
package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxPacket bounds a packet, or another block of a capture, in bytes.
const maxPacket = 1 << 20

// FileError says where a capture is malformed.
type FileError struct {
	Offset int64 // in bytes
	Reason string
}

func (e *FileError) Error() string {
	return fmt.Sprintf("offset %d of the capture: %s", e.Offset, e.Reason)
}

// ErrFormat: the file is no capture.
var ErrFormat = errors.New("neither a pcap nor a pcapng file")

// file reads the packets of a capture, one after the other.
type file struct {
	r      io.Reader
	order  binary.ByteOrder
	offset int64
	buf    []byte
	ng     bool
	links  []uint32 // of the interfaces; one in pcap
}

func openFile(r io.Reader) (*file, error) {
	f := &file{r: r}
	head, err := f.read(24)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, ErrFormat
	} else if err != nil {
		return nil, err
	}
	switch magic := binary.BigEndian.Uint32(head); magic {
	case 0xA1B2C3D4, 0xA1B23C4D: // micro- and nanoseconds
		f.order = binary.BigEndian
	case 0xD4C3B2A1, 0x4D3CB2A1:
		f.order = binary.LittleEndian
	case sectionBlock:
		f.ng = true
		// The head was longer than that of a block: the rest of it is read first.
		f.r = io.MultiReader(bytes.NewReader(bytes.Clone(head)), r)
		f.offset = 0
		return f, nil
	default:
		return nil, ErrFormat
	}
	f.links = []uint32{f.order.Uint32(head[20:]) & 0x0FFFFFFF}
	return f, nil
}

// read returns the next n bytes, which are valid until it is called again.
func (f *file) read(n int) ([]byte, error) {
	if cap(f.buf) < n {
		f.buf = make([]byte, n)
	}
	got, err := io.ReadFull(f.r, f.buf[:n])
	f.offset += int64(got)
	return f.buf[:n], err
}

// wrong is an error about what was read last.
func (f *file) wrong(format string, args ...any) error {
	return &FileError{f.offset, fmt.Sprintf(format, args...)}
}

// next returns the next packet, valid until the next call, and its link type; io.EOF behind the last. A capture that is
// cut in the middle of a packet, as one that is still being written, ends before it.
func (f *file) next() (packet []byte, link uint32, err error) {
	if f.ng {
		packet, link, err = f.nextBlock()
	} else {
		packet, link, err = f.nextRecord()
	}
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return packet, link, err
}

func (f *file) nextRecord() ([]byte, uint32, error) {
	head, err := f.read(16)
	if err != nil {
		return nil, 0, err
	}
	n := f.order.Uint32(head[8:])
	if n > maxPacket {
		return nil, 0, f.wrong("a packet of %d bytes, the limit is %d", n, maxPacket)
	}
	packet, err := f.read(int(n))
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return packet, f.links[0], err
}

// The blocks of pcapng that matter here.
const (
	sectionBlock   = 0x0A0D0D0A
	interfaceBlock = 1
	simpleBlock    = 3
	enhancedBlock  = 6

	byteOrderMagic = 0x1A2B3C4D
	maxInterfaces  = 1000
)

func (f *file) nextBlock() ([]byte, uint32, error) {
	for {
		kind, body, err := f.block()
		if err != nil {
			return nil, 0, err
		}
		switch kind {
		case interfaceBlock:
			if len(body) < 8 || len(f.links) == maxInterfaces {
				return nil, 0, f.wrong("a bad description of an interface")
			}
			f.links = append(f.links, uint32(f.order.Uint16(body)))
		case enhancedBlock:
			if len(body) < 20 {
				return nil, 0, f.wrong("a block of a packet has only %d bytes", len(body))
			}
			of, n := f.order.Uint32(body), f.order.Uint32(body[12:])
			if uint64(of) >= uint64(len(f.links)) || uint64(n) > uint64(len(body)-20) {
				return nil, 0, f.wrong("a packet of interface %d with %d bytes, in a block of %d", of, n, len(body))
			}
			return body[20 : 20+n], f.links[of], nil
		case simpleBlock:
			if len(body) < 4 || len(f.links) == 0 {
				return nil, 0, f.wrong("a packet of no interface")
			}
			n := min(uint64(f.order.Uint32(body)), uint64(len(body)-4))
			return body[4 : 4+n], f.links[0], nil
		}
	}
}

// block returns the next block of pcapng without its frame.
func (f *file) block() (kind uint32, body []byte, err error) {
	head, err := f.read(8)
	if err != nil {
		return 0, nil, err
	}
	first := [8]byte(head)
	if binary.BigEndian.Uint32(first[:]) == sectionBlock { // the same in both orders
		magic, err := f.read(4)
		if err != nil {
			return 0, nil, io.ErrUnexpectedEOF
		}
		switch {
		case binary.BigEndian.Uint32(magic) == byteOrderMagic:
			f.order = binary.BigEndian
		case binary.LittleEndian.Uint32(magic) == byteOrderMagic:
			f.order = binary.LittleEndian
		default:
			return 0, nil, f.wrong("a section of no byte order")
		}
		f.links = f.links[:0]
		kind = sectionBlock
	}
	length := f.order.Uint32(first[4:])
	done := uint32(8)
	if kind == sectionBlock {
		done = 12
	} else {
		kind = f.order.Uint32(first[:])
	}
	if length < done+4 || length > maxPacket || length%4 != 0 {
		return 0, nil, f.wrong("a block of %d bytes, the limit is %d", length, maxPacket)
	}
	body, err = f.read(int(length - done))
	if err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return kind, body[:len(body)-4], nil // without the length, which is there again
}
