// Package replay is ws76 replay: recordings of connections, printed and played.
package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
	"github.com/ws76/ws76/cmd/ws76/internal/output"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/relay/record"
	"github.com/ws76/ws76/core/relay/recording"
	"github.com/ws76/ws76/core/serve/gate"
	"github.com/ws76/ws76/internal/accept"
)

// Command is ws76 replay.
func Command(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "replay",
		Usage:     "print a recording, or play one side of it to a peer",
		ArgsUsage: "FILE [URL]",
		UsageText: `ws76 replay session.jsonl                                 print its messages
ws76 replay session.jsonl --dir in --format '%T %d\n'     what was received, with times
ws76 replay session.jsonl ws://device.local/              send again what the client sent
ws76 replay session.jsonl ws://new/ --check --speed max   is the new server like the old one?
ws76 replay session.jsonl --listen :8076                  play the server to a device`,
		Description: "FILE is what --record wrote, or lines of --out json; - is standard input, to be printed. " +
			"With a URL the messages of one side, the client's, are sent as they were recorded, with the same pauses; " +
			"with --listen those of the server, to the first client that connects. What the peer sends is printed.\n\n" +
			"With --check it is compared with the recording instead, and nothing is printed. Each message waits until what came " +
			"before it in the recording has come now. The first difference ends it: exit code 9.",
		Flags:  ownFlags(),
		Action: func(c *cli.Context) error { return run(c.Context, e, read(c)) },
	}, app.ExitConnect, app.ExitHandshake, app.ExitTimeout, app.ExitUnclean, app.ExitProtocol, app.ExitExpect, app.ExitTransport, app.ExitInterrupt, app.ExitTerminate)
}

func ownFlags() []cli.Flag {
	const printing, playing = "Printing", "Playing"
	return slices.Concat([]cli.Flag{
		&cli.IntFlag{Name: "conn", Usage: "take connection `N` of the recording", DefaultText: "all to print, the only one to play"},
		flags.Word(cli.GenericFlag{Name: "dir", Category: printing, Usage: "print only messages of `DIRECTION` %s, as who recorded them saw it"}, "", string(recording.In), string(recording.Out)),
	}, output.Flags(printing), []cli.Flag{
		reach.MaxMessageFlag(printing),

		&cli.StringFlag{Name: "listen", Category: playing, Usage: "wait on `ADDR` for a client, and play the server"},
		flags.Word(cli.GenericFlag{Name: "side", Category: playing, Usage: "play this `SIDE`: %s", DefaultText: "client, with --listen server"}, "", string(recording.Client), string(recording.Server)),
		&cli.StringSliceFlag{Name: "host", Category: playing, Usage: "with --listen: be known as `NAME`, beside addresses and localhost, as serve --host is; repeatable"},
		&cli.StringFlag{Name: "speed", Category: playing, Value: "1x", Usage: "play `N` times as fast, 2x or 0.5x; max leaves out the pauses"},
		&cli.BoolFlag{Name: "check", Category: playing, Usage: "compare what the peer sends with the recording"},
		flags.Time(cli.GenericFlag{Name: "wait", Category: playing, Usage: "with --check: a message may come `TIME` later than in the recording (0: no later)"}, 5*time.Second),
		flags.Time(cli.GenericFlag{Name: "linger", Category: playing, Usage: "without --check: close when the peer was silent for `TIME` at the end (0: at once)"}, time.Second),
		flags.Time(cli.GenericFlag{Name: "timeout", Category: playing, Usage: "end everything after `TIME`, exit 5"}, 0),
		reach.CloseTimeoutFlag(playing),
	}, reach.Flags(&reach.FlagSet{Challenge: true, OriginToo: "; with --listen: allow pages of it, as serve --origin does"}))
}

// Options are what the command line says.
type Options struct {
	Args   []string // the recording, and the URL of who it is played to
	Conn   int      // 0: none in particular
	Dir    recording.Direction
	Output output.Options
	Reach  *reach.Options

	Listen      string
	ListenGiven bool // where it is played to who comes there
	Hosts       []string
	Side        recording.Side // "": the client, with Listen the server
	SideGiven   bool
	Speed       string
	Check       bool
	CheckGiven  bool
	Wait        time.Duration
	Linger      time.Duration
	Timeout     time.Duration
}

func read(c *cli.Context) *Options {
	return &Options{
		Args: c.Args().Slice(), Conn: c.Int("conn"), Dir: recording.Direction(c.String("dir")), Output: output.Read(c), Reach: reach.Read(c),
		Listen: c.String("listen"), ListenGiven: c.IsSet("listen"), Hosts: c.StringSlice("host"),
		Side: recording.Side(c.String("side")), SideGiven: c.IsSet("side"), Speed: c.String("speed"),
		Check: c.Bool("check"), CheckGiven: c.IsSet("check"),
		Wait: c.Duration("wait"), Linger: c.Duration("linger"), Timeout: c.Duration("timeout"),
	}
}

func run(ctx context.Context, e *reach.Env, o *Options) error {
	switch {
	case len(o.Args) == 0:
		return app.Usagef("replay: no recording; for instance ws76 replay session.jsonl")
	case len(o.Args) > 2:
		return app.Usagef("replay takes a recording and a URL, got %q", o.Args)
	case len(o.Args) == 2 && o.ListenGiven:
		return app.Usagef("replay: a URL and --listen exclude each other")
	case o.Conn < 0:
		return app.Usagef("--conn %d: want 1 or more", o.Conn)
	}
	out, err := o.Output.Format(e.Env)
	if err != nil {
		return err
	}
	speed, err := parseSpeed(o.Speed)
	if err != nil {
		return err
	}
	p := &replayer{Env: e, Options: o, file: o.Args[0], max: o.Reach.MaxMessage, out: format.NewWriter(e.Stdout, out)}
	if len(o.Args) == 2 || o.ListenGiven {
		return p.play(ctx, speed)
	}
	switch {
	case o.SideGiven:
		return app.Usagef("--side goes with a URL or --listen")
	case o.CheckGiven:
		return app.Usagef("--check goes with a URL or --listen")
	}
	return p.print()
}

// replayer is one run of replay.
type replayer struct {
	*reach.Env
	*Options
	file string
	max  int64
	out  *format.Writer
	gate *gate.Gate // of --listen
}

func (p *replayer) open() (io.ReadCloser, error) {
	if p.file == "-" {
		return io.NopCloser(p.Stdin), nil
	}
	f, err := os.Open(p.file)
	if err != nil {
		return nil, fmt.Errorf("opening the recording: %w", err)
	}
	return f, nil
}

// print writes the messages of the recording. All that comes before an error is written.
func (p *replayer) print() error {
	file, err := p.open()
	if err != nil {
		return err
	}
	defer file.Close()
	r := recording.NewReader(file, p.max)
	paths := map[int]string{} // of connections that are open
	for {
		entry, err := r.Next()
		if err != nil {
			if err == io.EOF {
				err = nil
				p.warnCut(r.Cut())
			}
			return errors.Join(p.out.Flush(), err)
		}
		if p.Conn != 0 && entry.Conn != p.Conn {
			continue
		}
		switch entry.Event {
		case recording.Opened:
			if request := strings.Fields(entry.Open.Request); len(request) > 1 {
				paths[entry.Conn] = request[1]
			}
			p.Log.Infof("%v: connection %d open: %s of %s, %s", entry.T, entry.Conn, entry.Open.Role, entry.Open.Remote, entry.Open.Dialect)
			continue
		case recording.Closed:
			delete(paths, entry.Conn)
			p.Log.Infof("%v: connection %d closed: code %d %s", entry.T, entry.Conn, entry.Close.Code, entry.Close.Error)
			continue
		}
		if p.Dir != "" && entry.Dir != p.Dir {
			continue
		}
		meta := format.Meta{Dir: string(entry.Dir), Conn: entry.Conn, Path: paths[entry.Conn]}
		if !r.Start().IsZero() {
			meta.Time = r.Start().Add(entry.T)
		}
		if err := p.out.Write(entry.Message, meta); err != nil {
			return err
		}
	}
}

// warnCut says that a recording has a last line that is left out.
func (p *replayer) warnCut(cut bool) {
	if cut {
		p.Log.Warnf("the last line of the recording is cut, and left out: whoever wrote it ended in the middle")
	}
}

// play plays the recording to whom the command line says.
func (p *replayer) play(ctx context.Context, speed float64) error {
	playback := &record.Playback{
		Open: p.open, MaxMessage: p.max, Side: recording.Client, Speed: speed,
		Check: p.Check, Wait: p.Wait, Linger: p.Linger,
	}
	if p.ListenGiven {
		playback.Side = recording.Server
	}
	playback.Side = cmp.Or(p.Side, playback.Side)
	var d *reach.Dialer // nil with --listen
	var err error
	if p.ListenGiven {
		var origins []string
		if p.Reach.Origin != "" {
			origins = []string{p.Reach.Origin}
		}
		p.gate, err = listen.Gate(origins, p.Hosts)
	} else {
		way := *p.Reach
		way.OriginFlag = ""
		d, err = p.NewDialer(p.Args[1], &way)
	}
	if err != nil {
		return err
	}
	contents, err := p.look(playback.Side)
	if err != nil {
		return err
	}
	playback.Conn = contents.Conn
	number := 0
	if !playback.Check {
		playback.Received = func(m core.Message) error {
			number++
			meta := format.Meta{Dir: "in", Time: time.Now(), Conn: 1, Number: int64(number)}
			return errors.Join(p.out.Write(m, meta), p.out.Flush())
		}
	}
	ctx, cancel := app.WithTimeout(ctx, p.Timeout)
	defer cancel()
	var conn *core.Conn
	if d == nil {
		conn, err = p.accept(ctx)
	} else {
		conn, err = d.Dial(ctx)
	}
	if err != nil {
		return err
	}
	p.Log.Infof("connected to %s: %s", conn.RemoteAddr(), conn.Dialect())
	played, err := playback.Play(ctx, conn)
	p.Log.Infof("sent %d of %d messages, received %d, the recording has %d", played.Sent, contents.Messages[playback.Side],
		played.Received, contents.Messages[playback.Side.Other()])
	if unread := outcome.Unread(conn, err); unread != nil {
		err = unread
	} else if errors.Is(err, record.ErrEnded) {
		err = app.WithCode(app.ExitUnclean, err)
	}
	p.undelivered(conn, err, contents.Messages[playback.Side])
	return err
}

// undelivered says what became of so many messages where they were not all sent and read.
// After a difference the rest was not to be sent, unless the connection is lost with it.
func (p *replayer) undelivered(conn *core.Conn, err error, messages int) {
	f, end := conn.Fate(), conn.Ended()
	proper := end != nil && (end.Clean || end.Unanswered) && !f.Unread
	if err == nil || app.Is[*record.Difference](err) && proper {
		return
	}
	if n := messages - int(f.Sent); n > 0 {
		p.Log.Errorf("%d messages were not sent: the connection ended before", n)
	}
	if n := f.NotKnown(); n > 0 {
		p.Log.Errorf("of %d messages it is not known whether they arrived", n)
	}
}

// look finds what is to be played, before anything is connected to.
func (p *replayer) look(side recording.Side) (record.Contents, error) {
	if p.file == "-" {
		return record.Contents{}, app.Usagef("replay: a recording on standard input can only be printed; to play it, it has to be a file")
	}
	file, err := p.open()
	if err != nil {
		return record.Contents{}, err
	}
	defer file.Close()
	contents, err := record.Look(file, p.max, p.Conn)
	p.warnCut(contents.Cut)
	switch {
	case err != nil:
	case contents.Several && p.Conn == 0:
		err = app.Usagef("the recording has several connections; say with --conn which is to be played, the first is %d", contents.Conn)
	case contents.Messages[recording.Client]+contents.Messages[recording.Server] == 0:
		err = fmt.Errorf("there is nothing to play: no message of connection %d in the recording", max(contents.Conn, 1))
	case contents.Messages[side] == 0:
		p.Log.Infof("the %s has sent nothing in the recording", side)
	}
	return contents, err
}

// parseSpeed reads --speed; 0 is without pauses.
func parseSpeed(text string) (float64, error) {
	if text == "max" {
		return 0, nil
	}
	speed, err := strconv.ParseFloat(strings.TrimSuffix(text, "x"), 64)
	if err != nil || !(speed >= 0.001 && speed <= 1e6) {
		return 0, app.Usagef("--speed %q: want max, or a number like 2x or 0.5x", text)
	}
	return speed, nil
}

// accept waits for a client. Connections that are no WebSocket do not count.
func (p *replayer) accept(ctx context.Context) (*core.Conn, error) {
	listeners, err := listen.OnAll(ctx, p.Env, []string{p.Listen})
	if err != nil {
		return nil, err
	}
	listener := listeners[0]
	p.Log.Warnf("listening on %s", listen.Describe(listener.Addr(), false))
	accepting, stop := context.WithCancel(ctx)
	defer stop()
	notice := func(err error) { p.Log.Warnf("%v", err) }
	var conn *core.Conn
	err = accept.Each(accepting, listener, notice, func(stream net.Conn) {
		opened, err := core.Accept(ctx, stream, &core.AcceptOptions{
			Check: p.gate.Over(stream.LocalAddr().Network()), Strict: p.Reach.Strict, Compress: p.Reach.Compress, MaxMessage: p.max,
			CloseTimeout: p.Reach.CloseTimeout, Trace: p.Trace("server"),
		})
		if err == nil {
			conn = opened
			stop()
			return
		}
		stream.Close()
		p.Log.Warnf("%s: %v", stream.RemoteAddr(), err)
	})
	switch {
	case conn != nil:
		return conn, nil
	case err != nil:
		return nil, app.WithCode(app.ExitTransport, err)
	}
	return nil, context.Cause(ctx)
}
