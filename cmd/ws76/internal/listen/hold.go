package listen

import (
	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/core"
)

// HoldFlags bound what a client can hold of a server while it does nothing. What
// --max-pending bounds differs.
func HoldFlags(category, pending string) []cli.Flag {
	return []cli.Flag{
		flags.Size(cli.GenericFlag{Name: "max-pending", Category: category, Usage: pending + "; --max-message where that is more"}, 256<<20),
		flags.Time(cli.GenericFlag{Name: "message-timeout", Category: category, Usage: "allow `TIME` for a message to arrive, from its first byte to its last (0: any)"}, core.DefaultMessageTimeout),
		flags.Time(cli.GenericFlag{Name: "write-timeout", Category: category, Usage: "end a connection that takes nothing of what is sent to it for `TIME` (0: never)"}, core.DefaultWriteTimeout),
	}
}

// PendingBudget returns what --max-pending bounds.
func PendingBudget(c *cli.Context) (*core.Budget, error) {
	n, err := PendingLimit(c)
	return core.NewBudget(n), err
}

// PendingLimit returns --max-pending. A largest message is what it lets through at least,
// where it does not say otherwise.
func PendingLimit(c *cli.Context) (int64, error) {
	pending, message := flags.Bytes(c, "max-pending"), flags.Bytes(c, "max-message")
	if pending < message {
		if c.IsSet("max-pending") {
			return 0, app.Usagef("--max-pending %v: a message of --max-message %v could never arrive; want no less than that", flags.FormatBytes(pending), flags.FormatBytes(message))
		}
		pending = message
	}
	return pending, nil
}
