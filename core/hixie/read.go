package hixie

import (
	"slices"
	"strings"
)

// ReadOptions say how a server reads an opening handshake. The zero value is what a plain server uses.
type ReadOptions struct {
	Secure      bool // the connection came in over TLS
	LenientKeys bool // read keys by ParseKeyLenient, for devices that cannot be changed
	Strict      bool // tolerate nothing
}

// Detect tells which draft a request with these fields speaks: Draft76 with both keys, Draft75 with an upgrade to
// WebSocket and nothing else, 0 with neither or with the fields of RFC 6455. One key alone is an error, a *CheckError.
func Detect(f Fields) (Draft, error) {
	if f.Count("Sec-WebSocket-Version") > 0 || f.Count("Sec-WebSocket-Key") > 0 {
		return 0, nil
	}
	has1, has2 := f.Count(key1Field) > 0, f.Count(key2Field) > 0
	switch {
	case has1 && has2:
		return Draft76, nil
	case has1:
		return 0, missingKey(StepKey2, key2Field, key1Field)
	case has2:
		return 0, missingKey(StepKey1, key1Field, key2Field)
	case f.HasToken("Upgrade", "WebSocket"):
		return Draft75, nil
	}
	return 0, nil
}

func missingKey(step, field, other string) error {
	return &CheckError{Step: step, Field: field, Want: "a key, since there is " + other, Missing: true}
}

// ReadOpening checks the request of a client of either draft and returns what it asks for: section 5.1 and, for the
// keys, 5.2 steps 1 to 6. Which origins, hosts and resources it serves is the caller's business, as is key3. What was
// tolerated is returned. The error is a *CheckError; for a bad key it wraps the *KeyError.
func ReadOpening(req *Request, opt ReadOptions) (Opening, []Tolerance, error) {
	r := &reader{checker: checker{strict: opt.Strict}, req: req, opt: opt}
	r.Secure = opt.Secure
	draft, err := Detect(req.Fields)
	if err != nil {
		return Opening{}, nil, err
	}
	r.Draft = draft
	for _, read := range []func() error{
		r.readLine,
		r.readFields,
		r.readUpgrade,
		r.readConnection,
		r.readOrder,
		r.readHost,
		r.readOrigin,
		r.readBody,
		r.readProtocols,
		r.readKeys,
	} {
		if err := read(); err != nil {
			return Opening{}, nil, err
		}
	}
	return r.Opening, r.tolerances, nil
}

// ReadUpgrade checks of a request for RFC 6455 what it has in common with those of the
// drafts: the request line, Connection, one Host, one Origin at most, and no body. Key and
// version are the caller's business. The error is a *CheckError.
func ReadUpgrade(req *Request) (Opening, error) {
	r := &reader{req: req, later: true}
	for _, read := range []func() error{
		r.readLine,
		r.readConnection,
		r.readHost,
		r.readOrigin,
		r.readBody,
		r.readProtocols,
	} {
		if err := read(); err != nil {
			return Opening{}, err
		}
	}
	return r.Opening, nil
}

// reader is the state of ReadOpening and ReadUpgrade.
type reader struct {
	later bool // RFC 6455 or one of its drafts: what is tolerated otherwise is in order there
	checker
	Opening
	req *Request
	opt ReadOptions
}

// readLine checks the request line: "GET /resource HTTP/1.1".
func (r *reader) readLine() error {
	if r.req.Method != "GET" {
		return &CheckError{Step: StepMethod, Got: r.req.Method, Want: "GET"}
	}
	if !strings.HasPrefix(r.req.Resource, "/") {
		return &CheckError{Step: StepResource, Got: r.req.Resource, Want: "a path that begins with a slash"}
	}
	r.Resource = r.req.Resource
	if r.later {
		if r.req.Proto != "HTTP/1.1" { // section 4.1: a proxy that speaks 1.0 knows no Upgrade
			return &CheckError{Step: StepVersion, Field: "request line", Got: r.req.Proto, Want: "HTTP/1.1"}
		}
		return nil
	}
	// Section 5.1: what stands behind the resource "can be safely ignored".
	if !isPrintable(r.Resource) {
		return r.tolerate(StepResource, "resource", r.Resource, "U+0021 to U+007E only", "some clients do not escape what is no ASCII")
	}
	return nil
}

// readFields checks how the fields are written: a name, a colon and a space (section 5.1).
func (r *reader) readFields() error {
	if tight := r.req.Tight; tight != "" {
		value, _ := r.req.Fields.Get(tight)
		return r.tolerate(StepFields, tight, tight+":"+value, "a space behind the colon", "it means nothing in HTTP")
	}
	return nil
}

func (r *reader) readUpgrade() error {
	f := r.req.Fields
	if r.Draft == 0 {
		// No keys and no upgrade to WebSocket, or another protocol's fields.
		if f.Count("Sec-WebSocket-Version") > 0 || f.Count("Sec-WebSocket-Key") > 0 {
			return &CheckError{Step: StepKey1, Field: key1Field, Want: "a key", Missing: true, Hint: "the client speaks RFC 6455"}
		}
		value, ok := f.Get("Upgrade")
		return &CheckError{Step: StepUpgrade, Field: "Upgrade", Got: value, Want: "WebSocket", Missing: !ok}
	}
	if !f.HasToken("Upgrade", "WebSocket") {
		value, ok := f.Get("Upgrade")
		return &CheckError{Step: StepUpgrade, Field: "Upgrade", Got: value, Want: "WebSocket", Missing: !ok,
			Hint: "with both keys there, a proxy may have changed it"}
	}
	// Section 5.1: an "ASCII case-insensitive match".
	if value, _ := f.Get("Upgrade"); f.Count("Upgrade") != 1 || !equalFold(value, "WebSocket") {
		return r.tolerate(StepUpgrade, "Upgrade", strings.Join(f.Values("Upgrade"), ", "), "WebSocket", "some clients make a list of it")
	}
	return nil
}

func (r *reader) readConnection() error {
	f := r.req.Fields
	if value, _ := f.Get("Connection"); f.Count("Connection") == 1 && equalFold(value, "Upgrade") {
		return nil
	}
	values := f.Values("Connection")
	if !f.HasToken("Connection", "Upgrade") {
		return &CheckError{Step: StepConnection, Field: "Connection", Got: strings.Join(values, ", "), Want: "Upgrade", Missing: len(values) == 0}
	}
	return r.tolerate(StepConnection, "Connection", strings.Join(values, ", "), "Upgrade", "proxies make a list of it")
}

func (r *reader) readOrder() error { return r.order(r.Draft, r.req.Fields) }

func (r *reader) readHost() (err error) {
	const want = "the host asked for"
	if r.Host, err = r.one(r.req.Fields, StepHost, "Host", want); err != nil {
		return err
	}
	// The host comes back in the location, where these would change its meaning.
	if r.Host == "" || strings.ContainsAny(r.Host, " \t,/?#@\\") {
		return &CheckError{Step: StepHost, Field: "Host", Got: r.Host, Want: wantHost}
	}
	if !r.later && !portIsNumber(r.Host) {
		return r.tolerate(StepHost, "Host", r.Host, wantHost, "it goes back as it came")
	}
	return nil
}

const wantHost = "a host, with a port if it is not the default one"

// portIsNumber reports whether host has no port, or one of digits.
func portIsNumber(host string) bool {
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 || strings.HasSuffix(host, "]") {
		return true
	}
	port := host[colon+1:]
	for i := range len(port) {
		if !isDigit(port[i]) {
			return false
		}
	}
	return port != ""
}

func (r *reader) readOrigin() (err error) {
	name := "Origin"
	if r.later && r.req.Fields.Count(name) == 0 {
		name = "Sec-WebSocket-Origin" // until hybi-11
	}
	if r.req.Fields.Count(name) == 0 {
		if r.strict {
			return &CheckError{Step: StepOrigin, Field: "Origin", Want: "the origin of the script", Missing: true}
		}
		return r.tolerate(StepOrigin, "Origin", "", "the origin of the script", "clients other than browsers have none, the answer says null")
	}
	r.HasOrigin = true
	r.Origin, err = r.one(r.req.Fields, StepOrigin, name, "the origin of the script")
	return err
}

// readBody refuses what would make the 8 bytes after the head something else than key3.
func (r *reader) readBody() error {
	f := r.req.Fields
	if value, ok := f.Get("Transfer-Encoding"); ok {
		return &CheckError{Step: StepBody, Field: "Transfer-Encoding", Got: value, Want: "no such field"}
	}
	for _, value := range f.Values("Content-Length") {
		length := trimBlanks(value)
		if length != "0" && (length != "8" || r.Draft != Draft76) {
			return &CheckError{Step: StepBody, Field: "Content-Length", Got: value, Want: "no such field"}
		}
		if err := r.tolerate(StepBody, "Content-Length", value, "no such field", "several clients count key3 as a body"); err != nil {
			return err
		}
	}
	return nil
}

// readProtocols reads what is asked for: a list in RFC 6455. In the drafts it is one name of
// U+0020 to U+007E, spaces among them (section 4.1), but clients have sent lists from early on.
func (r *reader) readProtocols() error {
	name := r.protocolField()
	values := r.req.Fields.Values(name)
	r.Protocols = r.req.Fields.List(name)
	if len(values) == 0 || len(values) == 1 && slices.Equal(values, r.Protocols) && isPrintable(values[0]) {
		return nil
	}
	return r.tolerate(StepProtocol, name, strings.Join(values, ", "), "one sub-protocol of U+0020 to U+007E", "clients offer several, or an empty one")
}

func (r *reader) readKeys() (err error) {
	if r.Draft != Draft76 {
		return nil
	}
	if r.Challenge.Key1, err = r.readKey(StepKey1, key1Field); err != nil {
		return err
	}
	r.Challenge.Key2, err = r.readKey(StepKey2, key2Field)
	return err
}

func (r *reader) readKey(step, field string) ([]byte, error) {
	if err := exactlyOne(r.req.Fields, step, field, "a key"); err != nil {
		return nil, err
	}
	key, _ := r.req.Fields.Get(field)
	_, err := ParseKey(key)
	if err != nil && r.opt.LenientKeys {
		if _, lenient := ParseKeyLenient(key); lenient == nil {
			why := "lenient keys were asked for"
			r.tolerances = append(r.tolerances, Tolerance{field, key, "a key whose number is a multiple of its spaces", why})
			return []byte(key), nil
		}
	}
	if err != nil {
		return nil, &CheckError{Step: step, Field: field, Got: key, Want: "a key", Err: err}
	}
	return []byte(key), nil
}
