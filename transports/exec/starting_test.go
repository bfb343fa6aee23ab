package exec

import (
	"context"
	"errors"
	"testing"
)

// A program whose turn to be started has not come when it is not wanted any more is not started.
func TestStartGivesUp(t *testing.T) {
	for range cap(starting) {
		starting <- struct{}{}
	}
	defer func() {
		for range cap(starting) {
			<-starting
		}
	}()
	gone := errors.New("gone")
	ctx, stop := context.WithCancelCause(t.Context())
	failed := make(chan error)
	go func() {
		child, err := (&Command{Shell: "exit"}).Start(ctx)
		if err == nil {
			child.Close()
		}
		failed <- err
	}()
	stop(gone)
	if err := <-failed; !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}
