package scripts

// event is one of the functions that a script may define.
type event uint8

const (
	onStart event = iota
	onStop
	onHandshake
	onOpen
	onMessage
	onSend
	onFrame
	onClose
	onError
	onLine
	onSave
	onRestore
	numEvents
)

// Events are the names of the functions that a script may define to be called.
var Events = []string{
	onStart: "on_start", onStop: "on_stop", onHandshake: "on_handshake", onOpen: "on_open", onMessage: "on_message",
	onSend: "on_send", onFrame: "on_frame", onClose: "on_close", onError: "on_error", onLine: "on_line",
	onSave: "on_save", onRestore: "on_restore",
}

func (e event) String() string { return Events[e] }
func (e event) bit() uint32    { return 1 << e }
