package listen

import (
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
)

func TestHold(t *testing.T) {
	command := func() *cli.Command {
		return new(app.Env).Command(cli.Command{Name: "x", Flags: append(HoldFlags("", "", ""), reach.MaxMessageFlag(""))})
	}
	read := func(c *cli.Context) *Hold {
		h := ReadHold(c)
		return &h
	}
	apptest.CheckOptions(t, command, read, nil, apptest.Rows[Hold]{
		{[]string{"--max-pending", "1K", "--max-message", "2K"}, func(h *Hold) { h.MaxPending, h.PendingGiven, h.MaxMessage = 1024, true, 2048 }},
		{[]string{"--message-timeout", "0", "--write-timeout", "5"}, func(h *Hold) { h.MessageTimeout, h.WriteTimeout = -1, 5*time.Second }},
	})
	for _, row := range []struct {
		hold Hold
		want int64
	}{{Hold{MaxMessage: 1, MaxPending: 2}, 2}, {Hold{MaxMessage: 3, MaxPending: 2}, 3}, {Hold{MaxMessage: 3, MaxPending: 2, PendingGiven: true}, 0}} {
		if got, err := row.hold.Limit(); got != row.want || (err != nil) != (row.want == 0) {
			t.Errorf("%+v: %d, %v", row.hold, got, err)
		}
	}
}
