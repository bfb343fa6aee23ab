package app

import (
	"io"
	"os"
)

// Env is what a command may touch of the process.
type Env struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Getenv func(string) string

	Program *Program // that runs

	Log    *Logger
	config *Config // the configuration file, once it was read

	Children ChildOptions

	Terminal  *Terminal // the terminal, where keys are read one by one
	Interrupt func()    // what ^C does, where the terminal makes no signal of it
}

// begin makes the streams and the log ready for a command line. end writes what is held back.
func (e *Env) begin(args []string) (end func()) {
	e.Stdout, e.Stderr = onDisplay(e.Stdout), onDisplay(e.Stderr)
	e.Log = NewLogger(e.Stderr)
	e.Log.several = e.Program.Several
	e.Log.Hide(args...)
	e.Log.Hide(os.Environ()...)
	if e.Terminal == nil {
		e.Terminal = new(Terminal)
	}
	return e.flushDisplays
}

func (e *Env) flushDisplays() {
	for _, stream := range []io.Writer{e.Stdout, e.Stderr} {
		if s, ok := stream.(*display); ok {
			s.Flush()
		}
	}
}
