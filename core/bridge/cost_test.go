package bridge_test

import (
	"testing"

	"github.com/ws76/ws76/core"
)

// Messages between connections cost no allocation, in whatever dialect each is.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	eachPair(t, func(t *testing.T, from, to core.Dialect) {
		client, server, over := bridged(t, from, to, nil)
		const count = 2000
		data := make([]byte, 125)
		for i := range data {
			data[i] = 'x'
		}
		batch := client.Batch()
		per := testing.AllocsPerRun(5, func() {
			for range count {
				if err := batch.Queue(t.Context(), core.Message{Data: data}); err != nil {
					t.Fatal(err)
				}
			}
			if err := batch.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			for range count {
				if _, err := server.Receive(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		})
		// Some are of the pools, when the collector runs.
		if per > count/20 {
			t.Errorf("%v allocations for %d messages", per, count)
		}
		go server.Receive(t.Context())
		client.Close(t.Context())
		<-over
	})
}
