package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/BurntSushi/toml"
	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/scripts/watch"
)

// spanTable is a table of --file: a bridge, with the flags of the command as keys.
type spanTable struct {
	from, to string
	flags    map[string][]string
	key      string // the same for tables that say the same
}

// readSpans reads the tables [bridge.NAME] of a file.
func readSpans(file string) (map[string]spanTable, error) {
	var content struct {
		Bridge map[string]map[string]any `toml:"bridge"`
	}
	meta, err := toml.DecodeFile(file, &content)
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return nil, fmt.Errorf("%s:%d: %s", file, syntax.Position.Line, syntax.Message)
	}
	if err != nil {
		return nil, err
	}
	if keys := meta.Undecoded(); len(keys) > 0 {
		return nil, fmt.Errorf("%s: %q: want tables [bridge.NAME] only", file, keys[0])
	}
	if len(content.Bridge) == 0 {
		return nil, fmt.Errorf("%s: no bridges; want tables [bridge.NAME] with from and to", file)
	}
	known := spanFlags()
	tables := map[string]spanTable{}
	for name, values := range content.Bridge {
		t := spanTable{flags: map[string][]string{}}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			texts, err := tomlTexts(values[key])
			if err == nil {
				err = t.set(known, key, texts)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: [bridge.%s] %s: %w", file, name, key, err)
			}
		}
		if t.from == "" || t.to == "" {
			return nil, fmt.Errorf("%s: [bridge.%s]: want from and to", file, name)
		}
		same, err := json.Marshal(values)
		if err != nil {
			return nil, err
		}
		t.key = string(same)
		tables[name] = t
	}
	return tables, nil
}

// tomlTexts is a value, or those of a list, as the command line would have it.
func tomlTexts(value any) ([]string, error) {
	switch v := value.(type) {
	case string, bool, int64, float64:
		return []string{fmt.Sprint(v)}, nil
	case []any:
		var texts []string
		for _, one := range v {
			t, err := tomlTexts(one)
			if err != nil || len(t) != 1 {
				return nil, errors.New("want a list of values")
			}
			texts = append(texts, t[0])
		}
		return texts, nil
	}
	return nil, errors.New("want a text, a number, true or false, or a list of them")
}

// spanFlags are the flags that a table may have.
func spanFlags() []cli.Flag { return append(append(bridgeFlags(), recordFlag()), scriptFlags()...) }

func (t *spanTable) set(known []cli.Flag, key string, texts []string) error {
	single := len(texts) == 1
	switch {
	case key == "from" && single:
		t.from = texts[0]
	case key == "to" && single:
		t.to = texts[0]
	case key == "from" || key == "to":
		return errors.New("want one URL")
	case key == "file":
		return errors.New("not in a file")
	default:
		f := findFlag(known, key)
		if f == nil || f.Names()[0] != key {
			near := ""
			if s := cli.SuggestFlag(known, key, false); len(s) > 2 {
				near = ", did you mean " + s[2:] + "?"
			}
			return fmt.Errorf("no such key%s; there are from, to and the options of ws76 bridge", near)
		}
		if _, list := f.(*cli.StringSliceFlag); !list && !single {
			return errors.New("want one value")
		}
		t.flags[key] = texts
	}
	return nil
}

// context returns the flags of the table, over those of the command line.
func (t *spanTable) context(c *cli.Context) (*cli.Context, error) {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	known := spanFlags()
	for key, texts := range t.flags {
		if err := findFlag(known, key).Apply(set); err != nil {
			return nil, err
		}
		for _, text := range texts {
			if err := set.Set(key, text); err != nil {
				return nil, fmt.Errorf("%s = %q: %w", key, text, err)
			}
		}
	}
	return cli.NewContext(c.App, set, c), nil
}

// spans are the bridges of a file that run.
type spans struct {
	*env
	c       *cli.Context
	file    string
	running map[string]*runningSpan
	ended   chan *runningSpan
}

type runningSpan struct {
	name, key string
	stop      context.CancelFunc
	err       error
	done      bool // of spans.follow
}

// bridgeFile runs the bridges of a file until the command ends, or all of them have.
func (e *env) bridgeFile(c *cli.Context, file string) error {
	tables, err := readSpans(file)
	if err != nil {
		return usageError{err}
	}
	changed := make(chan struct{}, 1)
	watcher, err := watch.New(&watch.Options{OnError: func(err error) { e.log.Warnf("watching %s: %v", file, err) }})
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
	if _, err := watcher.Add(file, notify); err != nil {
		return fmt.Errorf("watching %s: %w", file, err)
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)

	s := &spans{env: e, c: c, file: file, running: map[string]*runningSpan{}, ended: make(chan *runningSpan)}
	defer s.stopAll()
	if err := s.apply(tables); err != nil {
		return err
	}
	for {
		select {
		case <-c.Context.Done():
			return nil
		case <-changed:
		case <-hangups:
		case r := <-s.ended:
			s.over(r)
			if err, all := s.allOver(); all {
				return err
			}
			continue
		}
		s.reload()
	}
}

// reload reads the file anew. Bridges whose tables are as they were go on.
func (s *spans) reload() {
	tables, err := readSpans(s.file)
	if err == nil {
		err = s.apply(tables)
	}
	if err != nil {
		s.log.Errorf("reloading: %v; the bridges stay as they are", err)
	}
}

// apply makes the bridges those of tables. All are checked before any is touched.
func (s *spans) apply(tables map[string]spanTable) error {
	ready := map[string]*span{}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		t := tables[name]
		if r := s.running[name]; r != nil && !r.done && r.key == t.key {
			continue
		}
		c, err := t.context(s.c)
		if err == nil {
			ready[name], err = s.newSpan(c, name, t.from, t.to)
		}
		if err != nil {
			return usagef("%s: [bridge.%s]: %w", s.file, name, err)
		}
	}
	for name, r := range s.running {
		if _, stays := tables[name]; !stays || ready[name] != nil {
			if !stays {
				s.log.Warnf("%s: stopped; it is not in %s any more", name, s.file)
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
	ctx, cancel := context.WithCancel(s.c.Context)
	r := &runningSpan{name: b.name, key: key, stop: cancel}
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
	if r.err != nil && s.c.Context.Err() == nil {
		s.log.Errorf("%s: %v", r.name, r.err)
	}
}

// allOver reports whether no bridge runs any more, and what went wrong with them.
func (s *spans) allOver() (err error, all bool) {
	for _, r := range s.running {
		if !r.done {
			return nil, false
		}
		if r.err != nil {
			err = silentError(errorCode(r.err))
		}
	}
	return err, true
}
