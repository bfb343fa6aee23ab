package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// The exit codes are a contract with users' scripts; help and man pages list them from ExitMeaning.
const (
	ExitOK        = 0
	ExitOther     = 1
	ExitUsage     = 2
	ExitConnect   = 3
	ExitHandshake = 4
	ExitTimeout   = 5
	ExitUnclean   = 6
	ExitProtocol  = 7
	ExitScript    = 8
	ExitExpect    = 9
	ExitConfig    = 10
	ExitTransport = 11
	ExitInterrupt = 130
	exitHangup    = 129 // of a shell for who dies of SIGHUP
	ExitTerminate = 143
)

// ExitMeaning says what each code means.
var ExitMeaning = map[int]string{
	ExitOK:        "ok",
	ExitOther:     "any other failure",
	ExitUsage:     "the command line is wrong",
	ExitConnect:   "could not connect (name, TCP, TLS, reconnects used up)",
	ExitHandshake: "the handshake or a key was refused or is invalid",
	ExitTimeout:   "timeout",
	ExitUnclean:   "the connection was closed uncleanly",
	ExitProtocol:  "protocol violation, bad frames, text that is not UTF-8",
	ExitScript:    "a script or plugin failed",
	ExitExpect:    "--expect or --check was not met",
	ExitConfig:    "the configuration is wrong",
	ExitTransport: "the transport or device failed",
	ExitInterrupt: "ended by SIGINT",
	ExitTerminate: "ended by SIGTERM",
}

// UsageError is a mistake on the command line.
type UsageError struct{ error }

func (e UsageError) Unwrap() error { return e.error }

// Usage makes a mistake on the command line of err.
func Usage(err error) error { return UsageError{err} }

// Usagef is Usage for a text, as fmt.Errorf makes it.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// NoArguments refuses the arguments of a command that takes none. hint says where what they may be belongs, "" nowhere.
func NoArguments(command string, args []string, hint string) error {
	switch {
	case len(args) == 0:
		return nil
	case hint != "":
		hint = "; " + hint
	}
	return Usagef("ws76 %s takes no arguments, got %q%s", command, args[0], hint)
}

// CodedError gives err an exit code where its type alone does not tell it.
type CodedError struct {
	error
	code int
}

func (e CodedError) Unwrap() error { return e.error }

// WithCode wraps err so that the process exits with code; nil stays nil.
func WithCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return CodedError{err, code}
}

// CodeGiven returns the code that WithCode has given err, or an error in its tree.
func CodeGiven(err error) (code int, given bool) {
	var coded CodedError
	given = errors.As(err, &coded)
	return coded.code, given
}

// SilentError ends the process with a code and without a word: what there was to say has been said.
type SilentError int

func (e SilentError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// saidError is an error of which the log has it.
type saidError struct{ error }

// Said is for an error of which the log has it already.
func Said(err error) error { return saidError{err} }

func (e saidError) Unwrap() error { return e.error }

// SignalError is the cause of a context that a signal cancelled.
type SignalError struct{ Sig os.Signal }

func (e SignalError) Error() string { return e.Sig.String() }

// ExitCode is that of a process that the signal has ended.
func (e SignalError) ExitCode() int {
	switch e.Sig {
	case syscall.SIGTERM:
		return ExitTerminate
	case syscall.SIGHUP:
		return exitHangup
	}
	return ExitInterrupt
}

// exitCode is the one place that turns an error into an exit code. codeOf is asked for what
// is neither a signal's nor a mistake on the command line.
func exitCode(ctx context.Context, err error, codeOf func(error) int) int {
	var (
		sig    SignalError
		silent SilentError
		usage  UsageError
	)
	switch {
	case errors.As(context.Cause(ctx), &sig):
		return sig.ExitCode()
	case err == nil, ReaderGone(err):
		return ExitOK
	case errors.As(err, &silent):
		return int(silent)
	case errors.As(err, &usage):
		return ExitUsage
	}
	return codeOf(err)
}

// quietExit reports whether err needs no line on standard error: a reader that
// went away (EPIPE), a signal, or what was reported already.
func quietExit(err error) bool {
	var silent SilentError
	var sig SignalError
	_, said := err.(saidError)
	return said || ReaderGone(err) || errors.As(err, &silent) || errors.As(err, &sig)
}

// ReaderGone reports whether nobody reads standard output any more. The broken
// pipe of a connection, which is a failure, is a *net.OpError.
func ReaderGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) && !Is[*net.OpError](err)
}

// Is reports whether an error of type T is in err's tree.
func Is[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}
