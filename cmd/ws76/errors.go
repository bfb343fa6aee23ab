package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/relay/recording"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/plugins"
	"github.com/ws76/ws76/plugins/record"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/exec"
	"github.com/ws76/ws76/transports/wifly"
)

// limitHint says which flag sets the limit that err is about; "" where there is none.
func limitHint(err error) string {
	if errors.Is(err, core.ErrMessageTooLarge) || errors.Is(err, hixie.ErrMessageTooLarge) || errors.Is(err, rfc6455.ErrMessageTooLarge) {
		return "; --max-message sets the limit"
	}
	return ""
}

// hookPlace puts words of the command line in place of the direction of a message that a hook has failed at.
func hookPlace(err error, forth, back string) error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var placed []error
		for _, err := range several.Unwrap() {
			placed = append(placed, hookPlace(err, forth, back))
		}
		return errors.Join(placed...)
	}
	hook, ok := err.(*relay.HookError)
	switch {
	case !ok:
		return err
	case hook.Direction == relay.AToB:
		return fmt.Errorf("at a message %s: %w", forth, hook.Err)
	}
	return fmt.Errorf("at a message %s: %w", back, hook.Err)
}

// errorCode finds the exit code of an error of a library package by its type.
// What is most particular comes first: a handshake that timed out is a timeout,
// a connection that broke because of bad frames is a protocol violation.
func errorCode(err error) int {
	switch {
	case err == nil:
		return exitOK
	case is[codedError](err):
		var coded codedError
		errors.As(err, &coded)
		return coded.code
	case is[*core.RequestError](err):
		return exitUsage
	case is[*record.Difference](err):
		return exitExpect
	case is[*scripts.LoadError](err), is[*scripts.Error](err), is[*plugins.ManifestError](err), is[*plugins.InstallError](err),
		errors.Is(err, plugins.ErrNotFound), errors.Is(err, plugins.ErrBuiltin):
		return exitScript
	case deviceFailed(err):
		return exitTransport
	case is[*wifly.Error](err) && !is[*core.CloseError](err): // the network behind the module
		return exitConnect
	case is[*transports.ListenError](err):
		return exitTransport
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	case is[*core.DialError](err), is[*transports.DialError](err):
		return exitConnect
	case is[*core.HandshakeError](err), is[*hixie.KeyError](err):
		return exitHandshake
	case is[*scripts.LostError](err):
		return exitTimeout
	case is[*core.CloseError](err) && errors.Is(err, io.ErrUnexpectedEOF): // in a frame, as servers die
		return exitUnclean
	case is[*hixie.SyntaxError](err), is[*rfc6455.SyntaxError](err), errors.Is(err, core.ErrMessageTooLarge), errors.Is(err, core.ErrBinary),
		is[*core.InvalidUTF8Error](err), is[*format.InvalidUTF8Error](err), is[*recording.SyntaxError](err), is[*format.SyntaxError](err), is[*format.TooLargeError](err):
		return exitProtocol
	case is[*core.CloseError](err), is[*net.OpError](err):
		return exitUnclean
	}
	return exitOther
}

// deviceFailed reports whether what failed is on this side: a serial line, a
// child process, a descriptor.
func deviceFailed(err error) bool {
	var module *wifly.Error
	if errors.As(err, &module) {
		return module.Local()
	}
	var dial *transports.DialError
	return errors.As(err, &dial) && dial.Local || errors.Is(err, transports.ErrGone) || is[*exec.ExitError](err)
}

// is reports whether an error of type T is in err's tree.
func is[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}
