// Package outcome says what errors of other packages mean to a command: exit codes and hints.
package outcome

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/relay/record"
	"github.com/ws76/ws76/core/relay/recording"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/plugins"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/exec"
	"github.com/ws76/ws76/transports/wifly"
)

// Hint says which flag sets the limit that err is about; "" where there is none.
func Hint(err error) string {
	if errors.Is(err, core.ErrMessageTooLarge) || errors.Is(err, hixie.ErrMessageTooLarge) || errors.Is(err, rfc6455.ErrMessageTooLarge) {
		return "; --max-message sets the limit"
	}
	if flag := LimitFlag(err); flag != "" {
		return "; " + flag + " sets the limit"
	}
	return ""
}

// LimitFlag says which flag of listen.HoldFlags a peer has met that held a server; "": none.
func LimitFlag(err error) string {
	switch {
	case errors.Is(err, core.ErrPendingFull):
		return "--max-pending"
	case errors.Is(err, core.ErrMessageSlow):
		return "--message-timeout"
	case errors.Is(err, core.ErrNotRead):
		return "--write-timeout"
	}
	return ""
}

// Code finds the exit code of an error of a library package by its type. What is most particular comes first: a
// handshake that timed out is a timeout, a connection that broke because of bad frames is a protocol violation.
func Code(err error) int {
	if code, given := app.CodeGiven(err); given {
		return code
	}
	switch {
	case err == nil:
		return app.ExitOK
	case app.Is[*core.RequestError](err):
		return app.ExitUsage
	case app.Is[*record.Difference](err):
		return app.ExitExpect
	case app.Is[*scripts.LoadError](err), app.Is[*scripts.Error](err), app.Is[*plugins.ManifestError](err), app.Is[*plugins.InstallError](err),
		errors.Is(err, plugins.ErrNotFound), errors.Is(err, plugins.ErrBuiltin):
		return app.ExitScript
	case deviceFailed(err):
		return app.ExitTransport
	case app.Is[*wifly.Error](err) && !app.Is[*core.CloseError](err): // the network behind the module
		return app.ExitConnect
	case app.Is[*transports.ListenError](err):
		return app.ExitTransport
	case errors.Is(err, context.DeadlineExceeded):
		return app.ExitTimeout
	case app.Is[*core.DialError](err), app.Is[*transports.DialError](err):
		return app.ExitConnect
	case app.Is[*core.HandshakeError](err), app.Is[*hixie.KeyError](err):
		return app.ExitHandshake
	case app.Is[*scripts.LostError](err):
		return app.ExitTimeout
	case app.Is[*core.CloseError](err) && errors.Is(err, io.ErrUnexpectedEOF): // in a frame, as servers die
		return app.ExitUnclean
	case app.Is[*hixie.SyntaxError](err), app.Is[*rfc6455.SyntaxError](err), errors.Is(err, core.ErrMessageTooLarge), errors.Is(err, core.ErrBinary),
		app.Is[*core.InvalidUTF8Error](err), app.Is[*format.InvalidUTF8Error](err), app.Is[*recording.SyntaxError](err), app.Is[*format.SyntaxError](err), app.Is[*format.TooLargeError](err):
		return app.ExitProtocol
	case app.Is[*core.CloseError](err), app.Is[*net.OpError](err), app.Is[*scripts.UndeliveredError](err), errors.Is(err, core.ErrNotProven):
		return app.ExitUnclean
	}
	return app.ExitOther
}

// deviceFailed reports whether what failed is on this side: a serial line, a child process, a descriptor.
func deviceFailed(err error) bool {
	var module *wifly.Error
	if errors.As(err, &module) {
		return module.Local()
	}
	var dial *transports.DialError
	return errors.As(err, &dial) && dial.Local || errors.Is(err, transports.ErrGone) || app.Is[*exec.ExitError](err)
}

// Several reports whether an error is a text of several lines.
func Several(err error) bool {
	return app.Is[*record.Difference](err) || app.Is[*scripts.Error](err) || app.Is[*scripts.LoadError](err)
}

// Retryable reports whether a new connection may mend err: not what is wrong with the
// input, the output or the command line.
func Retryable(err error) bool {
	switch Code(err) {
	case app.ExitConnect, app.ExitUnclean, app.ExitTimeout, app.ExitTransport:
		return true
	}
	// A server that is dying, or not there yet, cuts it off, or says that it is not ready.
	var handshake *core.HandshakeError
	return errors.As(err, &handshake) && (handshake.Status >= 500 || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || app.Is[*net.OpError](err))
}

// How a connection ends whose peer has left something unread.
var (
	ErrUnread = errors.New("the peer has not read all that was sent, and did not answer the closing frame; a longer --linger gives it more time")
	ErrCut    = errors.New("the peer has closed the connection and not read all that was sent")
)

// Unread is ErrUnread or ErrCut, as an unclean end, where conn has ended with err and nothing
// is wrong but that its peer has not read all that was sent. It is nil otherwise.
func Unread(conn *core.Conn, err error) error {
	switch ended := conn.Ended(); {
	case !conn.Fate().Unread || err != nil && !core.OnlyUnanswered(err):
		return nil
	case err == nil && ended != nil && ended.ByPeer:
		return app.WithCode(app.ExitUnclean, ErrCut)
	}
	return app.WithCode(app.ExitUnclean, ErrUnread)
}

// End is how something has ended with err, for the log.
func End(err error) any {
	if err == nil {
		return "closed"
	}
	return err
}
