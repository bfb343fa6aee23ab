package mqtt

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ws76/ws76/endpoints/broker"
)

const usage = "mqtt://[USER[:PASSWORD]@]BROKER[:PORT]/TOPIC"

var syntax = broker.Syntax{
	Ports: map[string]string{"mqtt": "1883", "mqtts": "8883"},
	Usage: usage,
	Params: []string{"sub", "pub", "qos", "retain", "client-id", "clean", "version", "will", "will-topic", "will-retain", "birth", "birth-topic", "keepalive",
		"password-file", "binary", "envelope"},
	Lists: []string{"sub"},
}

// Schemes returns the schemes of the URLs that Open takes.
func Schemes() []string { return syntax.Schemes() }

// Check returns what Open would say about a URL without connecting.
func Check(rawURL string) error {
	_, err := parse(rawURL)
	return err
}

// Versions of MQTT, as CONNECT has them.
const (
	version311 = 4
	version5   = 5
)

const defaultKeepAlive = 30 * time.Second

// target is what a URL asks for.
type target struct {
	*broker.URL
	secure    bool
	filters   []string // to subscribe to
	topic     string   // to publish on; "": nothing is, but what an envelope says
	qos       byte
	retain    bool
	clientID  string
	clean     bool
	version   byte // 0: 5, or 3.1.1 where the broker refuses that
	willTopic string
	will      string
	// willRetain is of the will and of the birth message, which is published on each
	// connection; birthTopic "": there is none.
	willRetain        bool
	birth, birthTopic string
	keepAlive         time.Duration
	binary            bool
	envelope          bool
}

// parse reads a URL; its password is not looked for yet.
func parse(raw string) (*target, error) {
	u, err := syntax.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("MQTT: %w", err)
	}
	t := &target{URL: u, secure: u.Scheme == "mqtts"}
	for _, read := range []func() error{t.readTopics, t.readOptions, t.readSession, t.readWill} {
		if err := read(); err != nil {
			return nil, fmt.Errorf("MQTT: %w", err)
		}
	}
	return t, nil
}

func (t *target) readTopics() error {
	t.filters, t.topic = t.Query["sub"], t.Query.Get("pub")
	if t.Name != "" {
		if !t.Query.Has("sub") {
			t.filters = []string{t.Name}
		}
		if !t.Query.Has("pub") && !wild(t.Name) {
			t.topic = t.Name
		}
	}
	t.filters = slices.DeleteFunc(t.filters, func(f string) bool { return f == "" }) // sub= asks for nothing
	for _, f := range t.filters {
		if err := checkFilter(f); err != nil {
			return err
		}
	}
	if t.topic != "" {
		return checkTopic(t.topic)
	}
	if len(t.filters) == 0 && t.Query.Get("envelope") == "" {
		return errors.New("the URL names no topic; want " + usage)
	}
	return nil
}

func (t *target) readOptions() error {
	var err error
	switch qos := t.Query.Get("qos"); qos {
	case "", "0":
	case "1":
		t.qos = 1
	default:
		return fmt.Errorf("parameter qos=%q of the URL: want 0 or 1", qos)
	}
	switch version := t.Query.Get("version"); version {
	case "":
	case "3.1.1":
		t.version = version311
	case "5":
		t.version = version5
	default:
		return fmt.Errorf("parameter version=%q of the URL: want 3.1.1 or 5", version)
	}
	if t.retain, err = t.Bool("retain", false); err != nil {
		return err
	}
	if t.binary, err = t.Bool("binary", false); err != nil {
		return err
	}
	t.envelope, err = t.Envelope()
	return err
}

func (t *target) readSession() error {
	var err error
	if t.clean, err = t.Bool("clean", true); err != nil {
		return err
	}
	if t.clientID = t.Query.Get("client-id"); t.clientID == "" {
		if !t.clean {
			return errors.New("parameter clean=0 of the URL needs client-id=NAME, by which the broker knows the session again")
		}
		t.clientID = "ws76-" + rand.Text()[:16] // 23 characters at most, which any broker takes
	}
	if err := checkString(t.clientID); err != nil {
		return fmt.Errorf("parameter client-id of the URL: %w", err)
	}
	t.keepAlive, err = t.Duration("keepalive", defaultKeepAlive, time.Second, 65535*time.Second)
	return err
}

func (t *target) readWill() error {
	t.will, t.willTopic = t.Query.Get("will"), t.Query.Get("will-topic")
	var err error
	if t.willRetain, err = t.Bool("will-retain", t.retain); err != nil {
		return err
	}
	if err := t.readBirth(); err != nil {
		return err
	}
	switch {
	case t.willTopic == "" && t.Query.Has("will"):
		return errors.New("parameter will of the URL needs will-topic=TOPIC")
	case t.willTopic == "":
		return nil
	case len(t.will) > maxTopic:
		return fmt.Errorf("parameter will of the URL: %d bytes; MQTT allows %d", len(t.will), maxTopic)
	}
	return checkTopic(t.willTopic)
}

func (t *target) readBirth() error {
	if !t.Query.Has("birth") {
		if t.Query.Has("birth-topic") {
			return errors.New("parameter birth-topic of the URL needs birth=TEXT")
		}
		return nil
	}
	t.birth, t.birthTopic = t.Query.Get("birth"), t.Query.Get("birth-topic")
	if t.birthTopic == "" {
		t.birthTopic = t.willTopic
	}
	switch {
	case t.birthTopic == "":
		return errors.New("parameter birth of the URL needs birth-topic=TOPIC or will-topic=TOPIC")
	case len(t.birth) > maxTopic:
		return fmt.Errorf("parameter birth of the URL: %d bytes; %d are allowed", len(t.birth), maxTopic)
	}
	return checkTopic(t.birthTopic)
}

// state is a packet that says how the bridge is: the birth message, or with the will's text that it has ended.
func (t *target) state(version byte, topic, text string) []byte {
	p := packet{topic: topic, retain: t.willRetain}
	return append(appendPublish(nil, version, &p, len(text)), text...)
}

// readPassword fills in the password that is not in the URL.
func (t *target) readPassword(o *broker.Options) error {
	if file := t.Query.Get("password-file"); file != "" && t.Password == "" {
		var err error
		if t.Password, err = broker.ReadSecret("password-file", file); err != nil {
			return fmt.Errorf("MQTT: %w", err)
		}
	}
	if t.Password == "" {
		t.Password = o.Password
	}
	if len(t.User) > maxTopic || len(t.Password) > maxTopic {
		return fmt.Errorf("MQTT: a user or password of more than %d bytes", maxTopic)
	}
	return nil
}
