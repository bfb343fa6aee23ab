package mqtt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"

	"github.com/eclipse/paho.golang/packets"
)

// codec5 is MQTT 5.
type codec5 struct{}

func (codec5) version() byte { return version5 }

const (
	// forever keeps a session for a client that comes again, as in 3.1.1.
	forever = math.MaxUint32
	// outage is how long, in seconds, the broker keeps the session of a connection
	// that was lost, for the next one to go on with.
	outage = 300
)

func (codec5) connect(t *target, max limits, resume bool) []byte {
	receive, size, expiry := uint16(max.receive), uint32(max.size), uint32(forever)
	if t.clean {
		expiry = outage
	}
	p := packets.Connect{
		ProtocolName: "MQTT", ProtocolVersion: version5,
		ClientID: t.clientID, CleanStart: t.clean && !resume, KeepAlive: max.keepAlive,
		UsernameFlag: t.User != "", Username: t.User, PasswordFlag: t.Password != "", Password: []byte(t.Password),
		Properties: &packets.Properties{ReceiveMaximum: &receive, MaximumPacketSize: &size, SessionExpiryInterval: &expiry},
	}
	if t.willTopic != "" {
		p.WillFlag, p.WillTopic, p.WillMessage, p.WillQOS, p.WillRetain = true, t.willTopic, []byte(t.will), t.qos, t.willRetain
		p.WillProperties = &packets.Properties{}
	}
	return bytesOf(func(w io.Writer) { p.WriteTo(w) })
}

func (codec5) subscribe(t *target, id uint16) []byte {
	p := packets.Subscribe{PacketID: id, Properties: &packets.Properties{}}
	for _, f := range t.filters {
		p.Subscriptions = append(p.Subscriptions, packets.SubOptions{
			Topic: f, QoS: t.qos,
			// What is published here does not come back. It is an error to ask that of a shared subscription (3.8.3.1).
			NoLocal: !isShared(f),
		})
	}
	return bytesOf(func(w io.Writer) { p.WriteTo(w) })
}

func (codec5) disconnect(forget bool) []byte {
	p := packets.Disconnect{Properties: &packets.Properties{}}
	if forget {
		p.Properties.SessionExpiryInterval = new(uint32)
	}
	return bytesOf(func(w io.Writer) { p.WriteTo(w) })
}

func (codec5) parse(head byte, body []byte) (packet, error) {
	if head>>4 == publish {
		return parsePublish5(head, body)
	}
	if head>>4 == connack && len(body) == 2 {
		// A broker that does not know MQTT 5 answers as in 3.1.1.
		return packet{kind: connack, codes: body[1:]}, nil
	}
	if head>>4 == disconnect && len(body) == 0 {
		return packet{kind: disconnect}, nil
	}
	cp := packets.NewControlPacket(head >> 4)
	if cp == nil {
		return packet{}, errors.New("there is no such type")
	}
	if err := cp.Content.Unpack(bytes.NewBuffer(body)); err != nil {
		return packet{}, err
	}
	switch cp := cp.Content.(type) {
	case *packets.Connack:
		return packet{kind: connack, session: cp.SessionPresent, codes: []byte{cp.ReasonCode},
			reason: cp.Properties.ReasonString, limits: limitsOf(cp.Properties)}, nil
	case *packets.Puback:
		return packet{kind: puback, id: cp.PacketID, codes: []byte{cp.ReasonCode}, reason: cp.Properties.ReasonString}, nil
	case *packets.Suback:
		return packet{kind: suback, id: cp.PacketID, codes: cp.Reasons, reason: cp.Properties.ReasonString}, nil
	case *packets.Pingresp:
		return packet{kind: pingresp}, nil
	case *packets.Disconnect:
		return packet{kind: disconnect, codes: []byte{cp.ReasonCode}, reason: cp.Properties.ReasonString}, nil
	}
	return packet{}, errors.New("it is not for clients")
}

// parsePublish5 leaves the payload where it is.
func parsePublish5(head byte, body []byte) (packet, error) {
	p, rest, err := parsePublish(head, body)
	if err != nil {
		return p, err
	}
	// Paho's codec takes properties that are cut off for complete.
	size, n := binary.Uvarint(rest[:min(4, len(rest))])
	if n <= 0 || size > uint64(len(rest)-n) {
		return p, errShort
	}
	if size > 0 {
		var properties packets.Properties
		if err := properties.Unpack(bytes.NewBuffer(rest[:n+int(size)]), publish); err != nil {
			return p, err
		}
		if properties.TopicAlias != nil {
			return p, errors.New("a topic alias, which was not offered")
		}
	}
	p.payload = rest[n+int(size):]
	return p, nil
}

// limitsOf returns what CONNACK says of the broker's limits (3.2.2.3).
func limitsOf(p *packets.Properties) limits {
	l := limits{receive: maxInflight, qos: 1}
	if p.ReceiveMaximum != nil && *p.ReceiveMaximum > 0 {
		l.receive = min(l.receive, int(*p.ReceiveMaximum))
	}
	if p.MaximumPacketSize != nil {
		l.size = int(min(*p.MaximumPacketSize, math.MaxInt32))
	}
	if p.MaximumQOS != nil {
		l.qos = min(l.qos, *p.MaximumQOS)
	}
	if p.RetainAvailable != nil {
		l.noRetain = *p.RetainAvailable == 0
	}
	if p.ServerKeepAlive != nil {
		l.keepAlive = *p.ServerKeepAlive
	}
	return l
}

func (codec5) text(p *packet) string {
	words, code := "", p.code()
	switch {
	case p.kind == connack && code == 1:
		words = "Unacceptable protocol version" // as 3.1.1 says it
	case p.kind == connack:
		words = (&packets.Connack{ReasonCode: code}).Reason()
	case p.kind == suback:
		words = (&packets.Suback{Reasons: []byte{code}}).Reason(0)
	case p.kind == puback:
		words = (&packets.Puback{ReasonCode: code}).Reason()
	case p.kind == disconnect:
		words = (&packets.Disconnect{ReasonCode: code}).Reason()
	}
	return describe(code, words, p.reason)
}
