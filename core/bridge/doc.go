// Package bridge joins connections so that each side takes the other for its peer. A
// [Bridge] is that whole: where connections come from ([WebSockets], [Streams], [Opened]),
// how the other side is opened for each ([Opener], [Dialer]), and what is told of how it
// went ([Session]). Its parts serve by themselves, too: a close that is carried over with
// its code ([Link]), an address in which parts of a client's request are filled in without
// giving it more to say than that ([Template]), an answer for a side that cannot be reached
// ([Refusal]), and a side that is opened again when it is lost, with messages kept
// meanwhile ([Buffer]).
//
// In errors and in what is told the sides are FROM and TO.
package bridge
