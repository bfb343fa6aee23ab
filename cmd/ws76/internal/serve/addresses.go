package serve

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
)

// activated returns the addresses of the sockets that systemd has opened for this
// process: descriptors from 3 on, see sd_listen_fds(3).
func activated(getenv func(string) string, pid int) ([]string, error) {
	const first, most = 3, 1000
	if p, err := strconv.Atoi(getenv("LISTEN_PID")); err != nil || p != pid {
		return nil, nil
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > most {
		return nil, app.Usagef("LISTEN_FDS=%q: want the number of sockets, at most %d", getenv("LISTEN_FDS"), most)
	}
	addrs := make([]string, n)
	for i := range addrs {
		addrs[i] = fmt.Sprintf("fd:%d", first+i)
	}
	return addrs, nil
}

// addresses puts together what the command line and systemd say.
func addresses(e *reach.Env, args, more []string) ([]string, error) {
	if len(args) > 1 {
		return nil, app.Usagef("serve takes one address, got %q", args)
	}
	sockets, err := activated(e.Getenv, os.Getpid())
	if err != nil {
		return nil, err
	}
	addrs := append(args[:len(args):len(args)], more...)
	for _, socket := range sockets {
		if !slices.Contains(addrs, socket) { // a descriptor can be used once
			addrs = append(addrs, socket)
		}
	}
	if len(addrs) == 0 {
		addrs = []string{listen.DefaultAddr}
	}
	return addrs, nil
}

// checkProtocols refuses names that could not stand in an answer, or be asked for.
func checkProtocols(names []string) error {
	for _, name := range names {
		if name == "" || strings.Trim(name, " ") != name || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c > '~' || c == ',' }) {
			return app.Usagef("--protocol %q: a sub-protocol is printable ASCII without commas, and without blanks around it", name)
		}
	}
	return nil
}
