package mqtt

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const maxTopic = 65535 // bytes, of any string of MQTT

// checkTopic refuses what is no name of a topic to publish on (MQTT 5, 4.7).
func checkTopic(topic string) error {
	if err := checkString(topic); err != nil {
		return fmt.Errorf("topic %.80q: %w", topic, err)
	}
	if wild(topic) {
		return fmt.Errorf("topic %q: + and # are for sub= only; nothing can be published on them", topic)
	}
	return nil
}

// checkFilter refuses what is no filter to subscribe to.
func checkFilter(filter string) error {
	if err := checkString(filter); err != nil {
		return fmt.Errorf("topic filter %.80q: %w", filter, err)
	}
	rest := filter
	if shared, ok := strings.CutPrefix(filter, "$share/"); ok {
		var group string
		if group, rest, ok = strings.Cut(shared, "/"); !ok || group == "" || rest == "" || wild(group) {
			return fmt.Errorf("topic filter %q: want $share/GROUP/FILTER", filter)
		}
	}
	levels := strings.Split(rest, "/")
	for i, level := range levels {
		switch {
		case level == "#" && i < len(levels)-1:
			return fmt.Errorf("topic filter %q: # is for the end of a filter", filter)
		case len(level) > 1 && wild(level):
			return fmt.Errorf("topic filter %q: + and # stand for whole levels, as in a/+/b/#", filter)
		}
	}
	return nil
}

func checkString(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("it is empty")
	case len(s) > maxTopic:
		return fmt.Errorf("%d bytes; MQTT allows %d", len(s), maxTopic)
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return fmt.Errorf("it is no UTF-8, or has a NUL in it")
	}
	return nil
}

// isShared reports whether a filter is of a shared subscription.
func isShared(filter string) bool { return strings.HasPrefix(filter, "$share/") }

func wild(s string) bool { return strings.ContainsAny(s, "+#") }

// matches reports whether a filter covers a topic.
func matches(filter, topic string) bool {
	if shared, ok := strings.CutPrefix(filter, "$share/"); ok {
		_, filter, _ = strings.Cut(shared, "/")
	}
	if strings.HasPrefix(topic, "$") && wild(filter[:min(1, len(filter))]) {
		return false
	}
	for {
		level, filterRest, moreFilter := strings.Cut(filter, "/")
		if level == "#" {
			return true
		}
		name, topicRest, moreTopic := strings.Cut(topic, "/")
		if level != "+" && level != name {
			return false
		}
		if !moreTopic {
			return !moreFilter || filterRest == "#"
		}
		if !moreFilter {
			return false
		}
		filter, topic = filterRest, topicRest
	}
}
