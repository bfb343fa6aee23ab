// Package front is what stands before a command that lets clients in: who may come in,
// certificates, scripts that have a say in it, and the log of whom it refused and what was lost.
package front

import (
	"crypto/tls"
	"errors"
	"net/http"
	"sync/atomic"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve/auth"
	"github.com/ws76/ws76/core/serve/channels"
	"github.com/ws76/ws76/core/serve/gate"
	"github.com/ws76/ws76/scripts"
	wstls "github.com/ws76/ws76/transports/tls"
)

// Front is what stands before whoever lets clients in: who may come in, certificates, scripts that have a say in it,
// and the log of whom it refused and what was lost. Its reload reads anew what may have changed.
type Front struct {
	*reach.Env
	Gate    *gate.Gate
	Secure  *tls.Config // nil: no TLS
	Scripts scripts.Set

	Forwarded bool        // --trust-forwarded
	Guard     *auth.Guard // of the gate; nil: everybody may come in
	hashes    bool        // there were some among its users at the start
	tls       reloadedTLS

	authFile    string
	notReloaded map[string]bool // what could not be read the last time; of reload

	TurnedAway RefusalLog
	Drops      dropLog
}

// Open reads who may come in. messages reports whether plain HTTP finds messages at a resource; nil: nowhere.
func (f *Front) Open(o *Options, messages func(resource string) bool) error {
	f.Forwarded, f.TurnedAway.log, f.Drops.log = o.Forwarded, f.Log, f.Log
	g, err := listen.Gate(o.Origins, o.Hosts)
	if err != nil {
		return err
	}
	g.Forwarded, g.Client, g.Messages, g.Everybody = f.Forwarded, f.RemoteName, messages, "/healthz"
	if g.Public, err = o.Public(); err != nil {
		return err
	}
	if f.authFile = o.AuthFile; f.authFile != "" {
		if err := f.loadUsers(f.authFile); err != nil {
			return app.Usage(err)
		}
	}
	f.Gate, g.Users = g, f.Guard
	return f.loadTLS(o)
}

// Close says what is left to say of refusals and losses.
func (f *Front) Close() {
	f.Drops.close()
	f.TurnedAway.close()
}

// Ask lets on_handshake refuse a request, or choose a sub-protocol.
func (f *Front) Ask(p *scripts.Peer, r *hixie.Request) (protocol string, refusal *core.Refusal) {
	answer := f.Scripts.Handshake(p, r)
	switch {
	case answer == nil:
		return "", nil
	case answer.Status == 0 || answer.Status == http.StatusSwitchingProtocols:
		return answer.Protocol, nil
	}
	text := answer.Body
	if text == "" {
		text = "refused by a script"
	}
	return "", &core.Refusal{Status: answer.Status, Reason: http.StatusText(answer.Status), Text: text}
}

// reloadedTLS is a TLS configuration whose certificate can be read anew.
type reloadedTLS struct {
	cert, key, min string
	current        atomic.Pointer[tls.Config]
}

func (r *reloadedTLS) load() error {
	config, err := wstls.ServerConfig(r.cert, r.key, r.min)
	if err != nil {
		return err
	}
	r.current.Store(config)
	return nil
}

func (f *Front) loadTLS(o *Options) error {
	f.tls.cert, f.tls.key, f.tls.min = o.TLSCert, o.TLSKey, o.TLSMin
	if f.tls.cert == "" && f.tls.key == "" {
		return nil
	}
	if f.tls.cert == "" {
		return app.Usagef("--tls-key needs --tls-cert")
	}
	reach.WarnOldTLS(f.Log, f.tls.min)
	if err := f.tls.load(); err != nil {
		return app.Usage(err)
	}
	f.Secure = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return f.tls.current.Load(), nil
	}}
	return nil
}

// loadUsers reads --auth-file.
func (f *Front) loadUsers(name string) error {
	users, err := auth.Load(name)
	if err != nil {
		return err
	}
	if f.Guard != nil && users.Hashed() && !f.hashes {
		return errors.New("there are hashes in it now; that needs a restart") // event loops cannot wait for them
	}
	if f.Guard == nil {
		f.hashes = users.Hashed()
		f.Guard = auth.NewGuard(users)
	} else {
		f.Guard.Replace(users)
	}
	return nil
}

// Reload reads anew what may have changed. What cannot be read stays as it was, and that it can be read again is said as
// loudly.
func (f *Front) Reload() {
	if f.notReloaded == nil {
		f.notReloaded = map[string]bool{}
	}
	report := func(what string, err error) {
		switch {
		case err != nil:
			f.Log.Errorf("reloading: %v; the old one stays", err)
		case f.notReloaded[what]:
			f.Log.Errorf("reloaded: %s", what)
		default:
			f.Log.Warnf("reloaded: %s", what)
		}
		f.notReloaded[what] = err != nil
	}
	if f.tls.current.Load() != nil {
		report("the certificate", f.tls.load())
	}
	if f.authFile != "" {
		report("users", f.loadUsers(f.authFile))
	}
	if len(f.Scripts) > 0 {
		report("scripts", f.Scripts.Reload())
	}
}

// NotFound refuses a request for what is not there.
func NotFound(err error) *core.Refusal {
	return &core.Refusal{Status: 404, Reason: "Not Found", Text: err.Error()}
}

// UserOf is the name of a user, "" without --auth-file.
func UserOf(grant *auth.Grant) string {
	if grant == nil {
		return ""
	}
	return grant.User
}

// IsChannel reports whether plain HTTP finds messages there.
func IsChannel(resource string) bool {
	_, below, _ := channels.ParsePath(resource)
	return below
}
