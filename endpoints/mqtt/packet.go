package mqtt

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ws76/ws76/core"
)

// Packet types, of the first byte's upper half.
const (
	connack    = 2
	publish    = 3
	puback     = 4
	suback     = 9
	pingresp   = 13
	disconnect = 14
)

// packet is what a broker sends, of either version.
type packet struct {
	kind        byte
	dup, retain bool
	qos         byte
	id          uint16
	topic       string
	payload     []byte
	left        int    // bytes of it that were too many, and were left out
	codes       []byte // of SUBACK; one of CONNACK, PUBACK and DISCONNECT
	reason      string // in words, of the broker
	session     bool   // CONNACK: the broker remembers the client
	limits      limits // CONNACK
}

// code returns the only code of a packet.
func (p *packet) code() byte {
	if len(p.codes) == 0 {
		return 0
	}
	return p.codes[0]
}

// limits are what a broker takes.
type limits struct {
	receive   int    // QoS 1 messages that are not acknowledged
	size      int    // bytes of a packet
	qos       byte   // highest
	noRetain  bool   // no retained messages
	keepAlive uint16 // seconds; 0: as asked for
}

// A codec writes and reads the packets that differ between the versions.
type codec interface {
	version() byte
	// connect returns CONNECT. resume asks for the session of the connection before.
	connect(t *target, max limits, resume bool) []byte
	subscribe(t *target, id uint16) []byte
	// disconnect returns DISCONNECT; forget also ends the session.
	disconnect(forget bool) []byte
	// text returns the code of a packet in words.
	text(p *packet) string
	// parse reads what is behind the fixed header. Payload and codes are part of body.
	parse(head byte, body []byte) (packet, error)
}

var (
	pingreq  = []byte{12 << 4, 0}
	errShort = errors.New("it ends too early")
)

// appendPublish appends PUBLISH up to its payload, which is payload bytes. Its properties, of MQTT 5 alone, are none.
func appendPublish(dst []byte, version byte, p *packet, payload int) []byte {
	head := byte(publish<<4) | p.qos<<1
	if p.dup {
		head |= 1 << 3
	}
	if p.retain {
		head |= 1
	}
	dst = binary.AppendUvarint(append(dst, head), uint64(publishSize(version, p, payload)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(p.topic)))
	dst = append(dst, p.topic...)
	if p.qos > 0 {
		dst = binary.BigEndian.AppendUint16(dst, p.id)
	}
	if version == version5 {
		dst = append(dst, 0)
	}
	return dst
}

// publishSize returns the remaining length of a PUBLISH.
func publishSize(version byte, p *packet, payload int) int {
	n := 2 + len(p.topic) + payload
	if p.qos > 0 {
		n += 2
	}
	if version == version5 {
		n++
	}
	return n
}

// appendPuback appends PUBACK with success.
func appendPuback(dst []byte, id uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, puback<<4, 2), id)
}

// parsePublish reads the part of a PUBLISH that both versions share, and returns what is left of body.
func parsePublish(head byte, body []byte) (p packet, rest []byte, err error) {
	p = packet{kind: publish, dup: head&8 != 0, qos: head >> 1 & 3, retain: head&1 != 0}
	if p.qos > 1 {
		return p, nil, fmt.Errorf("QoS %d, which was not asked for", p.qos)
	}
	if len(body) < 2 {
		return p, nil, errShort
	}
	n := int(binary.BigEndian.Uint16(body))
	if rest = body[2:]; len(rest) < n {
		return p, nil, errShort
	}
	p.topic, rest = string(rest[:n]), rest[n:]
	if err := checkTopic(p.topic); err != nil {
		return p, nil, err
	}
	if p.qos == 0 {
		return p, rest, nil
	}
	if len(rest) < 2 {
		return p, nil, errShort
	}
	if p.id = binary.BigEndian.Uint16(rest); p.id == 0 {
		return p, nil, errors.New("its number is 0")
	}
	return p, rest[2:], nil
}

// maxHeader bounds what a PUBLISH has beside the message: topic and properties.
const maxHeader = 256 << 10

// readPacket reads one packet of at most max bytes behind its fixed header; of a PUBLISH
// that is longer it leaves out the rest.
func readPacket(r *bufio.Reader, c codec, max int64) (packet, error) {
	head, err := r.ReadByte()
	if err != nil {
		return packet{}, err
	}
	n, err := readLength(r)
	if err != nil {
		return packet{}, err
	}
	left := 0
	if int64(n) > max && head>>4 == publish {
		n, left = int(max), n-int(max)
	}
	if int64(n) > max {
		return packet{}, fmt.Errorf("%w: a %s of %d bytes; %d are allowed", core.ErrMessageTooLarge, kindName(head>>4), n, max)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return packet{}, noEOF(err)
	}
	if _, err := io.CopyN(io.Discard, r, int64(left)); err != nil {
		return packet{}, noEOF(err)
	}
	p, err := c.parse(head, body)
	p.left = left
	if err != nil {
		return packet{}, fmt.Errorf("a malformed %s of %d bytes: %w", kindName(head>>4), n, noEOF(err))
	}
	return p, nil
}

// readLength reads a variable byte integer (MQTT 5, 1.5.5).
func readLength(r io.ByteReader) (n int, err error) {
	for i := range 4 {
		b, err := r.ReadByte()
		if err != nil {
			return 0, noEOF(err)
		}
		n |= int(b&0x7f) << (7 * i)
		if b < 0x80 {
			return n, nil
		}
	}
	return 0, errors.New("a packet whose length has more than four bytes")
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func kindName(kind byte) string {
	names := [...]string{"packet of type 0", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP",
		"SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"}
	return names[kind&15]
}

// describe returns a reason code in words. words is the table of the codec's
// version, reason what the broker has to say.
func describe(code byte, words, reason string) string {
	words, _, _ = strings.Cut(words, " - ")
	if words == "" {
		words = "reason"
	}
	text := fmt.Sprintf("%s (0x%02x)", strings.ToLower(words[:1])+words[1:], code)
	if reason != "" {
		text += fmt.Sprintf(": %q", reason)
	}
	return text
}

// bytesOf returns what write writes; into memory, which does not fail.
func bytesOf(write func(w io.Writer)) []byte {
	var b bytes.Buffer
	write(&b)
	return b.Bytes()
}
