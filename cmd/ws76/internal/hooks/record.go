package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core/relay/record"
)

// recordTimeout bounds the writing of what is left of a recording.
const recordTimeout = 5 * time.Second

// NewRecorder opens what Record names. The recorder is nil where that is nothing;
// done ends it, and says what went wrong.
func (o *Options) NewRecorder(e *app.Env) (recorder *record.Recorder, done func(), err error) {
	name := o.Record
	if name == "" {
		return nil, func() {}, nil
	}
	var w io.Writer = struct{ io.Writer }{e.Stdout} // only written to
	var file *os.File
	var size int64
	if name != "-" {
		if file, w, size, err = openRecording(name); err != nil {
			return nil, nil, app.Usagef("--record: %w", err)
		}
	}
	var said atomic.Bool
	recorder = record.New(w, record.Options{Secret: reach.SecretFields, Size: size, Failed: func(err error) {
		said.Store(true)
		e.Log.Warnf("--record: the recording ends here, the connections go on: %v", err)
	}})
	stop := func() {}
	if w == io.Writer(file) && file != nil {
		stop = app.OnHangup(func() { file = reopenRecording(e, recorder, name, file) })
	}
	return recorder, func() {
		stop()
		ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
		defer cancel()
		err := recorder.Close(ctx)
		if file != nil {
			err = errors.Join(err, file.Close())
		}
		if err != nil && !said.Load() {
			e.Log.Warnf("--record: %v", err)
		}
	}, nil
}

// openRecording opens a file to be appended to, which has size bytes. w is what to write
// to: a pipe or a device can be neither cut nor synced.
func openRecording(name string) (file *os.File, w io.Writer, size int64, err error) {
	// Messages may be secrets: the file is the user's own.
	if file, err = openPrivate(name); err != nil {
		return nil, nil, 0, err
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return file, struct{ io.Writer }{file}, 0, nil
	}
	if size, err = wholeLines(name, info); err == nil && size < info.Size() {
		err = file.Truncate(size)
	}
	if err != nil {
		file.Close()
		return nil, nil, 0, fmt.Errorf("%s: %w", name, err)
	}
	return file, file, size, nil
}

// wholeLines returns how much of the recording in a file is whole lines: the last one is
// cut where whoever wrote it was killed.
func wholeLines(name string, info os.FileInfo) (int64, error) {
	file, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if same, err := file.Stat(); err != nil || !os.SameFile(same, info) {
		return 0, errors.New("the file was moved away meanwhile")
	}
	size := info.Size()
	const begin = `{"ws76":"recording"`
	head := make([]byte, len(begin))
	if n, err := file.ReadAt(head, 0); size > 0 && string(head[:n]) != begin {
		if err != nil && err != io.EOF {
			return 0, err
		}
		return 0, errors.New("this is no recording, and is not written over; name another file")
	}
	for block := make([]byte, 64<<10); size > 0; {
		from := max(0, size-int64(len(block)))
		n, err := file.ReadAt(block[:size-from], from)
		if err != nil && err != io.EOF {
			return 0, err
		}
		if i := bytes.LastIndexByte(block[:n], '\n'); i >= 0 {
			return from + int64(i) + 1, nil
		}
		size = from
	}
	return 0, nil
}

// reopenRecording goes on in the file that has the name now, where that is another one than
// file: it was moved away. It returns the file that is written to then.
func reopenRecording(e *app.Env, recorder *record.Recorder, name string, file *os.File) *os.File {
	now, err := os.Stat(name)
	old, oldErr := file.Stat()
	if err == nil && oldErr == nil && os.SameFile(now, old) {
		return file
	}
	next, w, size, err := openRecording(name)
	if err != nil {
		e.Log.Warnf("--record: the recording goes on in the file that was moved: %v", err)
		return file
	}
	done := func() { file.Close() }
	if !recorder.Reopen(w, size, done) {
		next.Close()
		return file
	}
	e.Log.Infof("--record: %s is opened anew", name)
	return next
}
