package front

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core"
)

// Bounds of what is said of refusals: of one address within a period, and the addresses that are told apart.
const (
	maxSaid      = 10
	maxAddresses = 1000
	refusalsFor  = 10 * time.Second
)

// RefusalLog says whom a server refused: something new of an address at once, what it
// does again and again once in a while, in one line. It is safe for concurrent use.
type RefusalLog struct {
	log *app.Logger
	summary
	of map[string]*refusals
}

// refusals are those of an address.
type refusals struct {
	said []string
	more int
	last string
}

// TurnAway says that a client at remote was refused with err, behind prefix.
func (f *Front) TurnAway(prefix string, remote net.Addr, err error) {
	name := PeerName(remote)
	var handshake *core.HandshakeError
	if errors.As(err, &handshake) {
		name = f.RemoteName(remote, handshake.Fields)
	}
	f.TurnedAway.Add(prefix, name, err)
}

// Add says that the client at remote, for whom name stands in the log, was refused.
func (r *RefusalLog) Add(prefix, name string, err error) {
	text := fmt.Sprint(r.log.Foreign(slog.LevelWarn, []any{err})...)
	address := name
	if host, _, err := net.SplitHostPort(name); err == nil {
		address = host
	}
	if !r.count(address, text) {
		r.log.Warnf("%s%s: %v", app.Own(prefix), name, err)
	}
}

// count counts a refusal and reports whether it will be said with others.
func (r *RefusalLog) count(address, text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	if r.of == nil {
		r.of = make(map[string]*refusals)
	}
	of := r.of[address]
	if of == nil && len(r.of) >= maxAddresses {
		address = "other addresses"
		of = r.of[address]
	}
	if of == nil {
		of = &refusals{}
		r.of[address] = of
	}
	r.after(refusalsFor, r.flush)
	if len(of.said) >= maxSaid || slices.Contains(of.said, text) {
		of.more++
		of.last = text
		return true
	}
	of.said = append(of.said, text)
	return false
}

// flush sums up a period.
func (r *RefusalLog) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for address, of := range r.of {
		if of.more > 0 {
			r.log.Warnf("%s: refused %d times more within %v, the last time: %s", address, of.more, refusalsFor, app.Own(of.last))
		}
	}
	clear(r.of)
	r.timer = nil
}

// close says what is left to say.
func (r *RefusalLog) close() { r.end(r.flush) }
