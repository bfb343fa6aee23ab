package metrics

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// exposition is text in the Prometheus format, version 0.0.4, under way.
type exposition struct {
	dst  []byte
	name string // of the family
}

// family begins one: the samples that follow have its name.
func (e *exposition) family(name, kind, help string) {
	e.dst = append(e.dst, "# HELP "+name+" "+help+"\n# TYPE "+name+" "+kind+"\n"...)
	e.name = name
}

func (e *exposition) single(name, kind, help string, v float64) {
	e.family(name, kind, help)
	e.sample("", "", "", v)
}

// sample appends a line of the family; label may be "".
func (e *exposition) sample(suffix, label, value string, v float64) {
	e.dst = append(e.dst, e.name+suffix...)
	if label != "" {
		e.dst = append(e.dst, '{')
		e.dst = appendLabel(e.dst, label, value)
		e.dst = append(e.dst, '}')
	}
	e.value(v)
}

func (e *exposition) value(v float64) {
	e.dst = append(e.dst, ' ')
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		e.dst = strconv.AppendInt(e.dst, int64(v), 10)
	} else {
		e.dst = strconv.AppendFloat(e.dst, v, 'g', -1, 64) // NaN, +Inf and -Inf are the format's words
	}
	e.dst = append(e.dst, '\n')
}

// byLabel appends a line a value, sorted; values beyond maxLabels add up as "other".
func (e *exposition) byLabel(label string, values map[string]uint64) {
	var other uint64
	shown := 0
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if shown == maxLabels || key == "other" {
			other += values[key]
			continue
		}
		e.sample("", label, key, float64(values[key]))
		shown++
	}
	if other > 0 {
		e.sample("", label, "other", float64(other))
	}
}

// appendLabel appends name="value" with what the format says is escaped.
func appendLabel(dst []byte, name, value string) []byte {
	dst = append(dst, name+`="`...)
	for _, r := range value { // invalid UTF-8 becomes U+FFFD, which the format wants
		switch r {
		case '\\', '"':
			dst = append(dst, '\\', byte(r))
		case '\n':
			dst = append(dst, `\n`...)
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, '"')
}

// counters counts by a label of few values.
type counters struct {
	mu sync.Mutex
	n  map[string]uint64
}

func (c *counters) add(label string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]uint64{}
	}
	c.n[label]++
}

func (c *counters) addTo(to map[string]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for label, n := range c.n {
		to[label] += n
	}
}

// bounds are the upper ends of a histogram's buckets, each four times the one
// before: from what a drop costs to what everybody notices.
var bounds = [...]time.Duration{
	time.Microsecond, 4 * time.Microsecond, 16 * time.Microsecond, 64 * time.Microsecond, 256 * time.Microsecond,
	1024 * time.Microsecond, 4096 * time.Microsecond, 16384 * time.Microsecond, 65536 * time.Microsecond,
	262144 * time.Microsecond, 1048576 * time.Microsecond,
}

// histogram counts times; the last bucket is what is above all bounds.
type histogram struct {
	buckets [len(bounds) + 1]atomic.Uint64
	sum     atomic.Int64 // nanoseconds
}

func (h *histogram) observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
}

func (h *histogram) expose(e *exposition) {
	var n uint64
	for i := range h.buckets {
		n += h.buckets[i].Load()
		le := "+Inf"
		if i < len(bounds) {
			le = strconv.FormatFloat(bounds[i].Seconds(), 'g', -1, 64)
		}
		e.sample("_bucket", "le", le, float64(n))
	}
	e.sample("_sum", "", "", time.Duration(h.sum.Load()).Seconds())
	e.sample("_count", "", "", float64(n))
}
