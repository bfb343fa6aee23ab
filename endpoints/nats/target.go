package nats

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ws76/ws76/endpoints/broker"
)

const usage = "nats://[USER:PASSWORD@]HOST[:PORT]/SUBJECT"

var syntax = broker.Syntax{
	Ports: map[string]string{"nats": "4222", "nats+tls": "4222"},
	Usage: usage,
	Params: []string{"sub", "pub", "queue", "creds", "nkey", "token-file", "password-file", "binary", "envelope",
		"reply", "request", "timeout", "inbox-prefix",
		"jetstream", "stream", "durable", "deliver", "ack-wait"},
	Lists: []string{"sub"},
}

// Schemes returns the schemes of the URLs that Open takes.
func Schemes() []string { return syntax.Schemes() }

// Check returns what Open would say about a URL without connecting.
func Check(rawURL string) error {
	_, err := parse(rawURL)
	return err
}

// target is what a URL asks for.
type target struct {
	*broker.URL
	secure   bool
	subjects []string // to subscribe to
	subject  string   // to publish on; "": nothing is, but what an envelope says
	group    string
	binary   bool
	envelope bool
	reply    bool          // what is sent answers what came
	request  bool          // what is sent is answered
	timeout  time.Duration // of that
	inbox    string        // prefix of where answers come in; "": the library's

	jetstream bool // what is sent is acknowledged by a stream
	// What comes, comes from a consumer of a stream; "": it does not. The others are for one that is made.
	stream, durable string
	deliver         jetstream.DeliverPolicy
	ackWait         time.Duration
}

// parse reads a URL; files with secrets are not looked at yet.
func parse(raw string) (*target, error) {
	u, err := syntax.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("NATS: %w", err)
	}
	t := &target{URL: u, secure: u.Scheme == "nats+tls", group: u.Query.Get("queue")}
	for _, read := range []func() error{t.readOptions, t.readStream, t.readSubjects} {
		if err := read(); err != nil {
			return nil, fmt.Errorf("NATS: %w", err)
		}
	}
	return t, nil
}

func (t *target) readOptions() (err error) {
	for _, flag := range []struct {
		name string
		to   *bool
	}{{"binary", &t.binary}, {"reply", &t.reply}, {"request", &t.request}} {
		if *flag.to, err = t.Bool(flag.name, false); err != nil {
			return err
		}
	}
	if t.envelope, err = t.Envelope(); err != nil {
		return err
	}
	if t.timeout, err = t.Duration("timeout", defaultTimeout, time.Millisecond, time.Hour); err != nil {
		return err
	}
	if t.inbox = t.Query.Get("inbox-prefix"); t.inbox != "" {
		if err := checkSubject(t.inbox, false); err != nil {
			return fmt.Errorf("parameter inbox-prefix of the URL: %w", err)
		}
	}
	switch {
	case t.reply && t.request:
		return errors.New("parameters reply=1 and request=1 of the URL: a message that is sent is an answer or a request; want one of them")
	case t.reply && t.envelope:
		return errors.New(`parameter reply=1 of the URL is not for envelope=json, where a line has its "reply", and what is sent there as "subject" answers it`)
	case t.Query.Has("timeout") && !t.reply && !t.request:
		return errors.New("parameter timeout of the URL needs reply=1 or request=1")
	}
	return nil
}

var deliverPolicies = map[string]jetstream.DeliverPolicy{
	"": jetstream.DeliverAllPolicy, "all": jetstream.DeliverAllPolicy, "new": jetstream.DeliverNewPolicy, "last": jetstream.DeliverLastPolicy,
}

func (t *target) readStream() (err error) {
	if t.jetstream, err = t.Bool("jetstream", false); err != nil {
		return err
	}
	t.stream, t.durable = t.Query.Get("stream"), t.Query.Get("durable")
	for name, value := range map[string]string{"stream": t.stream, "durable": t.durable} {
		if value == "" {
			continue
		}
		if checkSubject(value, false) != nil || strings.ContainsAny(value, `./\`) {
			return fmt.Errorf("parameter %s=%q of the URL: want a name without spaces and without any of . * > / \\", name, value)
		}
	}
	if t.ackWait, err = t.Duration("ack-wait", defaultAckWait, 100*time.Millisecond, 24*time.Hour); err != nil {
		return err
	}
	var known bool
	if t.deliver, known = deliverPolicies[t.Query.Get("deliver")]; !known {
		return fmt.Errorf("parameter deliver=%q of the URL: want all, new or last", t.Query.Get("deliver"))
	}
	switch {
	case (t.stream == "") != (t.durable == ""):
		return errors.New("parameters stream and durable of the URL: want both, the names of a stream and of its consumer; to publish to a stream write jetstream=1")
	case t.durable == "" && (t.Query.Has("deliver") || t.Query.Has("ack-wait")):
		return errors.New("parameters deliver and ack-wait of the URL need stream=NAME and durable=NAME")
	case t.durable != "" && (t.reply || t.request || t.group != ""):
		return errors.New("parameters reply, request and queue of the URL are not for durable=NAME: who shares the work of a consumer gives the same name")
	case t.jetstream && (t.reply || t.request):
		return errors.New("parameter jetstream=1 of the URL is not for reply=1 and request=1, whose answers are not the stream's")
	}
	return nil
}

func (t *target) readSubjects() error {
	t.subjects, t.subject = t.Query["sub"], t.Query.Get("pub")
	if t.Name != "" {
		if !t.Query.Has("sub") && !t.request {
			t.subjects = []string{t.Name}
		}
		if !t.Query.Has("pub") && !wild(t.Name) && !t.reply && t.durable == "" {
			t.subject = t.Name
		}
	}
	t.subjects = slices.DeleteFunc(t.subjects, func(s string) bool { return s == "" }) // sub= asks for nothing
	for _, s := range t.subjects {
		if err := checkSubject(s, true); err != nil {
			return err
		}
	}
	if t.group != "" {
		if err := checkSubject(t.group, false); err != nil {
			return fmt.Errorf("parameter queue of the URL: %w", err)
		}
	}
	switch {
	case t.subject != "":
		if err := checkSubject(t.subject, false); err != nil {
			return err
		}
	case t.request && !t.envelope:
		return errors.New("parameter request=1 of the URL: there is no subject without * and > to send requests on; want " + usage)
	case len(t.subjects) == 0 && !t.envelope && t.durable == "":
		return errors.New("the URL names no subject; want " + usage)
	}
	if t.reply && len(t.subjects) == 0 {
		return errors.New("parameter reply=1 of the URL: there is no subject on which requests come; want " + usage)
	}
	return nil
}

// servers returns the URLs that the client library takes.
func (t *target) servers() []string {
	urls := make([]string, len(t.Hosts))
	for i, host := range t.Hosts {
		urls[i] = "nats://" + host
	}
	return urls
}

const maxSubject = 1024 // bytes; servers take 4096 for a whole line

// checkSubject refuses what is no subject, or has wildcards where it is to be published on.
func checkSubject(subject string, wildcards bool) error {
	switch {
	case len(subject) > maxSubject:
		return fmt.Errorf("subject %.80q: %d bytes; %d are allowed", subject, len(subject), maxSubject)
	case !utf8.ValidString(subject) || strings.ContainsAny(subject, " \t\r\n\x00"):
		return fmt.Errorf("subject %q: it is no UTF-8, or has a space in it", subject)
	}
	tokens := strings.Split(subject, ".")
	for i, token := range tokens {
		switch {
		case token == "":
			return fmt.Errorf("subject %q: a part of it is empty; want a.b.c", subject)
		case token != "*" && token != ">":
		case !wildcards:
			return fmt.Errorf("subject %q: * and > are for sub= only; nothing can be published on them", subject)
		case token == ">" && i < len(tokens)-1:
			return fmt.Errorf("subject %q: > is for the end", subject)
		}
	}
	return nil
}

// matches reports whether a filter takes a subject.
func matches(filter, subject string) bool {
	f, s := strings.Split(filter, "."), strings.Split(subject, ".")
	for i, token := range f {
		switch {
		case token == ">":
			return len(s) > i
		case i >= len(s), token != "*" && token != s[i]:
			return false
		}
	}
	return len(f) == len(s)
}

func wild(s string) bool {
	return slices.ContainsFunc(strings.Split(s, "."), func(token string) bool { return token == "*" || token == ">" })
}
