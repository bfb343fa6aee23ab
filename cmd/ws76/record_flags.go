package main

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/plugins/record"
)

// recordFlag is the flag of commands whose connections can be recorded.
func recordFlag() cli.Flag {
	return &cli.StringFlag{Name: "record", Category: "Recording", Usage: "record what passes, with times, to `FILE`, for ws76 replay; - is standard output"}
}

// recordTimeout bounds the writing of what is left of a recording.
const recordTimeout = 5 * time.Second

// newRecorder opens what --record names. The recorder is nil without that flag;
// done ends it, and says what went wrong.
func (e *env) newRecorder(c *cli.Context) (recorder *record.Recorder, done func(), err error) {
	name := c.String("record")
	if name == "" {
		return nil, func() {}, nil
	}
	var w io.Writer = struct{ io.Writer }{e.stdout} // only written to
	file := (*os.File)(nil)
	if name != "-" {
		// Messages may be secrets: the file is the user's own.
		if file, err = createPrivate(name); err != nil {
			return nil, nil, usagef("--record: %w", err)
		}
		w = struct{ io.Writer }{file}
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			w = file // a pipe or a device can be neither cut nor synced
		}
	}
	var said atomic.Bool
	recorder = record.New(w, record.Options{Secret: secretFields, Failed: func(err error) {
		said.Store(true)
		e.log.Warnf("--record: the recording ends here, the connections go on: %v", err)
	}})
	return recorder, func() {
		ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
		defer cancel()
		err := recorder.Close(ctx)
		if file != nil {
			err = errors.Join(err, file.Close())
		}
		if err != nil && !said.Load() {
			e.log.Warnf("--record: %v", err)
		}
	}, nil
}
