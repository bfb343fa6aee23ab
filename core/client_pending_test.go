package core_test

import (
	"errors"
	"testing"

	"github.com/ws76/ws76/core"
)

// Of servers with unfinished messages the one with the largest is given up, too.
func TestClientPending(t *testing.T) {
	each(t, func(t *testing.T, d core.Dialect) {
		budget := core.NewBudget(500 << 10)
		begin := func(size int) <-chan error {
			cs, ss := streams(t)
			accepted := make(chan error, 1)
			go func() {
				_, err := core.Accept(testContext(t), ss, nil)
				accepted <- err
			}()
			client, err := core.Client(testContext(t), cs, "ws://example.com/", &core.DialOptions{Dialect: d, Pending: budget})
			if err == nil {
				err = <-accepted
			}
			if err != nil {
				t.Fatal(err)
			}
			head := []byte{0}
			if d == core.RFC6455 {
				head = []byte{0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 0} // 1 MiB are to come
			}
			received := make(chan error, 1)
			go func() {
				_, err := client.Receive(testContext(t))
				received <- err
			}()
			go ss.Write(append(head, make([]byte, size)...))
			return received
		}
		begin(100 << 10)
		large := begin(800 << 10)
		if err := <-large; !errors.Is(err, core.ErrPendingFull) {
			t.Error(err)
		}
		if _, givenUp := budget.Held(); givenUp != 1 {
			t.Errorf("%d were given up", givenUp)
		}
	})
}
