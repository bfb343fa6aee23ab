package mqtt

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// codec3 is MQTT 3.1.1.
type codec3 struct{}

func (codec3) version() byte { return version311 }

func (codec3) connect(t *target, max limits, resume bool) []byte {
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion = "MQTT", version311
	p.ClientIdentifier, p.CleanSession, p.Keepalive = t.clientID, t.clean, max.keepAlive
	// There is no password without a user, but a user may be empty.
	p.UsernameFlag, p.Username = t.User != "" || t.Password != "", t.User
	p.PasswordFlag, p.Password = t.Password != "", []byte(t.Password)
	if t.willTopic != "" {
		p.WillFlag, p.WillTopic, p.WillMessage, p.WillQos, p.WillRetain = true, t.willTopic, []byte(t.will), t.qos, t.willRetain
	}
	return bytesOf(func(w io.Writer) { p.Write(w) })
}

func (codec3) subscribe(t *target, id uint16) []byte {
	p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	p.MessageID = id
	for _, f := range t.filters {
		p.Topics, p.Qoss = append(p.Topics, f), append(p.Qoss, t.qos)
	}
	return bytesOf(func(w io.Writer) { p.Write(w) })
}

func (codec3) disconnect(bool) []byte { return []byte{disconnect << 4, 0} }

func (codec3) parse(head byte, body []byte) (packet, error) {
	if head>>4 == publish {
		p, payload, err := parsePublish(head, body)
		p.payload = payload
		return p, err
	}
	// Paho's codec takes what is missing for zeros.
	if want := map[byte]int{connack: 2, puback: 2, pingresp: 0}; len(body) != want[head>>4] && head>>4 != suback {
		return packet{}, fmt.Errorf("want %d bytes", want[head>>4])
	}
	if head>>4 == suback && len(body) < 3 {
		return packet{}, errShort
	}
	cp, err := packets.NewControlPacketWithHeader(packets.FixedHeader{MessageType: head >> 4, RemainingLength: len(body)})
	if err != nil {
		return packet{}, err
	}
	if err := cp.Unpack(strings.NewReader(string(body))); err != nil {
		return packet{}, err
	}
	switch cp := cp.(type) {
	case *packets.ConnackPacket:
		return packet{kind: connack, session: cp.SessionPresent, codes: []byte{cp.ReturnCode}, limits: limits{receive: maxInflight, qos: 1}}, nil
	case *packets.PubackPacket:
		return packet{kind: puback, id: cp.MessageID}, nil
	case *packets.SubackPacket:
		return packet{kind: suback, id: cp.MessageID, codes: cp.ReturnCodes}, nil
	case *packets.PingrespPacket:
		return packet{kind: pingresp}, nil
	}
	return packet{}, errors.New("it is not for clients")
}

func (codec3) text(p *packet) string {
	if p.kind != connack {
		return describe(p.code(), "Failure", "") // 3.1.1 says no more
	}
	words, _ := strings.CutPrefix(packets.ConnackReturnCodes[p.code()], "Connection Refused: ")
	return describe(p.code(), words, "")
}
