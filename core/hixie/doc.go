// Package hixie speaks the WebSocket drafts that came before RFC 6455: draft-hixie-thewebsocketprotocol-76 (published
// again as draft-ietf-hybi-thewebsocketprotocol-00) and its predecessor, draft 75.
//
// It works on bytes. It knows the opening handshake of both sides (ParseRequest, ReadOpening, Opening, ParseResponse),
// the keys and the challenge (ParseKey, Challenge, Generator) and the frames (Decoder and the Append functions). It
// knows no connections, no time and no goroutines: whoever has a stream feeds it what was read and writes what it
// appends. Which origins, hosts and resources are served is not its business either. Randomness is an io.Reader that
// the caller gives.
//
// A client, with r and w joined to a server:
//
//	g := hixie.NewGenerator(rand.Reader)
//	challenge, err := g.Next()
//	want, err := challenge.Answer()
//	o := hixie.Opening{Host: "example.com", Resource: "/chat",
//		Origin: "http://example.com", HasOrigin: true, Challenge: challenge}
//	req := o.Request()
//	err = g.Shuffle(req.Fields)
//	_, err = w.Write(append(hixie.AppendRequest(nil, &req), challenge.Key3[:]...))
//
//	// Read until this is no longer hixie.ErrIncomplete.
//	resp, n, err := hixie.ParseResponse(buf)
//	protocol, tolerated, err := o.Check(&resp, false)
//	err = hixie.CheckAnswer([16]byte(buf[n:]), want)
//
//	// What came after that belongs to the frames.
//	var d hixie.Decoder
//	d.Feed(buf[n+16:])
//	frame, err := d.Next()
//
// Nothing here is safe for concurrent use by itself; distinct values are independent.
package hixie
