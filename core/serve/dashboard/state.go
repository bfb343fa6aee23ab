package dashboard

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// fresh is how long an answer of the Source is good for: however many look, it is asked twice a second.
	fresh = 500 * time.Millisecond
	// maxRows bounds the channels and the connections of one answer. The page
	// cannot show more in a way that helps; a filter finds the others.
	maxRows = 200
	// maxFilter bounds the filter, in bytes.
	maxFilter = 256
)

// snapshot is what a Source said at a time.
type snapshot struct {
	at       time.Time
	status   Status
	channels []Channel
	conns    []Conn
}

// state is the answer to /api/state. Counts are totals; the page makes rates of two answers and the time between.
type state struct {
	Run     string    `json:"run"` // of the server: another one after a restart
	Version string    `json:"version"`
	Time    time.Time `json:"time"`
	Started time.Time `json:"started"`
	Status  struct {
		MessagesIn  uint64 `json:"messagesIn"`
		MessagesOut uint64 `json:"messagesOut"`
		BytesIn     uint64 `json:"bytesIn"`
		BytesOut    uint64 `json:"bytesOut"`
		Dropped     uint64 `json:"dropped"`
		Refused     uint64 `json:"refused"`
	} `json:"status"`
	Dialects map[string]int `json:"dialects"` // open connections
	// How many channels and connections there are, and match the filter.
	ChannelsTotal   int           `json:"channelsTotal"`
	ChannelsMatched int           `json:"channelsMatched"`
	ConnsTotal      int           `json:"connsTotal"`
	ConnsMatched    int           `json:"connsMatched"`
	Channels        []channelJSON `json:"channels"` // by name
	Conns           []connJSON    `json:"conns"`    // newest first
}

type channelJSON struct {
	Name        string `json:"name"`
	Publishers  int    `json:"publishers"`
	Subscribers int    `json:"subscribers"`
	Messages    uint64 `json:"messages"`
	Bytes       uint64 `json:"bytes"`
	Dropped     uint64 `json:"dropped"`
}

type connJSON struct {
	ID          uint64    `json:"id"`
	Channel     string    `json:"channel"`
	Mode        string    `json:"mode"`
	Dialect     string    `json:"dialect"`
	Transport   string    `json:"transport"`
	Address     string    `json:"address"`
	Secure      bool      `json:"secure"`
	Opened      time.Time `json:"opened"`
	MessagesIn  uint64    `json:"messagesIn"`
	MessagesOut uint64    `json:"messagesOut"`
	BytesIn     uint64    `json:"bytesIn"`
	BytesOut    uint64    `json:"bytesOut"`
	Dropped     uint64    `json:"dropped"`
	Queued      int       `json:"queued"`
}

// serveState answers what there is now. ?q= is part of what is looked for: the name of a channel; channel, address,
// dialect or transport of a connection. With ?channel= the connections are that channel's, and it is among the channels
// even when there are too many.
func (h *Handler) serveState(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	q, channel := query.Get("q"), query.Get("channel")
	if len(q) > maxFilter || len(channel) > maxFilter {
		http.Error(w, "the filter is too long", http.StatusBadRequest)
		return
	}
	body, err := json.Marshal(h.state(strings.ToLower(q), channel))
	if err != nil { // a year beyond 9999
		http.Error(w, "writing the state: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(body)
}

// look returns what the Source says, at most fresh ago. The slices are shared and not to be changed.
func (h *Handler) look() snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if now.Sub(h.cached.at) < fresh {
		return h.cached
	}
	// New slices: answers that are under way still read the old ones.
	s := snapshot{at: now, status: h.options.Source.Status()}
	s.channels = slices.AppendSeq(make([]Channel, 0, len(h.cached.channels)+16), h.options.Source.Channels)
	s.conns = slices.AppendSeq(make([]Conn, 0, len(h.cached.conns)+16), h.options.Source.Conns)
	slices.SortFunc(s.channels, func(a, b Channel) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.conns, func(a, b Conn) int { return cmp.Compare(b.ID, a.ID) })
	h.cached = s
	return s
}

func (h *Handler) state(q, channel string) *state {
	s := h.look()
	out := &state{
		Run: h.run, Version: h.options.Version, Time: s.at, Started: s.status.Started, Dialects: map[string]int{},
		ChannelsTotal: len(s.channels), ConnsTotal: len(s.conns), Channels: []channelJSON{}, Conns: []connJSON{},
	}
	out.Status.MessagesIn, out.Status.MessagesOut = s.status.MessagesIn, s.status.MessagesOut
	out.Status.BytesIn, out.Status.BytesOut = s.status.BytesIn, s.status.BytesOut
	out.Status.Dropped, out.Status.Refused = s.status.Dropped, s.status.Refused
	for _, c := range s.channels {
		matched := contains(c.Name, q)
		if matched {
			out.ChannelsMatched++
		}
		if matched && out.ChannelsMatched <= maxRows || c.Name == channel {
			out.Channels = append(out.Channels, channelJSON(c))
		}
	}
	for _, c := range s.conns {
		out.Dialects[c.Dialect]++
		matched := c.Channel == channel
		if channel == "" {
			matched = contains(c.Channel, q) || contains(c.Address, q) || contains(c.Dialect, q) || contains(c.Transport, q)
		}
		if matched {
			out.ConnsMatched++
		}
		if matched && out.ConnsMatched <= maxRows {
			out.Conns = append(out.Conns, connJSON{
				c.ID, c.Channel, c.Mode, c.Dialect, c.Transport, c.Address, c.Secure, c.Opened,
				c.MessagesIn, c.MessagesOut, c.BytesIn, c.BytesOut, c.Dropped, c.Queued,
			})
		}
	}
	return out
}

// contains ignores case; q is in small letters already.
func contains(s, q string) bool { return q == "" || strings.Contains(strings.ToLower(s), q) }

// etag lets a browser keep a file for as long as it is the same.
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}
