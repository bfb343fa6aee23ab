// Package softmodule makes a WiFly module in software of what a command line says.
package softmodule

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/transports/serial"
	rn131 "github.com/ws76/ws76/transports/wifly/module"
)

// HandshakeTimeout bounds a handshake at the rate of a serial line.
const HandshakeTimeout = time.Minute

// Module is a module in software as the command line has it.
type Module struct {
	Port   string   // a serial port; "": a pseudo-terminal
	Link   string   // to that
	File   string   // the file of those that are saved
	Air    []string // the networks that there are, as --network has them
	Server string   // where its own server is, HOST[:PORT]
	Fault  string
	rn131.Options
}

// Prepare fills in the Options, but for those of the port and of TCP connections.
func (o *Module) Prepare(e *reach.Env) error {
	o.Note = func(text string) { e.Log.Infof("%s", text) }
	var err error
	if o.Faults, err = rn131.ParseFaults(o.Fault); err != nil {
		return app.Usagef("--fault: %w", err)
	}
	for _, n := range o.Air {
		n, hidden := strings.CutPrefix(n, "hidden:")
		ssid, phrase, _ := strings.Cut(n, "=")
		network := rn131.Network{SSID: ssid, Phrase: phrase, Hidden: hidden}
		if key, ok := strings.CutPrefix(phrase, "wep:"); ok {
			if _, err := hex.DecodeString(key); err != nil || len(key) != 26 {
				return app.Usagef("--network %s=wep:…: want 26 hex digits", ssid)
			}
			network.Phrase, network.Auth = key, 1
		}
		o.Networks = append(o.Networks, network)
	}
	if addr := o.Server; addr != "" {
		host, port, err := splitListen(addr)
		if err != nil {
			return err
		}
		if a, err := netip.ParseAddr(host); err == nil && a.Is4() && !a.IsUnspecified() {
			o.IP = a
		}
		o.Listen = func(ctx context.Context, wanted int) (net.Listener, error) {
			at := port
			if at == "" {
				at = strconv.Itoa(wanted)
			}
			return listen.On(ctx, net.JoinHostPort(host, at), e.OpenTransport)
		}
	}
	if file := o.File; file != "" {
		stored, err := textfile.Read(file, 0)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("--settings: %w", err)
		}
		o.Settings = string(stored)
		o.Save = func(settings string) error { return writeSettings(file, settings) }
	}
	return nil
}

// splitListen takes HOST, HOST:PORT or :PORT apart.
func splitListen(addr string) (host, port string, err error) {
	if _, err := netip.ParseAddr(addr); err == nil || !strings.Contains(addr, ":") {
		return addr, "", nil
	}
	host, port, err = net.SplitHostPort(addr)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n > 65535 {
		return "", "", app.Usagef("--listen %q: want HOST or HOST:PORT", addr)
	}
	return host, port, nil
}

// writeSettings replaces file as a whole, so that a crash leaves the old or the new one.
func writeSettings(file, text string) error {
	temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // readable by its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // in vain once it is renamed
	_, err = temp.WriteString(text)
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), file)
}

// open opens what the module is served on, and returns its name too.
func (o *Module) open(ctx context.Context) (io.ReadWriteCloser, string, error) {
	raw := o.Port
	if raw == "" {
		pty, err := rn131.OpenPTY()
		if err != nil {
			return nil, "", app.WithCode(app.ExitTransport, fmt.Errorf("%w; say --port with a serial port", err))
		}
		o.HostRate = pty.Rate
		return pty, pty.Path, nil
	}
	if o.Link != "" {
		return nil, "", app.Usagef("--link is for a pseudo-terminal, not for --port")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "serial" {
		return nil, "", app.Usagef("--port %q: want a URL like serial:///dev/ttyUSB0", raw)
	}
	config, err := serial.ParseConfig(u)
	if err != nil {
		return nil, "", app.Usagef("--port: %w", err)
	}
	if o.Baud == 0 && u.Query().Has("baud") {
		o.Baud = config.Baud
	}
	port, err := serial.OpenPort(ctx, config)
	if err != nil {
		return nil, "", app.WithCode(app.ExitTransport, err)
	}
	o.SetRate = port.SetBaud
	return port, config.Path, nil
}

// Running is a module that can be served.
type Running struct {
	*rn131.Module
	Name string // of the terminal or the port that it is on
	port io.ReadWriteCloser
	link string
}

// Start makes the module. Whoever starts one serves it.
func (o *Module) Start(ctx context.Context) (*Running, error) {
	port, name, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	m, err := rn131.New(&o.Options)
	if err != nil {
		port.Close()
		return nil, app.Usage(err)
	}
	if o.Link != "" {
		if err := link(name, o.Link); err != nil {
			port.Close()
			return nil, app.WithCode(app.ExitTransport, err)
		}
	}
	return &Running{m, name, port, o.Link}, nil
}

// Serve answers the host until ctx ends.
func (r *Running) Serve(ctx context.Context) error {
	if r.link != "" {
		defer unlink(r.Name, r.link)
	}
	return app.WithCode(app.ExitTransport, r.Module.Serve(ctx, r.port))
}

// link makes path a symbolic link to the terminal; one that is there is replaced, anything else is not.
func link(name, path string) error {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&fs.ModeSymlink == 0 {
			return fmt.Errorf("--link %q: there is something that is no symbolic link", path)
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("--link: %w", err)
		}
	}
	if err := os.Symlink(name, path); err != nil {
		return fmt.Errorf("--link: %w", err)
	}
	return nil
}

// unlink removes path, unless somebody made another of it.
func unlink(name, path string) {
	if target, err := os.Readlink(path); err == nil && target == name {
		os.Remove(path)
	}
}
