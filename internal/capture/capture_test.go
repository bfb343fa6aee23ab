package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/netip"
	"testing"
	"testing/iotest"
)

const synFlag, ackFlag = 2, 16

// tcp returns an IP packet from one port to another; those of the server are below
// 1024.
func tcp(v6 bool, from, to uint16, flags byte, seq uint32, data string) []byte {
	p := make([]byte, 20, 20+len(data))
	binary.BigEndian.PutUint16(p, from)
	binary.BigEndian.PutUint16(p[2:], to)
	binary.BigEndian.PutUint32(p[4:], seq)
	p[12], p[13] = 5<<4, flags
	p = append(p, data...)
	if v6 {
		head := make([]byte, 48) // with an empty hop-by-hop header
		head[0] = 6 << 4
		binary.BigEndian.PutUint16(head[4:], uint16(8+len(p)))
		head[23], head[39], head[40] = byte(from>>8), byte(to>>8), 6
		return append(head, p...)
	}
	head := make([]byte, 20)
	head[0], head[9] = 4<<4|5, 6
	binary.BigEndian.PutUint16(head[2:], uint16(20+len(p)))
	return append(head, p...)
}

func client(seq uint32, data string) []byte { return tcp(false, 5000, 80, ackFlag, seq, data) }

func pcap(order binary.AppendByteOrder, magic, link uint32, packets ...[]byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = append(b, make([]byte, 16)...)
	b = order.AppendUint32(b, link)
	for _, p := range packets {
		b = append(b, make([]byte, 8)...)
		b = order.AppendUint32(b, uint32(len(p)))
		b = append(order.AppendUint32(b, uint32(len(p))), p...)
	}
	return b
}

func raw(packets ...[]byte) []byte { return pcap(binary.LittleEndian, 0xA1B2C3D4, linkRaw, packets...) }

// block returns a block of pcapng.
func block(order binary.AppendByteOrder, kind uint32, body ...[]byte) []byte {
	all := bytes.Join(body, nil)
	for len(all)%4 != 0 {
		all = append(all, 0)
	}
	b := order.AppendUint32(nil, kind)
	b = order.AppendUint32(b, uint32(len(all)+12))
	return order.AppendUint32(append(b, all...), uint32(len(all)+12))
}

func pcapng(order binary.AppendByteOrder, link uint16, packets ...[]byte) []byte {
	b := block(order, sectionBlock, order.AppendUint32(nil, byteOrderMagic), make([]byte, 12))
	b = append(b, block(order, interfaceBlock, order.AppendUint16(nil, link), make([]byte, 6))...)
	b = append(b, block(order, 5, make([]byte, 12))...) // statistics
	for i, p := range packets {
		if i%2 == 0 {
			b = append(b, block(order, simpleBlock, order.AppendUint32(nil, uint32(len(p))), p)...)
			continue
		}
		n := order.AppendUint32(nil, uint32(len(p)))
		b = append(b, block(order, enhancedBlock, make([]byte, 12), n, n, p)...)
	}
	return b
}

func conns(t *testing.T, file []byte) []*Conn {
	t.Helper()
	all, err := Conns(iotest.OneByteReader(bytes.NewReader(file)), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestForms reads the same connection from files of every form.
func TestForms(t *testing.T) {
	link := func(head string, packets ...[]byte) (all [][]byte) {
		for _, p := range packets {
			all = append(all, append([]byte(head), p...))
		}
		return all
	}
	v4 := [][]byte{tcp(false, 5000, 80, synFlag, 9, ""), client(10, "ping"), tcp(false, 80, 5000, ackFlag, 70, "pong")}
	v6 := [][]byte{tcp(true, 5000, 80, synFlag, 9, ""), tcp(true, 5000, 80, ackFlag, 10, "ping"), tcp(true, 80, 5000, ackFlag, 70, "pong")}
	mac := "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"
	little, big := binary.LittleEndian, binary.BigEndian
	for name, file := range map[string][]byte{
		"raw":              raw(v4...),
		"big endian":       pcap(big, 0xA1B2C3D4, linkRaw, v4...),
		"nanoseconds":      pcap(little, 0xA1B23C4D, linkIPv4, v4...),
		"IPv6":             raw(v6...),
		"Ethernet":         pcap(little, 0xA1B2C3D4, linkEthernet, link(mac+"\x08\x00", v4...)...),
		"VLAN in a VLAN":   pcap(little, 0xA1B2C3D4, linkEthernet, link(mac+"\x88\xa8\x00\x01\x81\x00\x00\x02\x86\xdd", v6...)...),
		"Ethernet, padded": pcap(little, 0xA1B2C3D4, linkEthernet, append(link(mac+"\x08\x00", v4...), append(link(mac+"\x08\x00", v4[1])[0], 0, 0))...),
		"cooked":           pcap(little, 0xA1B2C3D4, linkCooked, link(mac+"\x00\x00\x08\x00", v4...)...),
		"cooked 2":         pcap(little, 0xA1B2C3D4, linkCooked2, link("\x08\x00"+mac+mac[:6], v4...)...),
		"loopback":         pcap(little, 0xA1B2C3D4, linkNull, link("\x02\x00\x00\x00", v4...)...),
		"pcapng":           pcapng(little, linkRaw, v4...),
		"pcapng, big":      pcapng(big, linkRaw, v6...),
		"two sections":     append(pcapng(big, linkRaw, v4[0]), pcapng(little, linkRaw, v4[1:]...)...),
		"cut":              raw(append(v4, client(14, "lost"))...)[:24+3*16+40+44+44+20],
		"other packets":    raw(append(v4, nil, []byte{0x45}, make([]byte, 60), client(14, "")[:39])...),
	} {
		all := conns(t, file)
		if len(all) != 1 || string(all[0].Sent.Data) != "ping" || string(all[0].Received.Data) != "pong" ||
			all[0].Client.Port() != 5000 || all[0].Server.Port() != 80 {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// TestOrder puts segments together that come late, twice, overlapping, or not.
func TestOrder(t *testing.T) {
	const top = math.MaxUint32
	for name, c := range map[string]struct {
		packets [][]byte
		want    string
		lost    int
	}{
		"late":           {[][]byte{client(1, "a"), client(3, "c"), client(2, "b"), client(4, "d")}, "abcd", 0},
		"all late":       {[][]byte{client(1, "a"), client(5, "e"), client(4, "d"), client(3, "c"), client(2, "b")}, "abcde", 0},
		"twice":          {[][]byte{client(1, "ab"), client(1, "ab"), client(3, "c"), client(1, "abc")}, "abc", 0},
		"overlapping":    {[][]byte{client(1, "abc"), client(2, "bcde"), client(9, "i"), client(5, "efghi")}, "abcdefghi", 0},
		"a gap":          {[][]byte{client(1, "ab"), client(4, "defg"), client(8, "h")}, "ab", 5},
		"around zero":    {[][]byte{client(top-1, "ab"), client(1, "de"), client(0, "c"), client(3, "f")}, "abcdef", 0},
		"far off":        {[][]byte{client(1, "a"), client(1<<31+2, "x"), client(2, "b")}, "ab", 0},
		"half the space": {[][]byte{client(1<<31+2, "a"), client(3, "xy"), client(1<<31+3, "b")}, "ab", 0},
	} {
		all := conns(t, raw(c.packets...))
		if len(all) != 1 || string(all[0].Sent.Data) != c.want || all[0].Sent.Lost != c.lost {
			t.Errorf("%s: %q, %d lost", name, all[0].Sent.Data, all[0].Sent.Lost)
		}
	}
}

// TestConns tells connections apart, also those that have the ports of one before,
// and who is the client.
func TestConns(t *testing.T) {
	all := conns(t, raw(
		tcp(false, 80, 6000, ackFlag, 1, ""), // the end of one before
		tcp(false, 80, 5000, synFlag|ackFlag, 70, ""), client(1, "first"),
		tcp(false, 5001, 80, ackFlag, 1, "another"),
		tcp(false, 5000, 80, synFlag, 900, ""), tcp(false, 5000, 80, synFlag, 900, ""), client(901, "second"),
	))
	if len(all) != 3 || string(all[0].Sent.Data) != "first" || string(all[1].Sent.Data) != "another" || string(all[2].Sent.Data) != "second" {
		t.Fatalf("%+v", all)
	}
	if want := netip.MustParseAddrPort("0.0.0.0:5000"); all[0].Client != want || all[2].Client != want {
		t.Errorf("clients %v, %v", all[0].Client, all[2].Client)
	}
}

func TestWrong(t *testing.T) {
	long := raw(client(1, "a"))
	binary.LittleEndian.PutUint32(long[32:], maxPacket+1)
	little := binary.LittleEndian
	section := block(little, sectionBlock, little.AppendUint32(nil, byteOrderMagic), make([]byte, 12))
	for name, file := range map[string][]byte{
		"long packet":       long,
		"no interface":      append(bytes.Clone(section), block(little, simpleBlock, make([]byte, 8))...),
		"other interface":   append(pcapng(little, linkRaw), block(little, enhancedBlock, []byte{1, 0, 0, 0}, make([]byte, 16))...),
		"packet over block": append(pcapng(little, linkRaw), block(little, enhancedBlock, make([]byte, 12), []byte{9, 0, 0, 0}, make([]byte, 4))...),
		"short block":       append(pcapng(little, linkRaw), 6, 0, 0, 0, 8, 0, 0, 0),
		"no byte order":     append([]byte{0x0A, 0x0D, 0x0D, 0x0A}, make([]byte, 24)...),
	} {
		var malformed *FileError
		if _, err := Conns(bytes.NewReader(file), 1<<20); !errors.As(err, &malformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, file := range []string{"", "short", "GET / HTTP/1.1\r\nHost: tv\r\n\r\n"} {
		if _, err := Conns(bytes.NewReader([]byte(file)), 1<<20); err != ErrFormat {
			t.Errorf("%q: %v", file, err)
		}
	}
	if _, err := Conns(bytes.NewReader(raw(client(1, "some data"))), 260); err == nil {
		t.Error("no error over the limit")
	}
	if _, err := Conns(iotest.ErrReader(io.ErrClosedPipe), 0); err != io.ErrClosedPipe {
		t.Errorf("broken: %v", err)
	}
}

func FuzzConns(f *testing.F) {
	f.Add(raw(client(1, "a"), client(3, "c"), client(2, "b")))
	f.Add(raw(tcp(true, 5000, 80, synFlag, 9, "")))
	f.Add(pcapng(binary.BigEndian, linkEthernet, make([]byte, 60), client(1, "a")))
	f.Fuzz(func(t *testing.T, file []byte) {
		const limit = 1 << 16
		all, err := Conns(bytes.NewReader(file), limit)
		again, errAgain := Conns(iotest.OneByteReader(bytes.NewReader(file)), limit)
		if (err == nil) != (errAgain == nil) || len(all) != len(again) {
			t.Fatalf("whole: %d, %v; byte by byte: %d, %v", len(all), err, len(again), errAgain)
		}
		held := 0
		for i, c := range all {
			held += len(c.Sent.Data) + len(c.Received.Data)
			if !bytes.Equal(c.Sent.Data, again[i].Sent.Data) {
				t.Fatal("byte by byte differs")
			}
		}
		if held > limit {
			t.Fatalf("%d bytes are held", held)
		}
	})
}
