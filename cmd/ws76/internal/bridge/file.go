package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/internal/accept"
	"github.com/ws76/ws76/scripts/watch"
	"github.com/ws76/ws76/transports"
)

// spanFile is what --file says, in tables [bridge.NAME].
type spanFile struct {
	app.Config
	tables map[string]spanTable
}

// spanTable is a bridge, with the flags of the command as keys.
type spanTable struct {
	from, to string
	flags    map[string]any
	key      string // the same for tables that say the same
}

// spanTables is the table of tables in the file.
const spanTables = "bridge"

// readSpans reads the tables of a file.
func readSpans(e *reach.Env, file string) (*spanFile, error) {
	text, err := app.ReadConfig(file)
	if err != nil {
		return nil, app.WithCode(app.ExitConfig, fmt.Errorf("reading the bridges: %w", err))
	}
	f := &spanFile{app.Config{Path: file, Text: text, Log: e.Log}, map[string]spanTable{}}
	if err := f.Decode(); err != nil {
		return nil, err
	}
	for name := range f.Root {
		if name != spanTables {
			return nil, f.Wrong([]string{name}, "want tables [bridge.NAME] only")
		}
	}
	all, _ := f.Root[spanTables].(map[string]any)
	if len(all) == 0 {
		return nil, app.WithCode(app.ExitConfig, fmt.Errorf("%s: no bridges; want tables [bridge.NAME] with from and to", file))
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		values, ok := all[name].(map[string]any)
		if !ok {
			return nil, f.Wrong([]string{spanTables, name}, "want a table, [bridge.%s]", name)
		}
		if f.tables[name], err = f.table(name, values); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *spanFile) table(name string, values map[string]any) (spanTable, error) {
	t := spanTable{flags: map[string]any{}}
	flags := slices.DeleteFunc(spanFlags(), func(f cli.Flag) bool { return f.Names()[0] == "file" })
	for _, key := range slices.Sorted(maps.Keys(values)) {
		url, isText := values[key].(string)
		switch where := []string{spanTables, name, key}; {
		case (key == "from" || key == "to") && !isText:
			return t, f.Wrong(where, "want one URL")
		case key == "from":
			t.from = url
		case key == "to":
			t.to = url
		case app.Configurable(flags, key) == nil:
			known := []string{"from", "to"}
			for _, f := range flags {
				known = append(known, f.Names()[0])
			}
			return t, f.Wrong(where, "there are from, to and the options of ws76 bridge%s", app.DidYouMean(key, known, "%s"))
		default:
			t.flags[key] = values[key]
		}
	}
	if t.from == "" || t.to == "" {
		return t, f.Wrong([]string{spanTables, name}, "want from and to")
	}
	t.key = fmt.Sprintf("%#v", values) // its keys are sorted
	return t, nil
}

// newSpan makes ready the bridge of a table, whose keys go before those of o.
func (f *spanFile) newSpan(ctx context.Context, e *reach.Env, o *Options, name string) (s *span, err error) {
	t := f.tables[name]
	o, err = o.Table(&f.Config, t.flags, []string{spanTables, name})
	if err != nil && !app.Is[app.UsageError](err) { // which says where it is
		return nil, err
	}
	if err == nil {
		s, err = newSpan(ctx, e, o, name, t.from, t.to)
	}
	if err != nil {
		return nil, f.Wrong(t.blamed(name, err), "%v", err) // its exit code is that of a file
	}
	return s, nil
}

// blamed returns the key that an error of newSpan is about, or its table.
func (t *spanTable) blamed(name string, err error) []string {
	text := err.Error()
	for key := range t.flags {
		if strings.HasPrefix(text, "--"+key+" ") || strings.HasPrefix(text, "--"+key+":") {
			return []string{spanTables, name, key}
		}
	}
	if side, _, ok := strings.Cut(text, ": "); ok && (side == "FROM" || side == "TO") {
		return []string{spanTables, name, strings.ToLower(side)}
	}
	return []string{spanTables, name}
}

// spans are the bridges of a file that run.
type spans struct {
	*reach.Env
	ctx     context.Context // of the command
	o       *Options
	running map[string]*runningSpan
	ended   chan *runningSpan
	began   bool // those that are there from the beginning have been started
	failed  bool // the file could not be read the last time
}

type runningSpan struct {
	name, key string
	stop      context.CancelFunc
	err       error
	done      bool // set by over
	reloaded  bool // not there from the beginning
}

// runFile runs the bridges of a file until the command ends, or all of them have.
func runFile(ctx context.Context, e *reach.Env, o *Options) error {
	file := o.File
	bridges, err := readSpans(e, file)
	if err != nil {
		return err
	}
	changed := make(chan struct{}, 1)
	watcher, err := watch.New(&watch.Options{OnError: func(err error) { e.Log.Warnf("watching %s: %v", file, err) }})
	if err != nil {
		return err
	}
	defer watcher.Close()
	notify := func([]watch.Event) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	if _, err := watcher.AddFile(file, notify); err != nil {
		return fmt.Errorf("watching %s: %w", file, err)
	}
	hangups := make(chan os.Signal, 1)
	defer app.TakeHangups(hangups)()

	s := &spans{Env: e, ctx: ctx, o: o, running: map[string]*runningSpan{}, ended: make(chan *runningSpan)}
	defer s.stopAll()
	if err := s.apply(bridges); err != nil {
		return err
	}
	s.began = true
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-hangups:
		case r := <-s.ended:
			s.over(r)
			if r.deaf() {
				return app.SilentError(outcome.Code(r.err))
			}
			if err, all := s.allOver(); all {
				return err
			}
			continue
		}
		s.reload()
	}
}

// deaf reports whether a bridge cannot listen, or not any more. Nobody would notice one
// among others that go on. One that a reload has brought may be wrong: the others stay.
func (r *runningSpan) deaf() bool {
	var ended *accept.Ended
	var never *transports.ListenError
	return errors.As(r.err, &ended) || !r.reloaded && errors.As(r.err, &never)
}

// reload reads the file anew. Bridges whose tables are as they were go on.
func (s *spans) reload() {
	bridges, err := readSpans(s.Env, s.o.File)
	if err == nil {
		err = s.apply(bridges)
	}
	if err != nil {
		s.Log.Errorf("reloading: %v; the bridges stay as they are", err)
	} else if s.failed {
		s.Log.Errorf("reloaded: %s", s.o.File)
	}
	s.failed = err != nil
}

// apply makes the bridges those of the file. All are checked before any is touched.
func (s *spans) apply(f *spanFile) error {
	tables := f.tables
	ready := map[string]*span{}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if r := s.running[name]; r != nil && !r.done && r.key == tables[name].key {
			continue
		}
		var err error
		if ready[name], err = f.newSpan(s.ctx, s.Env, s.o, name); err != nil {
			return err
		}
	}
	for name, r := range s.running {
		if _, stays := tables[name]; !stays || ready[name] != nil {
			if !stays {
				s.Log.Warnf("%s: stopped; it is not in %s any more", name, s.o.File)
			}
			s.stop(r)
			delete(s.running, name)
		}
	}
	for name, span := range ready {
		s.start(span, tables[name].key)
	}
	return nil
}

func (s *spans) start(b *span, key string) {
	ctx, cancel := context.WithCancel(s.ctx)
	r := &runningSpan{name: b.name, key: key, stop: cancel, reloaded: s.began}
	s.running[b.name] = r
	go func() {
		r.err = b.run(ctx)
		s.ended <- r
	}()
}

// stop ends a bridge and waits for it.
func (s *spans) stop(r *runningSpan) {
	for r.stop(); !r.done; {
		s.over(<-s.ended)
	}
}

func (s *spans) stopAll() {
	for _, r := range s.running {
		r.stop()
	}
	for _, r := range s.running {
		s.stop(r)
	}
}

// over notes that a bridge has ended.
func (s *spans) over(r *runningSpan) {
	r.done = true
	r.stop()
	if r.err != nil && s.ctx.Err() == nil {
		s.Log.Errorf("%s: %v", r.name, r.err)
	}
}

// allOver reports whether no bridge runs any more, and what went wrong with them.
func (s *spans) allOver() (err error, all bool) {
	for _, r := range s.running {
		if !r.done {
			return nil, false
		}
		if r.err != nil {
			err = app.SilentError(outcome.Code(r.err))
		}
	}
	return err, true
}
