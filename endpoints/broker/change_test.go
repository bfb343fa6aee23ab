package broker

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// Everybody who has looked under the lock is told of what comes after, and the first context that ends is the cause.
func TestChange(t *testing.T) {
	var mu sync.Mutex
	var change Change
	value := 0
	var waiting sync.WaitGroup
	for range 8 {
		waiting.Go(func() {
			for {
				mu.Lock()
				got, changed := value, change.Next()
				mu.Unlock()
				if got == 100 {
					return
				}
				if err := Await(t.Context(), context.Background(), changed); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 100 {
		mu.Lock()
		value++
		change.Tell()
		mu.Unlock()
	}
	waiting.Wait()

	why := errors.New("it has ended")
	ended, end := context.WithCancelCause(context.Background())
	end(why)
	for _, c := range [][2]context.Context{{ended, context.Background()}, {context.Background(), ended}} {
		if err := Await(c[0], c[1], change.Next()); err != why {
			t.Errorf("%v, want %v", err, why)
		}
	}
}
