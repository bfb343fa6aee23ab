package hixie

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
)

// Names of the fields that carry a challenge.
const (
	key1Field = "Sec-WebSocket-Key1"
	key2Field = "Sec-WebSocket-Key2"
)

// A Challenge is what a client of draft 76 asks a server to answer, to be sure that it understood the handshake.
type Challenge struct {
	Key1, Key2 []byte  // values of the fields
	Key3       [8]byte // the bytes after the head
}

// Answer returns the 16 bytes that follow the head of the server's response to the challenge of two parts and key3.
func Answer(part1, part2 uint32, key3 [8]byte) [16]byte {
	// Section 5.2:
	// 8. /challenge/ is /part_1/ and /part_2/ as big-endian 32 bit integers,
	//    then the eight bytes of /key_3/ as they were on the wire.
	var challenge [16]byte
	binary.BigEndian.PutUint32(challenge[0:], part1)
	binary.BigEndian.PutUint32(challenge[4:], part2)
	copy(challenge[8:], key3[:])
	// 9. /response/ is the MD5 fingerprint of /challenge/.
	return md5.Sum(challenge[:])
}

// Answer returns the answer to c. The error names the field of the key that is bad and wraps its *KeyError.
func (c *Challenge) Answer() ([16]byte, error) {
	key1, err := ParseKey(c.Key1)
	if err != nil {
		return [16]byte{}, fmt.Errorf("%s: %w", key1Field, err)
	}
	key2, err := ParseKey(c.Key2)
	if err != nil {
		return [16]byte{}, fmt.Errorf("%s: %w", key2Field, err)
	}
	// 7. /part_n/ is /key-number_n/ divided by /spaces_n/.
	return Answer(key1.Part(), key2.Part(), c.Key3), nil
}

// AnswerLenient does as Answer with keys read by ParseKeyLenient.
func (c *Challenge) AnswerLenient() ([16]byte, error) {
	part1, err := ParseKeyLenient(c.Key1)
	if err != nil {
		return [16]byte{}, fmt.Errorf("%s: %w", key1Field, err)
	}
	part2, err := ParseKeyLenient(c.Key2)
	if err != nil {
		return [16]byte{}, fmt.Errorf("%s: %w", key2Field, err)
	}
	return Answer(part1, part2, c.Key3), nil
}
