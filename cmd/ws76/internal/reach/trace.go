package reach

import (
	"encoding/hex"
	"log/slog"
	"strings"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// SecretFields are shown without their value, however much is shown.
var SecretFields = []string{"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie"}

// Trace shows handshakes with -vv and frames with -vvv. role is whose side this is.
func (e *Env) Trace(role string) *core.Trace {
	if !e.Log.Enabled(slog.LevelInfo) {
		return nil
	}
	t := &core.Trace{Note: func(text string) { e.Log.Infof("%s", text) }}
	sent, got := ">", "<"
	if role == "server" {
		sent, got = got, sent
	}
	if e.Log.Enabled(slog.LevelDebug) {
		t.Request = func(r *hixie.Request) {
			e.Log.Debugf("%s %s %s %s", sent, r.Method, r.Resource, r.Proto)
			e.traceFields(sent, r.Fields)
		}
		t.Response = func(r *hixie.Response) {
			e.Log.Debugf("%s %s %03d %s", got, r.Proto, r.Status, r.Reason)
			e.traceFields(got, r.Fields)
		}
	}
	if e.Log.Enabled(app.LevelTrace) {
		t.Frame = func(sent bool, typ byte, payload []byte) {
			way := "received"
			if sent {
				way = "sent"
			}
			if e.Log.JSON == nil { // which has a time of its own
				way = time.Now().Format("15:04:05.000000 ") + way
			}
			e.Log.Tracef("%s frame 0x%02X, %d bytes%s", way, typ, len(payload), app.Own(hexOf(payload)))
		}
	}
	return t
}

func (e *Env) traceFields(mark string, fields hixie.Fields) {
	for _, f := range fields {
		value := f.Value
		for _, name := range SecretFields {
			if strings.EqualFold(f.Name, name) {
				value = "(hidden)"
			}
		}
		e.Log.Debugf("%s %s: %s", mark, f.Name, value)
	}
}

func hexOf(p []byte) string {
	if len(p) == 0 {
		return ""
	}
	return "\n" + strings.TrimSuffix(hex.Dump(p), "\n")
}
