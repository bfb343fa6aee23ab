package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Bounds of what Check does for those who are not let in.
const (
	maxWaiting  = 32 // passwords that wait to be checked,
	maxOfOne    = 8  // those of one address, with what is being checked
	maxAttempts = 20 // wrong passwords of one address at once,
	refillEvery = 2 * time.Second
	// and one more after each such time. So many addresses are kept apart; the others count as one.
	maxAddresses = 10_000
	maxGood      = 8 // right passwords that are remembered of one address
)

// ErrWrong says that a client is not let in: no password, or not one of a user.
var ErrWrong = errors.New("this server wants a name and a password")

// BusyError says that a password was not checked, and when to come again.
type BusyError struct {
	// Address: too many wrong ones came from the client's address; otherwise too many are being checked.
	Address bool
	Retry   time.Duration
}

func (e *BusyError) Error() string {
	if e.Address {
		return fmt.Sprintf("too many wrong passwords from this address; try again in %v", e.Retry)
	}
	return fmt.Sprintf("too many passwords are being checked; try again in %v", e.Retry)
}

// Grant is what a user who was let in has, until the file of users says otherwise.
type Grant struct {
	User   string
	secret string
	ctx    context.Context
	revoke context.CancelCauseFunc
}

// ErrRevoked is the cause of the end of a Grant's context.
var ErrRevoked = errors.New("the user is gone, or has another password")

// Context ends when the user is gone, or has another password.
func (g *Grant) Context() context.Context { return g.ctx }

// Guard lets users in. Its methods may be called at the same time.
type Guard struct {
	mu        sync.Mutex
	users     *Users
	grants    map[string]*Grant
	free      int     // how many may be checked against bcrypt beside, which takes a core for a while
	queue     []*turn // for that, in the order in which they came
	turns     uint64
	addresses map[string]*address
	swept     time.Time // when those that need not be kept were forgotten last
}

// address is what is known of one.
type address struct {
	attempts float64 // that it has left
	at       time.Time
	pending  int
	turn     uint64 // its last
	good     [][sha256.Size]byte
}

// turn is for a password that waits to be checked.
type turn struct {
	of  *address
	got chan error // nil when it is its turn, errGaveWay when it has to go
}

// errGaveWay says that a password left the queue for that of another address.
var errGaveWay = &BusyError{Retry: time.Second}

// NewGuard returns a Guard of users.
func NewGuard(users *Users) *Guard {
	return &Guard{
		free: max(1, runtime.GOMAXPROCS(0)/2), users: users,
		grants: make(map[string]*Grant), addresses: make(map[string]*address),
	}
}

// Waits reports whether Check may wait.
func (g *Guard) Waits() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.users.Hashed()
}

// Replace makes the Guard one of other users. The grants of those who are not among
// them, or have another password there, end.
func (g *Guard) Replace(users *Users) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.users = users
	for user, grant := range g.grants {
		if users.secret(user) != grant.secret {
			grant.revoke(ErrRevoked)
			delete(g.grants, user)
		}
	}
}

// Check lets in who shows the name and password of a user in field, the value of an Authorization field. from is the
// client's address, without a port. Where there are hashes it may wait for its turn, until ctx ends. Errors: ErrWrong,
// *BusyError, and the cause of ctx.
func (g *Guard) Check(ctx context.Context, from, field string) (*Grant, error) {
	user, password, ok := parse(field)
	if !ok {
		return nil, ErrWrong
	}
	g.mu.Lock()
	users := g.users
	a := g.address(from)
	got := users.digest(user, password)
	right, wrong := users.quick(user, got)
	if right && a.knows(got) {
		defer g.mu.Unlock()
		return g.grant(users, user), nil
	}
	t, err := g.begin(a, !right && !wrong)
	g.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if t != nil {
		right, err = g.slow(ctx, t, func() bool { return users.slow(user, password, got) })
	}

	g.mu.Lock()
	defer g.mu.Unlock()
	if err != errGaveWay {
		a.pending--
	}
	switch {
	case err != nil:
		a.attempts++
		return nil, err
	case !right:
		return nil, ErrWrong
	}
	a.attempts++
	a.remember(got)
	if g.users != users && g.users.secret(user) != users.secret(user) {
		return nil, ErrWrong // meanwhile
	}
	return g.grant(g.users, user), nil
}

// begin takes an attempt of a, and where it waits a turn. The caller has the lock.
func (g *Guard) begin(a *address, waits bool) (t *turn, err error) {
	switch {
	case a.attempts < 1:
		return nil, &BusyError{Address: true, Retry: refillEvery}
	case waits && (a.pending >= maxOfOne || g.free == 0 && len(g.queue) >= maxWaiting && !g.makeWay(a)):
		return nil, &BusyError{Retry: time.Second}
	}
	a.attempts--
	a.pending++
	if waits {
		t = &turn{a, make(chan error, 1)}
		g.queue = append(g.queue, t)
		g.next()
	}
	return t, nil
}

// makeWay makes a place in the queue for a, of the address that has most there, unless
// that would only turn things round. The caller has the lock.
func (g *Guard) makeWay(a *address) bool {
	of, most := -1, a.pending+1
	for i, t := range g.queue {
		if t.of.pending > most || of >= 0 && t.of == g.queue[of].of {
			of, most = i, t.of.pending // the last of them
		}
	}
	if of < 0 {
		return false
	}
	t := g.queue[of]
	g.queue = slices.Delete(g.queue, of, of+1)
	t.of.pending--
	t.got <- errGaveWay
	return true
}

// next gives those their turn who may have it: of the address that has waited longest for one. The caller has the lock.
func (g *Guard) next() {
	for ; g.free > 0 && len(g.queue) > 0; g.free-- {
		of := 0
		for i, t := range g.queue {
			if t.of.turn < g.queue[of].of.turn {
				of = i
			}
		}
		t := g.queue[of]
		g.queue = slices.Delete(g.queue, of, of+1)
		g.turns++
		t.of.turn = g.turns
		t.got <- nil
	}
}

// done ends a turn.
func (g *Guard) done() {
	g.mu.Lock()
	g.free++
	g.next()
	g.mu.Unlock()
}

// slow waits for a turn and checks a password. What is under way cannot be ended: when ctx
// ends it is not waited for, and its turn lasts until it has.
func (g *Guard) slow(ctx context.Context, t *turn, check func() bool) (right bool, err error) {
	select {
	case err = <-t.got:
	case <-ctx.Done():
		g.mu.Lock()
		if i := slices.Index(g.queue, t); i >= 0 {
			g.queue = slices.Delete(g.queue, i, i+1)
			t.got <- context.Cause(ctx)
		}
		g.mu.Unlock()
		err = <-t.got
	}
	if err != nil {
		return false, err
	}
	if ctx.Err() != nil { // both were there
		g.done()
		return false, context.Cause(ctx)
	}
	checked := make(chan bool, 1)
	go func() {
		defer g.done()
		lowered(func() { checked <- check() })
	}()
	select {
	case right = <-checked:
	case <-ctx.Done():
	}
	if !right && ctx.Err() != nil {
		return false, context.Cause(ctx) // nobody has learned anything
	}
	return right, nil
}

// grant returns the grant of a user of users. The caller has the lock.
func (g *Guard) grant(users *Users, user string) *Grant {
	if g.grants[user] == nil {
		ctx, revoke := context.WithCancelCause(context.Background())
		g.grants[user] = &Grant{user, users.secret(user), ctx, revoke}
	}
	return g.grants[user]
}

// address returns what is known of one. The caller has the lock.
func (g *Guard) address(from string) *address {
	now := time.Now()
	if g.addresses[from] == nil && len(g.addresses) >= maxAddresses && now.Sub(g.swept) > time.Second {
		g.swept = now
		for name, a := range g.addresses {
			if a.refill(now); a.attempts >= maxAttempts && a.pending == 0 {
				delete(g.addresses, name)
			}
		}
	}
	if g.addresses[from] == nil && len(g.addresses) >= maxAddresses {
		from = ""
	}
	a := g.addresses[from]
	if a == nil {
		a = &address{attempts: maxAttempts, at: now}
		g.addresses[from] = a
	}
	a.refill(now)
	return a
}

func (a *address) refill(now time.Time) {
	a.attempts = min(maxAttempts, a.attempts+float64(now.Sub(a.at))/float64(refillEvery))
	a.at = now
}

// knows reports whether a password was right before: to show it again is no attempt.
func (a *address) knows(got [sha256.Size]byte) bool {
	return slices.Contains(a.good, got)
}

func (a *address) remember(got [sha256.Size]byte) {
	if a.knows(got) {
		return
	}
	if len(a.good) >= maxGood {
		a.good = a.good[1:]
	}
	a.good = append(a.good, got)
}
