package scripts

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/scripts/kv"
	"github.com/ws76/ws76/scripts/permit"
)

// Defaults of Limits.
const (
	DefaultTimeout   = time.Second
	DefaultMaxString = 16 << 20
	DefaultMaxTasks  = 10_000
	DefaultMaxTimers = 100_000
	DefaultMaxQueue  = 1024
	DefaultMaxMemory = 256 << 20
)

// Limits bound what a script may take. 0 is the default of the same name.
type Limits struct {
	// Timeout bounds a call: of a hook or a timer's function, or of a task between two waits. What does not stop then,
	// which Lua code itself always does, is abandoned after five times as long: others need not wait for it, and when
	// it has ended the script starts anew.
	Timeout time.Duration
	// MaxString is the largest string in bytes that a script may make.
	MaxString int
	// MaxTasks and MaxTimers bound those that have not ended.
	MaxTasks, MaxTimers int
	// MaxQueue bounds, in messages, what waits for one connection to be sent, and
	// what waits to be received on one that the script has opened.
	MaxQueue int
	// MaxMemory bounds by how many bytes the process may grow during one call, and how
	// many the script may keep from one call to the next, by and large. A script that
	// keeps more is loaded anew without what it knew; a program of Run ends.
	//
	// It also is the limit of what one call of a library function may take in memory. Where it is not set, that is 6
	// times what the function is given; see luastring.Budget.
	MaxMemory int64

	// Names are what whoever runs the script raises the limits by, for errors that tell of them.
	Names LimitNames

	callMemory int
}

// LimitNames are what the limits of the same names are raised by, such as "--script-timeout"; "" is not said.
type LimitNames struct{ Timeout, MaxString, MaxTasks, MaxQueue, MaxMemory string }

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		to  *int
		def int
	}{{&l.MaxString, DefaultMaxString}, {&l.MaxTasks, DefaultMaxTasks}, {&l.MaxTimers, DefaultMaxTimers}, {&l.MaxQueue, DefaultMaxQueue}} {
		if *d.to <= 0 {
			*d.to = d.def
		}
	}
	if l.Timeout <= 0 {
		l.Timeout = DefaultTimeout
	}
	if l.callMemory = int(max(l.MaxMemory, 0)); l.MaxMemory <= 0 {
		l.MaxMemory = DefaultMaxMemory
	}
	return l
}

// ErrorPolicy says what becomes of a message whose hook failed.
type ErrorPolicy uint8

const (
	Pass  ErrorPolicy = iota // it goes on as if there were no hook
	Drop                     // it is dropped
	Close                    // its connection is closed
	Exit                     // the command ends
)

var policyNames = []string{"pass", "drop", "close", "exit"}

func (p ErrorPolicy) String() string { return policyNames[p] }

// ParseErrorPolicy reads pass, drop, close or exit.
func ParseErrorPolicy(name string) (ErrorPolicy, error) {
	for i, n := range policyNames {
		if n == name {
			return ErrorPolicy(i), nil
		}
	}
	return 0, fmt.Errorf("%q: want pass, drop, close or exit", name)
}

// Args are what the global table args holds: List at 1, 2, …, and Named by name.
type Args struct {
	List  []string
	Named map[string]string
}

// DialOptions are the second argument of ws76.connect. Zero values are the command's defaults.
type DialOptions struct {
	Via      string
	Dialect  core.Dialect
	Protocol string
	Headers  hixie.Fields
	Timeout  time.Duration
}

// Options say how a script runs and what it may reach. The zero value is fine: a
// script without files, connections of its own or channels.
//
// The functions may be called from any goroutine, Log and Print with the script's
// lock held: they must not call the script.
type Options struct {
	// Name is what the script is called in messages; "": as its file.
	Name    string
	Args    Args
	Limits  Limits
	OnError ErrorPolicy
	// Fail is what the author of the script has said of it: Drop or Close, where it guards something; it counts where
	// it is safer than OnError. The script's global fail is the same. Zero: nothing.
	Fail ErrorPolicy
	// Permissions are what the script may do beyond what needs none: its store, the files below its own folder, and below
	// Data. They are asked for whenever the script is loaded. nil: nothing.
	Permissions func() *permit.Permissions
	// Sealed says that the folder of the script is only to be read by it: what is in it has been granted something.
	Sealed bool
	// Data is a folder of the script's own, made when it writes there first; "": none.
	Data string
	// Reload watches the file and those it requires, and loads them anew when they change; see LoadTask for programs.
	Reload bool
	// Changed is the version before of a program, which has ended with ErrChanged: what this one guards less is said.
	// nil: none.
	Changed *Script
	// Clock is what timers go by; nil is the real one. The bounds of Limits always go by real time.
	Clock Clock

	// CloseTimeout is how long connections of a program may take to close when the context of Run has ended; the messages
	// that wait to be sent then are lost. 0: core.DefaultCloseTimeout.
	CloseTimeout time.Duration

	// Modules are folders in which require looks, behind that of the script.
	Modules []string

	// Before are scripts that the messages of connections go through which this one opens or accepts itself: before it
	// sees what comes in, and behind what it sends. The caller starts and stops them.
	Before Set

	// Library adds functions to each new state, whose table ws76 is complete but for them; it is called before the main
	// chunk. An error that it raises is one of loading.
	Library func(L *lua.LState, ws76 *lua.LTable)

	// KV opens the store of ws76.kv at first use; the script closes it when it is stopped. nil: none.
	KV func() (*kv.Store, error)
	// Env is behind ws76.env and os.getenv; nil knows no variable.
	Env func(name string) (value string, ok bool)
	// Environ is the environment, NAME=VALUE: all, of which programs of ws76.exec get what
	// the script may read, and given, which they get anyway. nil: nothing.
	Environ func() (all, given []string)

	// Stdout and Stderr take what programs of io.popen and os.execute write; nil: nobody does.
	Stdout, Stderr io.Writer

	// Log takes what the script logs and what is to be said of its errors.
	Log func(level slog.Level, text string)
	// Print takes what the script prints, a line without its end.
	Print func(text string)
	// Exit is called when the command is to end: by ws76.exit in a hook (an
	// *ExitError) or by the policy Exit (an *Error). It must not wait.
	Exit func(err error)
	// Publish sends to a channel; nil: there are none.
	Publish func(channel string, m core.Message) error
	// Metric sets a number to be shown; nil discards it.
	Metric func(name string, value float64, labels map[string]string) error
	// Dial, Listen and Open are behind ws76.connect, listen and open; nil: there is no such thing here. They ask the
	// permissions that permit.FromContext finds in ctx.
	Dial   func(ctx context.Context, url string, o DialOptions) (*core.Conn, error)
	Listen func(ctx context.Context, addr string) (net.Listener, error)
	Open   func(ctx context.Context, url string) (net.Conn, error)
}

func (o *Options) log(level slog.Level, format string, args ...any) {
	if o.Log != nil {
		o.Log(level, fmt.Sprintf(format, args...))
	}
}
