package metrics

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Bounds on what scripts may add; each series costs memory here and for good where it is stored.
const (
	maxScriptNames  = 64
	maxScriptSeries = 1000
	maxScriptLabels = 8
	maxScriptValue  = 128 // bytes of a label's value
)

// ErrTooManySeries is wrapped by Script's error when a new series finds no room.
var ErrTooManySeries = errors.New("too many metric series")

// script holds the last value of each series that scripts have set.
type script struct {
	mu     sync.Mutex
	names  map[string]map[string]float64 // metric, labels as they are shown: value
	series int
}

// Script sets a gauge of scripts, which is shown as ws76_script_NAME. A name is letters, digits and underscores, at
// most 64, beginning with a letter, and so are the names of labels, of which there may be 8 with values of 128 bytes.
// "le" and "quantile", which have a meaning in the format, are no labels. There are at most 64 names and 1000 series in
// all: beyond, the error is ErrTooManySeries and those that exist can still be set.
func (m *Metrics) Script(name string, value float64, labels map[string]string) error {
	if !isName(name) {
		return fmt.Errorf("metric name %q: want letters, digits and underscores, at most 64, beginning with a letter", name)
	}
	key, err := labelKey(name, labels)
	if err != nil {
		return err
	}
	s := &m.script
	s.mu.Lock()
	defer s.mu.Unlock()
	series, ok := s.names[name]
	if _, known := series[key]; known {
		series[key] = value
		return nil
	}
	switch {
	case s.series == maxScriptSeries:
		return fmt.Errorf("metric %s: %w: there are %d; are a label's values without bound?", name, ErrTooManySeries, s.series)
	case !ok && len(s.names) == maxScriptNames:
		return fmt.Errorf("metric %s: %w: there are %d names; use a label", name, ErrTooManySeries, len(s.names))
	case !ok:
		if s.names == nil {
			s.names = map[string]map[string]float64{}
		}
		series = map[string]float64{}
		s.names[name] = series
	}
	series[key] = value
	s.series++
	return nil
}

// labelKey returns the labels as they are shown, sorted, "" for none.
func labelKey(metric string, labels map[string]string) (string, error) {
	if len(labels) == 0 {
		return "", nil
	}
	if len(labels) > maxScriptLabels {
		return "", fmt.Errorf("metric %s: %d labels, at most %d", metric, len(labels), maxScriptLabels)
	}
	b := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		switch {
		case !isName(name) || name == "le" || name == "quantile":
			return "", fmt.Errorf("metric %s: label name %q: want letters, digits and underscores, at most 64, beginning with a letter, and not le or quantile", metric, name)
		case len(labels[name]) > maxScriptValue:
			return "", fmt.Errorf("metric %s: the value of label %s has %d bytes, at most %d", metric, name, len(labels[name]), maxScriptValue)
		case i > 0:
			b = append(b, ',')
		}
		b = appendLabel(b, name, labels[name])
	}
	return string(append(b, '}')), nil
}

func isName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i := range len(name) {
		letter := name[i]|0x20 >= 'a' && name[i]|0x20 <= 'z'
		if !letter && (i == 0 || name[i] != '_' && (name[i] < '0' || name[i] > '9')) {
			return false
		}
	}
	return true
}

func (s *script) expose(e *exposition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.names)) {
		e.family("ws76_script_"+name, "gauge", "Set by a script.")
		for _, key := range slices.Sorted(maps.Keys(s.names[name])) {
			e.dst = append(e.dst, e.name+key...)
			e.value(s.names[name][key])
		}
	}
}
