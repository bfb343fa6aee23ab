package reach

import (
	"strings"

	"github.com/ws76/ws76/transports/wifly"
)

// Adopt has a module's transport keep the books of this process.
func (e *Env) Adopt(t *wifly.Transport) {
	t.Ledger = e.Modules
	t.Notice = func(text string) { e.Log.Warnf("wifly: %s", text) }
	if e.UART != nil {
		t.Open = e.UART
	}
}

// SayLeft says what was not put back in modules, whatever has ended the command, and what
// does that. With hurried it does not wait for what is being put back still.
func (e *Env) SayLeft(hurried bool) {
	if !hurried {
		e.Modules.Settle()
	}
	for _, left := range e.Modules.Left() {
		port := quoteShell(left.URL)
		var undone []string
		if len(left.Settings) > 0 {
			undone = append(undone, "these settings could not be put back, they last until the module reboots: "+strings.Join(left.Settings, ", "))
		}
		if left.Open {
			undone = append(undone, "the module's TCP connection may be open")
		}
		if left.Away {
			undone = append(undone, "the module may have left its network")
		}
		if len(undone) > 0 {
			var commands []string
			for _, command := range left.Commands {
				commands = append(commands, quoteShell(command))
			}
			e.Log.Errorf("wifly: %s; this mends it, where the module answers: ws76 wifly send -p %s %s", strings.Join(undone, "; "), port, strings.Join(commands, " "))
		}
		if left.Saved {
			e.Log.Errorf("wifly: the new settings may be saved, and were not verified; this shows them: ws76 wifly info -p %s", port)
		}
		if left.Command && len(undone) == 0 {
			e.Log.Errorf("wifly: the module is left in command mode; this has it leave that: ws76 wifly info -p %s", port)
		}
	}
}

// quoteShell is text as a word for a shell.
func quoteShell(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
