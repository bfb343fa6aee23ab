// Package rfc6455 reads and writes the frames of RFC 6455, and of RFC 7692 (permessage-deflate) on top of it, on byte
// slices. It is the counterpart of package hixie for the protocol that replaced the drafts, and has its shape: a
// [Decoder] that takes bytes in any split and gives whole messages, and Append functions that write frames.
//
// It knows no connection, no time and no goroutine. The opening handshake is left to the caller, who finds the key
// arithmetic ([NewKey], [AcceptKey]) and the negotiation of compression ([Offer], [Negotiate], [Accept]) here.
//
// A server reads like this:
//
//	d := rfc6455.Decoder{Masked: true}
//	for {
//		n, err := conn.Read(buf)
//		d.Feed(buf[:n])
//		for {
//			ev, err := d.Next()
//			if err == rfc6455.ErrIncomplete {
//				break // read on
//			}
//			…
//		}
//	}
//
// Opcodes, status codes, the cipher and the compression come from github.com/gobwas/ws.
package rfc6455
