package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

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
	for range cap(g.slots) {
		g.slots <- struct{}{} // all are busy
	}
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
	for range cap(g.slots) {
		<-g.slots
	}
	for i := range 20 {
		if a := g.addresses[fmt.Sprint(i)]; a.attempts < maxAttempts || a.pending != 0 {
			t.Errorf("address %d has %v attempts left, %d pending", i, a.attempts, a.pending)
		}
	}
	if grant, err := g.Check(t.Context(), "0", basic("ann", "secret")); err != nil || grant.User != "ann" {
		t.Errorf("%v, %v", grant, err)
	}
}

// An address has so many attempts, others have theirs; who has been let in goes on.
func TestGuardAttempts(t *testing.T) {
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
