package listen

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/core"
)

// Hold bounds what a client can hold of a server while it does nothing.
type Hold struct {
	MaxMessage     int64
	MaxPending     int64 // of all that is unfinished
	PendingGiven   bool
	MessageTimeout time.Duration // below 0: any
	WriteTimeout   time.Duration // below 0: any
}

// HoldFlags are those that ReadHold reads, beside --max-message. What --max-pending bounds differs, and whose
// connections and messages are meant, such as " of FROM".
func HoldFlags(category, pending, whose string) []cli.Flag {
	return []cli.Flag{
		flags.Size(cli.GenericFlag{Name: "max-pending", Category: category, Usage: pending + "; --max-message where that is more"}, 256<<20),
		flags.Time(cli.GenericFlag{Name: "message-timeout", Category: category, Usage: "allow `TIME` for a message" + whose + " to arrive, from its first byte to its last (0: any)"}, core.DefaultMessageTimeout),
		flags.Time(cli.GenericFlag{Name: "write-timeout", Category: category, Usage: "end a connection" + whose + " that takes nothing of what is sent to it for `TIME` (0: never)"}, core.DefaultWriteTimeout),
	}
}

// ReadHold reads the bounds of a command line.
func ReadHold(c *cli.Context) Hold {
	return Hold{
		MaxMessage: flags.Bytes(c, "max-message"), MaxPending: flags.Bytes(c, "max-pending"), PendingGiven: c.IsSet("max-pending"),
		MessageTimeout: flags.Bound(c, "message-timeout"), WriteTimeout: flags.Bound(c, "write-timeout"),
	}
}

// Budget is what MaxPending bounds.
func (h *Hold) Budget() (*core.Budget, error) {
	n, err := h.Limit()
	return core.NewBudget(n), err
}

// Limit is MaxPending. A largest message is what it lets through at least, where it does not say otherwise.
func (h *Hold) Limit() (int64, error) {
	if h.MaxPending < h.MaxMessage && h.PendingGiven {
		return 0, app.Usagef("--max-pending %v: a message of --max-message %v could never arrive; want no less than that", flags.FormatBytes(h.MaxPending), flags.FormatBytes(h.MaxMessage))
	}
	return max(h.MaxPending, h.MaxMessage), nil
}
