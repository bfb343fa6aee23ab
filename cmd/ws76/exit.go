package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// The exit codes are a contract with users' scripts; help and man pages list them from exitMeaning.
const (
	exitOK        = 0
	exitOther     = 1
	exitUsage     = 2
	exitConnect   = 3
	exitHandshake = 4
	exitTimeout   = 5
	exitUnclean   = 6
	exitProtocol  = 7
	exitScript    = 8
	exitExpect    = 9
	exitConfig    = 10
	exitTransport = 11
	exitInterrupt = 130
	exitHangup    = 129 // of a shell for who dies of SIGHUP
	exitTerminate = 143
)

var exitMeaning = map[int]string{
	exitOK:        "ok",
	exitOther:     "any other failure",
	exitUsage:     "the command line is wrong",
	exitConnect:   "could not connect (name, TCP, TLS, reconnects used up)",
	exitHandshake: "the handshake or a key was refused or is invalid",
	exitTimeout:   "timeout",
	exitUnclean:   "the connection was closed uncleanly",
	exitProtocol:  "protocol violation, bad frames, text that is not UTF-8",
	exitScript:    "a script or plugin failed",
	exitExpect:    "--expect or --check was not met",
	exitConfig:    "the configuration is wrong",
	exitTransport: "the transport or device failed",
	exitInterrupt: "ended by SIGINT",
	exitTerminate: "ended by SIGTERM",
}

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// codedError gives err an exit code where its type alone does not tell it.
type codedError struct {
	error
	code int
}

func (e codedError) Unwrap() error { return e.error }

// withCode wraps err so that the process exits with code; nil stays nil.
func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return codedError{err, code}
}

// silentError ends the process with a code and without a word: what there was
// to say has been said.
type silentError int

func (e silentError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// signalError is the cause of a context that a signal cancelled.
type signalError struct{ sig os.Signal }

func (e signalError) Error() string { return e.sig.String() }

func (e signalError) exitCode() int {
	switch e.sig {
	case syscall.SIGTERM:
		return exitTerminate
	case syscall.SIGHUP:
		return exitHangup
	}
	return exitInterrupt
}

// exitCode is the one place that turns an error into an exit code.
func exitCode(ctx context.Context, err error) int {
	var (
		sig    signalError
		silent silentError
		usage  usageError
	)
	switch {
	case errors.As(context.Cause(ctx), &sig):
		return sig.exitCode()
	case err == nil, readerGone(err):
		return exitOK
	case errors.As(err, &silent):
		return int(silent)
	case errors.As(err, &usage):
		return exitUsage
	}
	return errorCode(err)
}

// quietExit reports whether err needs no line on standard error: a reader that
// went away (EPIPE), a signal, or what was reported already.
func quietExit(err error) bool {
	var silent silentError
	var sig signalError
	_, said := err.(saidError)
	return said || readerGone(err) || errors.As(err, &silent) || errors.As(err, &sig)
}

// readerGone reports whether nobody reads standard output any more. The broken
// pipe of a connection, which is a failure, is a *net.OpError.
func readerGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) && !is[*net.OpError](err)
}
