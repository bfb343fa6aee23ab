package hixie

import (
	"strings"
)

// Reason phrases of the two drafts. One client of draft 75 insists on its own.
const (
	phrase75 = "Web Socket Protocol Handshake"
	phrase76 = "WebSocket Protocol Handshake"
)

// An Opening is one opening handshake as either side knows it: what a client asks for, or what a server read.
type Opening struct {
	Draft     Draft    // the zero value counts as Draft76
	Secure    bool     // wss rather than ws
	Host      string   // as in the Host field: with the port unless it is the default one
	Resource  string   // path and query
	Origin    string   // as in the Origin field
	HasOrigin bool     // there is an Origin field
	Protocols []string // the sub-protocols asked for

	// Challenge is there in draft 76 only. On a server the caller fills in Key3
	// once it has read the 8 bytes after the head.
	Challenge Challenge
}

// Location returns the URL of the connection, ws://host/resource, as the draft has the server repeat it.
func (o *Opening) Location() string {
	if o.Secure {
		return "wss://" + o.Host + o.Resource
	}
	return "ws://" + o.Host + o.Resource
}

// Request returns the head a client sends, its fields in the order in which the drafts name them: section 4.1 steps 8
// to 23. Draft 76 wants them shuffled after that, see Generator.Shuffle; draft 75 wants them so. Key3 is not part of
// it: the 8 bytes follow the head.
func (o *Opening) Request() Request {
	// 10. and 11.
	fields := Fields{{"Upgrade", "WebSocket"}, {"Connection", "Upgrade"}}
	// 12. The host, with the port unless it is the default one.
	fields = append(fields, Field{"Host", o.Host})
	// 13. The origin in ASCII lower case.
	if o.HasOrigin {
		fields = append(fields, Field{"Origin", toLower(o.Origin)})
	}
	// 14. The sub-protocol, if there is one.
	if len(o.Protocols) > 0 {
		fields = append(fields, Field{o.protocolField(), o.offer()})
	}
	// 23. The keys.
	if o.Draft != Draft75 {
		fields = append(fields,
			Field{key1Field, string(o.Challenge.Key1)},
			Field{key2Field, string(o.Challenge.Key2)})
	}
	return Request{Method: "GET", Resource: o.Resource, Proto: "HTTP/1.1", Fields: fields}
}

// Response returns the head with which a server accepts: section 5.2 steps 10 to
// 12. The answer to the challenge of draft 76 follows it. The protocol is left
// out if it is "". The origin goes back in ASCII lower case. The location is o.Location() if it is "", which is wrong only
// behind a proxy. To a client that sent no origin the origin is "null".
func (o *Opening) Response(protocol, location string) Response {
	if location == "" {
		location = o.Location()
	}
	origin := toLower(o.Origin) // 2.
	if !o.HasOrigin {
		origin = "null"
	}
	fields := Fields{
		{"Upgrade", "WebSocket"},
		{"Connection", "Upgrade"},
		{o.originField(), origin},
		{o.locationField(), location},
	}
	if protocol != "" {
		fields = append(fields, Field{o.protocolField(), protocol})
	}
	phrase := phrase76
	if o.Draft == Draft75 {
		phrase = phrase75
	}
	return Response{Proto: "HTTP/1.1", Status: 101, Reason: phrase, Fields: fields}
}

// offer returns the value of the field that asks for the sub-protocols.
func (o *Opening) offer() string { return strings.Join(o.Protocols, ", ") }

// The fields which draft 76 renamed so that no script could set them.
func (o *Opening) originField() string   { return o.renamed("Sec-WebSocket-Origin") }
func (o *Opening) locationField() string { return o.renamed("Sec-WebSocket-Location") }
func (o *Opening) protocolField() string { return o.renamed("Sec-WebSocket-Protocol") }

func (o *Opening) renamed(field string) string {
	if o.Draft == Draft75 {
		return field[len("Sec-"):]
	}
	return field
}
