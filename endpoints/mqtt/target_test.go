package mqtt

import (
	"strings"
	"testing"
	"time"
)

func TestTarget(t *testing.T) {
	for _, tc := range []struct{ url, filters, topic string }{
		{"mqtt://h/a/b", "a/b", "a/b"}, {Example, "sensors/lab", "sensors/lab"}, {"mqtt://h/a/#", "a/#", ""}, {"mqtt://h/+/x", "+/x", ""},
		{"mqtt://h/a?sub=b/#&sub=c", "b/# c", "a"}, {"mqtt://h/a?pub=b", "a", "b"}, {"mqtt://h/?pub=b", "", "b"}, {"mqtt://h/a?sub=", "", "a"},
		{"mqtt://h/$share/g/a/#", "$share/g/a/#", ""}, {"mqtt://h/?envelope=json", "", ""}, {"mqtt://h//a", "/a", "/a"},
	} {
		got, err := parse(tc.url)
		if err != nil || strings.Join(got.filters, " ") != tc.filters || got.topic != tc.topic {
			t.Errorf("%s: %+v, %v", tc.url, got, err)
		}
	}
	got, err := parse("mqtts://ann@h/a?qos=1&retain=1&client-id=me&clean=0&version=3.1.1&will=bye&will-topic=w&keepalive=5&binary=1")
	if err != nil || !got.secure || got.qos != 1 || !got.retain || got.clientID != "me" || got.clean || got.version != version311 ||
		got.will != "bye" || got.willTopic != "w" || got.keepAlive != 5*time.Second || !got.binary || got.envelope || got.Hosts[0] != "h:8883" {
		t.Errorf("%+v, %v", got, err)
	}
	one, _ := parse("mqtt://h/a")
	two, _ := parse("mqtt://h/a")
	if one.clientID == two.clientID || len(one.clientID) > 23 || !one.clean || one.keepAlive != defaultKeepAlive {
		t.Errorf("%+v, %+v", one, two)
	}
}

func TestTargetRefuses(t *testing.T) {
	for _, tc := range []struct{ url, want string }{
		{"mqtt://h", "names no topic"}, {"mqtt://h/?sub=", "names no topic"}, {"mqtt://h/a/#/b", "# is for the end"}, {"mqtt://h/a+/b", "whole levels"},
		{"mqtt://h/a?pub=b/#", "for sub= only"}, {"mqtt://h/$share/g", "$share/GROUP/FILTER"}, {"mqtt://h/$share/+/a", "$share/GROUP/FILTER"},
		{"mqtt://h/a?qos=2", "want 0 or 1"}, {"mqtt://h/a?version=4", "want 3.1.1 or 5"}, {"mqtt://h/a?retain=x", "want 0 or 1"},
		{"mqtt://h/a?clean=0", "needs client-id"}, {"mqtt://h/a?will=x", "needs will-topic"}, {"mqtt://h/a?will-topic=x/%23", "for sub= only"},
		{"mqtt://h/a?birth=x", "birth-topic=TOPIC or"}, {"mqtt://h/a?birth-topic=x", "needs birth"}, {"mqtt://h/a?birth=x&birth-topic=x/%23", "for sub= only"},
		{"mqtt://h/a?keepalive=0", "1s to 65535s"}, {"mqtt://h/a?keepalive=soon", "1s to 65535s"}, {"mqtt://h/a?envelope=xml", "want json"},
		{"mqtt://h/" + strings.Repeat("a", 40000) + strings.Repeat("b", 25530), "MQTT: "}, {"amqp://h/a", "mqtt or mqtts"},
	} {
		if err := Check(tc.url); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "MQTT: ") {
			t.Errorf("%.60s: %v, want %q", tc.url, err, tc.want)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true}, {"a/b", "a", false}, {"a", "a/b", false}, {"a/+", "a/b", true}, {"a/+", "a/b/c", false}, {"+/b", "a/b", true},
		{"a/#", "a/b/c", true}, {"a/#", "a", true}, {"#", "a/b", true}, {"#", "$SYS/x", false}, {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true},
		{"a//b", "a//b", true}, {"a/+/b", "a//b", true}, {"$share/g/a/#", "a/b", true}, {"/+", "/a", true}, {"+", "/a", false},
	} {
		if got := matches(tc.filter, tc.topic); got != tc.want {
			t.Errorf("%s %s: %v", tc.filter, tc.topic, got)
		}
	}
}

func FuzzTarget(f *testing.F) {
	f.Add("mqtts://ann:x@h,i:2/a/+/#?sub=$share/g/#&pub=b&qos=1&retain=1&client-id=c&clean=0&will=w&will-topic=t&keepalive=3s")
	f.Add("mqtt://h/?envelope=json&version=5")
	f.Fuzz(func(t *testing.T, raw string) {
		target, err := parse(raw)
		if err != nil {
			return
		}
		for _, filter := range target.filters {
			if checkFilter(filter) != nil {
				t.Errorf("%q: filter %q", raw, filter)
			}
		}
		if target.topic != "" && checkTopic(target.topic) != nil {
			t.Errorf("%q: topic %q", raw, target.topic)
		}
		for _, c := range []codec{codec3{}, codec5{}} {
			if b := c.connect(target, limits{receive: 1, size: 1, keepAlive: 1}, true); len(b) < 14 || b[0] != 1<<4 {
				t.Errorf("%q: CONNECT is %x", raw, b)
			}
		}
	})
}
