package rfc6455

import (
	"strings"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// Status codes of section 7.4.1. The three marked so never travel in a frame.
const (
	CodeNormal             = int(ws.StatusNormalClosure)
	CodeGoingAway          = int(ws.StatusGoingAway)
	CodeProtocolError      = int(ws.StatusProtocolError)
	CodeUnsupportedData    = int(ws.StatusUnsupportedData)
	CodeNoStatus           = int(ws.StatusNoStatusRcvd)    // local: a Close without a code
	CodeAbnormal           = int(ws.StatusAbnormalClosure) // local: no Close at all
	CodeInvalidPayload     = int(ws.StatusInvalidFramePayloadData)
	CodePolicyViolation    = int(ws.StatusPolicyViolation)
	CodeMessageTooLarge    = int(ws.StatusMessageTooBig)
	CodeMandatoryExtension = int(ws.StatusMandatoryExt)
	CodeInternalError      = int(ws.StatusInternalServerError)
	CodeTryAgainLater      = 1013                       // of IANA's registry: the server cannot now
	CodeTLSHandshake       = int(ws.StatusTLSHandshake) // local: TLS failed
)

// MaxReason is the largest reason of a Close in bytes.
const MaxReason = MaxControl - 2

// ValidCode reports whether code may travel in a Close: what section 7.4.1 defines, what was registered with IANA since
// (1012 to 1014), and the ranges for libraries and applications (3000 to 4999).
func ValidCode(code int) bool {
	switch {
	case code == CodeNoStatus, code == CodeAbnormal, code == int(ws.StatusNoMeaningYet):
		return false
	case code >= CodeNormal && code <= 1014:
		return true
	}
	return code >= 3000 && code <= 4999
}

// SendCode returns the code to send where code is to be passed on: itself where a Close may carry it, CodeNoStatus (a
// Close without a code) for CodeNoStatus and 0, CodeInternalError for everything that must not be sent: a peer lost
// without a Close (1006), a failed TLS handshake (1015), and numbers that mean nothing.
func SendCode(code int) int {
	switch {
	case ValidCode(code):
		return code
	case code == CodeNoStatus || code == 0:
		return CodeNoStatus
	}
	return CodeInternalError
}

// sendReason makes reason fit for a Close: valid UTF-8, at most MaxReason bytes, cut between characters.
func sendReason(reason string) string {
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if len(reason) <= MaxReason {
		return reason
	}
	n := MaxReason
	for !utf8.RuneStart(reason[n]) {
		n--
	}
	return reason[:n]
}
