package outcome

import (
	"fmt"
	"testing"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/scripts"
)

// A peer that acknowledges nothing is a lost connection, which may be dialled again, also where its
// own system has not given it up yet.
func TestNotProven(t *testing.T) {
	err := &relay.SideError{Side: relay.B, Op: relay.OpSend, Err: fmt.Errorf("%w within 1m0s", core.ErrNotProven)}
	if Code(err) != app.ExitUnclean || !Retryable(err) {
		t.Errorf("exit code %d, retryable %v", Code(err), Retryable(err))
	}
}

// A program that ends while what it has sent is lost is a lost connection, too.
func TestUndelivered(t *testing.T) {
	if err := error(&scripts.UndeliveredError{NotKnown: 1}); Code(err) != app.ExitUnclean {
		t.Errorf("exit code %d", Code(err))
	}
}
