package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func parse1(t *testing.T, lines ...string) *Users {
	t.Helper()
	u, err := Parse([]byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func hashOf(t *testing.T, password string, cost int) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

// Those who hang up take no attempt, no time and no place from others.
func TestGuardGivesUp(t *testing.T) {
	g := NewGuard(parse1(t, "ann:"+hashOf(t, "secret", 4)))
	free := g.free
	g.free = 0
	ctx, hangUp := context.WithCancelCause(t.Context())
	defer hangUp(nil)
	gone := errors.New("gone")
	var left, busy atomic.Int32
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			_, err := g.Check(ctx, fmt.Sprint(i%20), basic("ann", "wrong"))
			var b *BusyError
			switch {
			case err == gone:
				left.Add(1)
			case errors.As(err, &b) && !b.Address && b.Retry > 0:
				if busy.Add(1) == 200-maxWaiting {
					hangUp(gone)
				}
			default:
				t.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	if left.Load() != maxWaiting {
		t.Errorf("%d waited, want %d", left.Load(), maxWaiting)
	}
	g.free = free
	for i := range 20 {
		if a := g.addresses[fmt.Sprint(i)]; a.attempts < maxAttempts || a.pending != 0 {
			t.Errorf("address %d has %v attempts left, %d pending", i, a.attempts, a.pending)
		}
	}
	if grant, err := g.Check(t.Context(), "0", basic("ann", "secret")); err != nil || grant.User != "ann" {
		t.Errorf("%v, %v", grant, err)
	}
}

// The queue is shared by addresses: those who have most there make way for one that has
// nothing, whose turn comes before their next.
func TestGuardShares(t *testing.T) {
	const addresses = 5
	step := make(chan struct{})
	var order []string
	defer func(was func([]byte, []byte) error) { compare = was }(compare)
	compare = func(_, password []byte) error {
		<-step
		order = append(order, string(password))
		if string(password) == "secret" {
			return nil
		}
		return bcrypt.ErrMismatchedHashAndPassword
	}
	g := NewGuard(parse1(t, "ann:"+hashOf(t, "secret", 4)))
	g.free = 1
	var all sync.WaitGroup
	var busy atomic.Int32
	for i := range 100 {
		all.Go(func() {
			_, err := g.Check(t.Context(), fmt.Sprint(i%addresses), basic("ann", "wrong"))
			var b *BusyError
			switch {
			case errors.As(err, &b):
				busy.Add(1)
			case err != ErrWrong:
				t.Error(err)
			}
		})
	}
	eventually(t, func() bool { return busy.Load() == 100-maxWaiting-1 })
	all.Go(func() {
		if _, err := g.Check(t.Context(), "new", basic("ann", "secret")); err != nil {
			t.Errorf("who is new: %v", err)
		}
	})
	eventually(t, func() bool { return busy.Load() == 100-maxWaiting }) // one gave way
	close(step)
	all.Wait()
	if at := slices.Index(order, "secret"); at < 0 || at > 1+addresses || len(order) != maxWaiting+1 {
		t.Errorf("of %d that were checked it was number %d", len(order), at)
	}
	for name, a := range g.addresses {
		if a.pending != 0 {
			t.Errorf("address %s has %d pending", name, a.pending)
		}
	}
}

func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it was waited in vain")
		}
	}
}

// A check that takes long holds up nobody who need not wait for it: the server stops.
func TestGuardLeavesWhatIsChecked(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	defer func(was func([]byte, []byte) error) { compare = was }(compare)
	compare = func(_, _ []byte) error {
		close(begun)
		<-end
		return bcrypt.ErrMismatchedHashAndPassword
	}
	g := NewGuard(parse1(t, "ann:"+hashOf(t, "secret", 4)))
	free := g.free
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-begun
		stop()
	}()
	if _, err := g.Check(ctx, "here", basic("ann", "wrong")); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	close(end)
	eventually(t, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.free == free
	})
}

// An address has so many attempts, others have theirs; who has been let in goes on.
func TestGuardAttempts(t *testing.T) {
	// Attempts are forgotten after a while, in which a slow machine has not tried many.
	defer func(was func([]byte, []byte) error) { compare = was }(compare)
	compare = func(_, password []byte) error {
		if string(password) == "secret" {
			return nil
		}
		return bcrypt.ErrMismatchedHashAndPassword
	}
	for name, line := range map[string]string{"plain": "ann:secret", "hashed": "ann:" + hashOf(t, "secret", 4)} {
		g := NewGuard(parse1(t, line))
		if _, err := g.Check(t.Context(), "here", basic("ann", "secret")); err != nil {
			t.Fatal(name, err)
		}
		wrong, refused := 0, 0
		for i := range 2 * maxAttempts {
			_, err := g.Check(t.Context(), "here", basic("ann", fmt.Sprint(i)))
			var busy *BusyError
			switch {
			case err == ErrWrong:
				wrong++
			case errors.As(err, &busy) && busy.Address:
				refused++
			default:
				t.Fatal(name, err)
			}
		}
		if wrong < maxAttempts || refused == 0 {
			t.Errorf("%s: %d wrong, %d refused", name, wrong, refused)
		}
		if _, err := g.Check(t.Context(), "here", basic("ann", "secret")); err != nil {
			t.Errorf("%s: who has been let in is refused: %v", name, err)
		}
		if _, err := g.Check(t.Context(), "there", basic("ann", "secret")); err != nil {
			t.Errorf("%s: another address: %v", name, err)
		}
	}
}

// TestSlowIsTheSame: a wrong password costs as many rounds for every kind of user.
func TestSlowIsTheSame(t *testing.T) {
	u := parse1(t, "plain:secret", "cheap:"+hashOf(t, "secret", 4), "dear:"+hashOf(t, "secret", 7))
	rounds := 0
	defer func(was func([]byte, []byte) error) { compare = was }(compare)
	compare = func(hash, password []byte) error {
		cost, err := bcrypt.Cost(hash)
		if err != nil {
			t.Errorf("%s: %v", hash, err)
		}
		rounds += 1 << cost
		return bcrypt.ErrMismatchedHashAndPassword
	}
	for _, user := range []string{"plain", "cheap", "dear", "none"} {
		rounds = 0
		if _, err := NewGuard(u).Check(t.Context(), "x", basic(user, "wrong")); err != ErrWrong {
			t.Error(user, err)
		}
		if rounds != 1<<7 {
			t.Errorf("%s: %d rounds", user, rounds)
		}
	}
	compare = bcrypt.CompareHashAndPassword
	for cost := 4; cost <= 7; cost++ { // it does the rounds, and is no password's
		if err := compare(nobody(cost), []byte("")); err != bcrypt.ErrMismatchedHashAndPassword {
			t.Errorf("cost %d: %v", cost, err)
		}
	}
}

// A grant ends when its user is gone or has another password, and not otherwise.
func TestReplace(t *testing.T) {
	hash := hashOf(t, "secret", 4)
	g := NewGuard(parse1(t, "stays:a", "goes:b", "changes:c", "hashed:"+hash, "rehashed:"+hash))
	grants := map[string]*Grant{}
	for user, password := range map[string]string{"stays": "a", "goes": "b", "changes": "c", "hashed": "secret", "rehashed": "secret"} {
		grant, err := g.Check(t.Context(), user, basic(user, password))
		if err != nil {
			t.Fatal(user, err)
		}
		grants[user] = grant
	}
	g.Replace(parse1(t, "stays:a", "changes:d", "hashed:"+hash, "rehashed:"+hashOf(t, "other", 4)))
	for user, over := range map[string]bool{"stays": false, "goes": true, "changes": true, "hashed": false, "rehashed": true} {
		if err := context.Cause(grants[user].Context()); (err != nil) != over || over && err != ErrRevoked {
			t.Errorf("%s: %v", user, err)
		}
	}
	if again, err := g.Check(t.Context(), "x", basic("stays", "a")); err != nil || again != grants["stays"] {
		t.Errorf("another grant, %v", err)
	}
	if _, err := g.Check(t.Context(), "x", basic("goes", "b")); err != ErrWrong {
		t.Error(err)
	}
}

// Whoever comes from very many addresses does not fill the memory.
func TestAddressesAreBounded(t *testing.T) {
	g := NewGuard(parse1(t, "ann:secret"))
	for i := range 3 * maxAddresses {
		g.Check(t.Context(), fmt.Sprint(i), basic("ann", "wrong"))
	}
	if n := len(g.addresses); n > maxAddresses+1 {
		t.Errorf("%d addresses", n)
	}
}
