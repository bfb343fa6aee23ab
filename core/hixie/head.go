package hixie

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Limits of a head: what a peer may make us hold before it has said anything.
const (
	MaxHead   = 16 << 10 // bytes, the empty line included
	MaxFields = 100      // fields of one head

	maxMethod = 32 // bytes; the longest registered method has 17
)

// Errors for heads beyond the limits, wrapped in a *SyntaxError.
var (
	ErrHeadTooLarge  = errors.New("head is larger than 16 KiB")
	ErrTooManyFields = errors.New("head has more than 100 fields")
)

// A Field is one line of a head. Value is what stood after the colon without the one space that may follow it (section
// 4.1 step 36); further blanks are part of it, since each space of a key counts.
type Field struct {
	Name, Value string
}

// named reports whether f is called name, in any case; most names differ in length.
func (f *Field) named(name string) bool {
	return len(f.Name) == len(name) && equalFold(f.Name, name)
}

// Check reports why f must not be written into a head: an empty name, or bytes
// in name or value which would end the line or change its meaning.
func (f Field) Check() error {
	if f.Name == "" {
		return errors.New("field without a name")
	}
	for i := range len(f.Name) {
		if !isTokenByte(f.Name[i]) {
			return fmt.Errorf("field name %s has a byte %#02x, which no name may have", quote(f.Name), f.Name[i])
		}
	}
	for i := clean(f.Value); i < len(f.Value); i++ {
		if isControl(f.Value[i]) {
			return fmt.Errorf("field %s: its value %s has a control byte %#02x", f.Name, quote(f.Value), f.Value[i])
		}
	}
	return nil
}

// Check reports why r must not be written: bytes that would end a line or change its meaning.
func (r *Request) Check() error {
	for _, part := range []string{r.Method, r.Resource, r.Proto} {
		for i := range len(part) {
			if isControl(part[i]) || part[i] == ' ' || part[i] == '\t' {
				return fmt.Errorf("request line: %s has a byte %#02x, which would end it", quote(part), part[i])
			}
		}
	}
	return r.Fields.check()
}

// Check does the same for a response.
func (r *Response) Check() error {
	for i := clean(r.Reason); i < len(r.Reason); i++ {
		if isControl(r.Reason[i]) {
			return fmt.Errorf("status line: %s has a control byte %#02x", quote(r.Reason), r.Reason[i])
		}
	}
	return r.Fields.check()
}

func (f Fields) check() error {
	for i := range f {
		if err := f[i].Check(); err != nil {
			return err
		}
	}
	return nil
}

// Fields are the fields of a head in the order and case in which they stood.
// The names given to its methods match in any case.
type Fields []Field

// Get returns the value of the first field called name, and whether there is one.
func (f Fields) Get(name string) (value string, ok bool) {
	for i := range f {
		if f[i].named(name) {
			return f[i].Value, true
		}
	}
	return "", false
}

// Values returns the values of all fields called name, in order.
func (f Fields) Values(name string) []string {
	var values []string
	for i := range f {
		if f[i].named(name) {
			values = append(values, f[i].Value)
		}
	}
	return values
}

// Count returns how many fields are called name.
func (f Fields) Count(name string) int {
	n := 0
	for i := range f {
		if f[i].named(name) {
			n++
		}
	}
	return n
}

// List returns the items of the comma-separated lists in the fields called name, in order,
// without blanks around them and without empty ones.
func (f Fields) List(name string) []string {
	var items []string
	for i := range f {
		if !f[i].named(name) {
			continue
		}
		for item := range strings.SplitSeq(f[i].Value, ",") {
			if item = trimBlanks(item); item != "" {
				items = append(items, item)
			}
		}
	}
	return items
}

// HasToken reports whether a field called name holds token, in any case, in its
// comma-separated list.
func (f Fields) HasToken(name, token string) bool {
	for i := range f {
		if !f[i].named(name) {
			continue
		}
		if equalFold(f[i].Value, token) {
			return true
		}
		for item := range strings.SplitSeq(f[i].Value, ",") {
			if equalFold(trimBlanks(item), token) {
				return true
			}
		}
	}
	return false
}

// A Request is the head of an HTTP/1.x request.
type Request struct {
	Method   string // "GET"
	Resource string // as in the request line: "/chat?room=1"
	Proto    string // "HTTP/1.1"
	Fields   Fields
	// Tight is the name of the first field that has no space behind its colon, which the
	// drafts want in a request (section 5.1); "" if there is none. It is not written.
	Tight string
}

// Clone returns a copy that shares no memory with r, whose texts may be valid for a while only.
func (r *Request) Clone() *Request {
	own := &Request{strings.Clone(r.Method), strings.Clone(r.Resource), strings.Clone(r.Proto), make(Fields, len(r.Fields)), strings.Clone(r.Tight)}
	for i, f := range r.Fields {
		own.Fields[i] = Field{strings.Clone(f.Name), strings.Clone(f.Value)}
	}
	return own
}

// A Response is the head of an HTTP/1.x response.
type Response struct {
	Proto  string // "HTTP/1.1"
	Status int    // 0..999
	Reason string // may be empty
	Fields Fields
}

// ParseRequest reads the head of any HTTP/1.x request at the start of b and returns it with its length in bytes, the
// empty line included; what follows is not looked at. The strings are copies, so b may be reused.
//
// The error is ErrIncomplete until b decides, and then a *SyntaxError, which is the same however b is split and comes
// with the first byte that makes the head impossible. A head beyond MaxHead or MaxFields is one of those. Nothing is
// allocated before the head is complete.
func ParseRequest(b []byte) (Request, int, error) {
	line, l, err := scanHead(b, scanRequestLine, true)
	if err != nil {
		return Request{}, 0, err
	}
	head := string(b[:l.end])
	r := Request{
		Method:   head[:line.first],
		Resource: head[line.first+1 : line.second],
		Proto:    head[line.second+1 : line.end],
	}
	r.Fields, r.Tight = l.fields(head, line.end+2)
	return r, l.end, nil
}

// ParseResponse reads the head of a response at the start of b as section 4.1 steps 28 to 40 say: a status line that
// ends in CRLF and has at least two spaces, between them a code of three digits, then fields up to the empty line. The
// reason phrase may be anything, also empty. Otherwise it does as ParseRequest.
func ParseResponse(b []byte) (Response, int, error) {
	line, l, err := scanHead(b, scanStatusLine, false)
	if err != nil {
		return Response{}, 0, err
	}
	head := string(b[:l.end])
	code := head[line.first+1 : line.second]
	fields, _ := l.fields(head, line.end+2) // a client drops one space "if there is one" (4.1 36)
	return Response{
		Proto:  head[:line.first],
		Status: int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0'),
		Reason: head[line.second+1 : line.end],
		Fields: fields,
	}, l.end, nil
}

// AppendRequest appends the head r and its empty line to dst. It writes what it
// is given: Request.Check tells whether that may be written.
func AppendRequest(dst []byte, r *Request) []byte {
	dst = append(dst, r.Method...)
	dst = append(dst, ' ')
	dst = append(dst, r.Resource...)
	dst = append(dst, ' ')
	dst = append(dst, r.Proto...)
	return appendFields(dst, r.Fields)
}

// AppendResponse appends the head r and its empty line to dst, as AppendRequest does.
func AppendResponse(dst []byte, r *Response) []byte {
	dst = append(dst, r.Proto...)
	dst = append(dst, ' ')
	if r.Status < 100 {
		dst = append(dst, '0') // the code has three digits always
	}
	if r.Status < 10 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendInt(dst, int64(r.Status), 10)
	dst = append(dst, ' ')
	dst = append(dst, r.Reason...)
	return appendFields(dst, r.Fields)
}

// appendFields ends the first line and appends fields and the empty line.
func appendFields(dst []byte, fields Fields) []byte {
	dst = append(dst, "\r\n"...)
	for i := range fields {
		dst = append(dst, fields[i].Name...)
		dst = append(dst, ": "...)
		dst = append(dst, fields[i].Value...)
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "\r\n"...)
}
