package main

import (
	"crypto/tls"
	"errors"
	"sync/atomic"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core/serve/auth"
	wstls "github.com/ws76/ws76/transports/tls"
)

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

func (s *service) loadTLS(c *cli.Context) error {
	s.tls.cert, s.tls.key, s.tls.min = c.String("tls-cert"), c.String("tls-key"), c.String("tls-min")
	if s.tls.cert == "" && s.tls.key == "" {
		return nil
	}
	if s.tls.cert == "" {
		return app.Usagef("--tls-key needs --tls-cert")
	}
	reach.WarnOldTLS(s.Env, s.tls.min)
	if err := s.tls.load(); err != nil {
		return app.Usage(err)
	}
	s.server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return s.tls.current.Load(), nil
	}}
	return nil
}

// loadUsers reads --auth-file.
func (s *service) loadUsers(name string) error {
	users, err := auth.Load(name)
	if err != nil {
		return err
	}
	if s.guard != nil && users.Hashed() && !s.hashes {
		return errors.New("there are hashes in it now; that needs a restart") // event loops cannot wait for them
	}
	if s.guard == nil {
		s.hashes = users.Hashed()
		s.guard = auth.NewGuard(users)
	} else {
		s.guard.Replace(users)
	}
	return nil
}

// reload reads anew what may have changed. What cannot be read stays as it was, and that it can be read again is said as
// loudly.
func (s *service) reload() {
	if s.notReloaded == nil {
		s.notReloaded = map[string]bool{}
	}
	report := func(what string, err error) {
		switch {
		case err != nil:
			s.Log.Errorf("reloading: %v; the old one stays", err)
		case s.notReloaded[what]:
			s.Log.Errorf("reloaded: %s", what)
		default:
			s.Log.Warnf("reloaded: %s", what)
		}
		s.notReloaded[what] = err != nil
	}
	if s.tls.current.Load() != nil {
		report("the certificate", s.tls.load())
	}
	if s.authFile != "" {
		report("users", s.loadUsers(s.authFile))
	}
	if len(s.scripts) > 0 {
		report("scripts", s.scripts.Reload())
	}
}
