// Package bridge is what two sides need when they are joined so that each takes
// the other for its peer: a close that is carried over with its code ([Link]), an
// address in which parts of a client's request are filled in without giving it more
// to say than that ([Template]), an answer for a side that cannot be reached
// ([Refusal]), and a side that is opened again when it is lost, with messages kept
// meanwhile ([Buffer]).
//
// It knows endpoints and messages. How a side is opened is its caller's business.
package bridge
