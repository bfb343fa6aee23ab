package mqtt

import (
	"bufio"
	"bytes"
	"testing"

	paho5 "github.com/eclipse/paho.golang/packets"
	paho3 "github.com/eclipse/paho.mqtt.golang/packets"
	"pgregory.net/rapid"
)

// TestPublishIsPahos: what is written by hand is what Paho's codecs read, and the
// other way round.
func TestPublishIsPahos(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := packet{
			topic: rapid.StringMatching(`[a-z/]{1,20}`).Draw(t, "topic"), payload: rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "payload"),
			qos: byte(rapid.IntRange(0, 1).Draw(t, "qos")), dup: rapid.Bool().Draw(t, "dup"), retain: rapid.Bool().Draw(t, "retain"),
		}
		if p.qos > 0 {
			p.id = rapid.Uint16Range(1, 65535).Draw(t, "id")
		}
		cp3, err := paho3.ReadPacket(bytes.NewReader(encodePublish(version311, p)))
		if err != nil {
			t.Fatal(err)
		}
		p3 := cp3.(*paho3.PublishPacket)
		if p3.TopicName != p.topic || !bytes.Equal(p3.Payload, p.payload) || p3.MessageID != p.id || p3.Qos != p.qos || p3.Dup != p.dup || p3.Retain != p.retain {
			t.Fatalf("3.1.1: %+v is read as %v", p, p3)
		}
		cp5, err := paho5.ReadPacket(bytes.NewReader(encodePublish(version5, p)))
		if err != nil {
			t.Fatal(err)
		}
		p5 := cp5.Content.(*paho5.Publish)
		if p5.Topic != p.topic || !bytes.Equal(p5.Payload, p.payload) || p5.PacketID != p.id || p5.QoS != p.qos || p5.Duplicate != p.dup || p5.Retain != p.retain {
			t.Fatalf("5: %+v is read as %v", p, p5)
		}
		p5.Properties.ContentType = "x"
		p5.Properties.User = []paho5.User{{Key: "a", Value: "b"}}
		var b bytes.Buffer
		p5.WriteTo(&b)
		got, err := readPacket(bufio.NewReader(&b), codec5{}, 1<<20)
		if err != nil || got.topic != p.topic || !bytes.Equal(got.payload, p.payload) || got.id != p.id || got.qos != p.qos || got.dup != p.dup || got.retain != p.retain {
			t.Fatalf("5: %+v is read back as %+v, %v", p, got, err)
		}
		b.Reset()
		p3.Write(&b)
		got, err = readPacket(bufio.NewReader(&b), codec3{}, 1<<20)
		if err != nil || got.topic != p.topic || !bytes.Equal(got.payload, p.payload) || got.id != p.id {
			t.Fatalf("3.1.1: %+v is read back as %+v, %v", p, got, err)
		}
	})
}

// FuzzPacket: whatever a broker sends is read or refused, and a PUBLISH that is read
// is written as one that is read the same.
func FuzzPacket(f *testing.F) {
	f.Add([]byte{connack << 4, 3, 1, 0, 0}, true)
	f.Add([]byte{connack << 4, 2, 1, 5}, false)
	f.Add([]byte{publish<<4 | 2, 7, 0, 1, 't', 0, 1, 0, 'x'}, true)
	f.Add([]byte{publish << 4, 4, 0, 1, 't', 'x'}, false)
	f.Add([]byte{suback << 4, 4, 0, 1, 0, 0x87}, true)
	f.Add([]byte{disconnect << 4, 0}, true)
	f.Fuzz(func(t *testing.T, data []byte, five bool) {
		var c codec = codec3{}
		if five {
			c = codec5{}
		}
		p, err := readPacket(bufio.NewReader(bytes.NewReader(data)), c, 1<<16)
		if err != nil {
			return
		}
		if p.kind != publish {
			_ = c.text(&p)
			return
		}
		again, err := readPacket(bufio.NewReader(bytes.NewReader(encodePublish(c.version(), p))), c, 1<<17)
		if err != nil || again.topic != p.topic || !bytes.Equal(again.payload, p.payload) || again.id != p.id {
			t.Errorf("%x: %+v became %+v, %v", data, p, again, err)
		}
	})
}
