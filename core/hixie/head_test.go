package hixie

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unsafe"
)

// crlf turns the lines of a head into its bytes.
func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

func TestParseRequest(t *testing.T) {
	for _, test := range []struct {
		name, head string
		want       Request
	}{
		{"the draft's", crlf(
			"GET /demo HTTP/1.1", "Host: example.com", "Connection: Upgrade",
			"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00", "Sec-WebSocket-Protocol: sample", "Upgrade: WebSocket",
			"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5", "Origin: http://example.com", ""),
			Request{"GET", "/demo", "HTTP/1.1", Fields{
				{"Host", "example.com"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Key2", "12998 5 Y3 1  .P00"},
				{"Sec-WebSocket-Protocol", "sample"}, {"Upgrade", "WebSocket"},
				{"Sec-WebSocket-Key1", "4 @1  46546xW%0l 1 5"}, {"Origin", "http://example.com"}}, ""}},
		{"curl's", crlf("GET / HTTP/1.1", "Host: localhost:8076", "User-Agent: curl/8.5.0", "Accept: */*", ""),
			Request{"GET", "/", "HTTP/1.1", Fields{{"Host", "localhost:8076"}, {"User-Agent", "curl/8.5.0"}, {"Accept", "*/*"}}, ""}},
		{"no fields", crlf("OPTIONS * HTTP/1.0", ""), Request{"OPTIONS", "*", "HTTP/1.0", Fields{}, ""}},
		{"a proxy's", crlf("CONNECT [::1]:443 HTTP/1.1", "Host:[::1]:443", ""),
			Request{"CONNECT", "[::1]:443", "HTTP/1.1", Fields{{"Host", "[::1]:443"}}, "Host"}},
		{"one blank is dropped, no more", crlf("GET / HTTP/1.1", "a:  b ", "c:\td", "e:", "f: ", ""),
			Request{"GET", "/", "HTTP/1.1", Fields{{"a", " b "}, {"c", "\td"}, {"e", ""}, {"f", ""}}, "c"}},
		{"colons and bytes above 0x7F in values", crlf("M-SEARCH /\xe9 HTTP/1.1", "a: b:c:\xff", ""),
			Request{"M-SEARCH", "/\xe9", "HTTP/1.1", Fields{{"a", "b:c:\xff"}}, ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, n, err := ParseRequest([]byte(test.head + "^n:ds[4U"))
			if err != nil || n != len(test.head) || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %q, %d, %v\nwant %q, %d", got, n, err, test.want, len(test.head))
			}
			checkSplits(t, []byte(test.head+"^n:ds[4U"), parseRequest)
		})
	}
}

func TestParseRequestRefuses(t *testing.T) {
	start := "GET / HTTP/1.1\r\n"
	for _, test := range []struct {
		name, head string
		offset     int64
		reason     string
	}{
		{"TLS", "\x16\x03\x01\x02\x00", 0, "control byte 0x16 in the method of a request"},
		{"Flash policy", "<policy-file-request/>\x00", 0, "byte '<' in the method of a request"},
		{"blank line first", "\r\nGET / HTTP/1.1\r\n\r\n", 0, "CR in the method"},
		{"space first", " GET / HTTP/1.1\r\n", 0, "begins with a space"},
		{"endless method", strings.Repeat("A", 40), 32, "no method"},
		{"method and nothing", "QUIT\r\n", 4, "CR in the method"},
		{"method alone on a line", "GET\n", 3, "bare LF in the method"},
		{"byte above 0x7F in the method", "G\xc3\x89T / ", 1, "byte 0xC3 in the method"},
		{"no resource", "GET  HTTP/1.1\r\n", 4, "no resource"},
		{"HTTP/0.9", "GET /\r\n", 5, "ends before its HTTP version"},
		{"tab in the resource", "GET /\tx HTTP/1.1\r\n", 5, "control byte 0x09 in the resource"},
		{"NUL in the resource", "GET /\x00", 5, "control byte 0x00 in the resource"},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 11, "does not end in HTTP/1.0 or HTTP/1.1"},
		{"another protocol", "GET / RTSP/1.0\r\n", 6, "does not end in"},
		{"space in the resource", "GET /a b HTTP/1.1\r\n", 7, "does not end in"},
		{"version goes on", "GET / HTTP/1.10\r\n", 14, "request line goes on"},
		{"bare LF after the request line", "GET / HTTP/1.1\n", 14, "bare LF at the end of a request line"},
		{"bare CR after the request line", "GET / HTTP/1.1\rX", 15, "request line: CR is not followed by LF"},
		{"empty name", start + ": x\r\n", 16, "field with an empty name"},
		{"no colon", start + "Upgrade\r\n", 23, "field without a colon"},
		{"bare CR in a name", start + "Upg\rrade: x", 19, "CR in the name of a field"},
		{"space before the colon", start + "Host : x\r\n", 20, "space in the name of a field"},
		{"continued", start + "a: b\r\n c\r\n\r\n", 22, "field continued on a second line"},
		{"continued by a tab", start + "a: b\r\n\tc\r\n\r\n", 22, "field continued on a second line"},
		{"bare LF in a value", start + "a: b\nc: d\r\n\r\n", 20, "bare LF in the value of a field"},
		{"bare CR in a value", start + "a: b\rc: d\r\n\r\n", 21, "field: CR is not followed by LF"},
		{"NUL in a value", start + "a: b\x00\r\n\r\n", 20, "control byte 0x00 in the value of a field"},
		{"escape in a value", start + "a: \x1b[2J\r\n\r\n", 19, "control byte 0x1B in the value of a field"},
		{"bare LF for the empty line", start + "a: b\r\n\n", 22, "bare LF in the name of a field"},
		{"bare CR for the empty line", start + "a: b\r\n\rx", 23, "empty line: CR is not followed by LF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, n, err := ParseRequest([]byte(test.head))
			checkSyntaxError(t, n, err, test.offset, test.reason)
			checkSplits(t, []byte(test.head), parseRequest)
		})
	}
}

func checkSyntaxError(t *testing.T, n int, err error, offset int64, reason string) {
	t.Helper()
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || n != 0 {
		t.Fatalf("got %d, %v; want a SyntaxError", n, err)
	}
	if syntax.Offset != offset || !strings.Contains(syntax.Reason, reason) {
		t.Errorf("got %q; want offset %d: %s", err, offset, reason)
	}
	if want := fmt.Sprintf("offset %d: %s", offset, syntax.Reason); err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestParseResponse(t *testing.T) {
	for _, test := range []struct {
		name, head string
		want       Response
	}{
		{"the draft's", crlf("HTTP/1.1 101 WebSocket Protocol Handshake", "Upgrade: WebSocket", "Connection: Upgrade",
			"Sec-WebSocket-Origin: http://example.com", "Sec-WebSocket-Location: ws://example.com/demo", "Sec-WebSocket-Protocol: sample", ""),
			Response{"HTTP/1.1", 101, "WebSocket Protocol Handshake", Fields{{"Upgrade", "WebSocket"}, {"Connection", "Upgrade"},
				{"Sec-WebSocket-Origin", "http://example.com"}, {"Sec-WebSocket-Location", "ws://example.com/demo"}, {"Sec-WebSocket-Protocol", "sample"}}}},
		{"no reason", crlf("HTTP/1.1 101 ", ""), Response{"HTTP/1.1", 101, "", Fields{}}},
		{"the seven bytes of the draft", " 101 \r\n\r\n", Response{"", 101, "", Fields{}}},
		{"any version, any code", crlf("ICY 007 o k ", "x y: z", ""), Response{"ICY", 7, "o k ", Fields{{"x y", "z"}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, n, err := ParseResponse([]byte(test.head + "8jKS'y:G*Co,Wxa-"))
			if err != nil || n != len(test.head) || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, %d, %v\nwant %+v, %d", got, n, err, test.want, len(test.head))
			}
			checkSplits(t, []byte(test.head+"8jKS'y:G*Co,Wxa-"), parseResponse)
		})
	}
}

func TestParseResponseRefuses(t *testing.T) {
	start := "HTTP/1.1 101 X\r\n"
	for _, test := range []struct {
		name, head string
		offset     int64
		reason     string
	}{
		{"no space", "SSH-2.0-OpenSSH_9\r\n", 17, "status line has no space"},
		{"one space", "HTTP/1.1 101\r\n", 12, "not followed by a space"},
		{"bare LF", "HTTP/1.1\n", 8, "bare LF in a status line"},
		{"bare LF after the phrase", "HTTP/1.1 101 X\n", 14, "bare LF in a status line"},
		{"bare CR in the version", "HTTP\r/1.1 101 X", 4, "CR in a status line"},
		{"bare CR in the phrase", "HTTP/1.1 101 X\rY", 15, "status line: CR is not followed by LF"},
		{"two digits", "HTTP/1.1 10 X\r\n", 11, "status code is not three digits"},
		{"four digits", "HTTP/1.1 1010 X\r\n", 12, "not followed by a space"},
		{"letters", "HTTP/1.1 1O1 X\r\n", 10, "status code is not three digits"},
		{"two spaces before the code", "HTTP/1.1  101 X\r\n", 9, "status code is not three digits"},
		{"frames instead of a head", "\x00hello\xff", 0, "control byte 0x00 in a status line"},
		{"escape in the phrase", "HTTP/1.1 101 \x1b[2J\r\n", 13, "control byte 0x1B in a status line"},
		{"empty name", start + ": x\r\n", 16, "field with an empty name"},
		{"no colon", start + "Upgrade\r\n", 23, "field without a colon"},
		{"continued", start + "a: b\r\n\tc\r\n\r\n", 22, "field continued on a second line"},
		{"bare LF in a value", start + "a: b\n", 20, "bare LF in the value of a field"},
		{"bare CR in a value", start + "a: b\rc", 21, "field: CR is not followed by LF"},
		{"bare LF in a name", start + "a\n", 17, "bare LF in the name of a field"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, n, err := ParseResponse([]byte(test.head))
			checkSyntaxError(t, n, err, test.offset, test.reason)
			checkSplits(t, []byte(test.head), parseResponse)
		})
	}
}

func parseRequest(b []byte) (any, int, error)  { return ParseRequest(b) }
func parseResponse(b []byte) (any, int, error) { return ParseResponse(b) }

// checkSplits checks what must hold of any input, cut at any place: it is
// incomplete, then it is decided, and from then on always in the same way.
func checkSplits(t *testing.T, b []byte, parse func([]byte) (any, int, error)) {
	t.Helper()
	whole, wholeN, wholeErr := parse(b)
	decided := false
	for i := range len(b) + 1 {
		// A copy without spare capacity: nothing beyond the prefix may be read.
		got, n, err := parse(append(make([]byte, 0, i), b[:i]...))
		if err == ErrIncomplete {
			if decided {
				t.Fatalf("%q is undecided again after %d bytes", b, i)
			}
			if n != 0 {
				t.Fatalf("ErrIncomplete with n = %d", n)
			}
			continue
		}
		if !decided {
			decided = true
			var syntax *SyntaxError
			switch {
			case err == nil && n != i:
				t.Fatalf("%q: complete after %d bytes, but n is %d", b, i, n)
			case errors.As(err, &syntax) && syntax.Offset != int64(i-1) && syntax.Err != ErrHeadTooLarge && !isCR(b, syntax.Offset):
				t.Fatalf("%q: %v comes after %d bytes", b, err, i)
			}
		}
		if !reflect.DeepEqual(got, whole) || n != wholeN || !reflect.DeepEqual(err, wholeErr) {
			t.Fatalf("%q: the first %d bytes give\n%q, %d, %v; all of them\n%q, %d, %v", b, i, got, n, err, whole, wholeN, wholeErr)
		}
	}
}

// isCR reports whether the byte at fault is a CR, which is one only when it is
// known what follows.
func isCR(b []byte, offset int64) bool { return b[offset] == '\r' }

func TestHeadLimits(t *testing.T) {
	head := func(fields int, size int) []byte {
		b := []byte("GET / HTTP/1.1\r\n")
		for i := range fields - 1 {
			b = fmt.Appendf(b, "f%d: v\r\n", i)
		}
		if fields > 0 {
			b = append(b, "last: "...)
			b = append(b, strings.Repeat("x", max(0, size-len(b)-4))...)
			b = append(b, "\r\n"...)
		}
		return append(b, "\r\n"...)
	}
	for _, test := range []struct {
		name   string
		head   []byte
		err    error
		offset int64
	}{
		{"largest", head(1, MaxHead), nil, 0},
		{"most fields", head(MaxFields, 0), nil, 0},
		{"both", head(MaxFields, MaxHead), nil, 0},
		{"a byte too large", head(1, MaxHead+1), ErrHeadTooLarge, MaxHead},
		{"much too large", head(1, 10*MaxHead), ErrHeadTooLarge, MaxHead},
		{"a field too many", head(MaxFields+1, 0), ErrTooManyFields, int64(len(head(MaxFields, 0)) + len("f98: v") - len("last: ") - 2)},
		{"endless resource", append([]byte("GET /"), strings.Repeat("x", MaxHead)...), ErrHeadTooLarge, MaxHead},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, n, err := ParseRequest(test.head)
			if test.err == nil {
				if err != nil || n != len(test.head) {
					t.Errorf("got %d, %v; want %d", n, err, len(test.head))
				}
				return
			}
			var syntax *SyntaxError
			if !errors.Is(err, test.err) || !errors.As(err, &syntax) || syntax.Offset != test.offset || n != 0 {
				t.Errorf("got %d, %v; want %v at %d", n, err, test.err, test.offset)
			}
			// It is known with that byte and not before.
			for _, cut := range []int64{test.offset - 1, test.offset} {
				if _, _, err := ParseRequest(test.head[:cut]); err == nil || test.err == ErrTooManyFields && err != ErrIncomplete {
					t.Errorf("the first %d bytes: %v", cut, err)
				}
			}
			if _, _, err := ParseRequest(test.head[:min(len(test.head), int(test.offset)+1)]); !errors.Is(err, test.err) {
				t.Errorf("with the byte at the offset: %v", err)
			}
			response := append([]byte("HTTP/1.1 101 WebSocket Protocol\r\n"), test.head[16:]...)
			if test.err == ErrTooManyFields {
				if _, _, err := ParseResponse(response); !errors.Is(err, test.err) {
					t.Errorf("as a response: %v", err)
				}
			}
		})
	}
}

// A head costs its string and its fields; a prefix and a refused head cost
// nothing that grows with it.
func TestHeadAllocates(t *testing.T) {
	head := []byte(crlf("GET /demo HTTP/1.1", "Host: example.com", "Connection: Upgrade", "Upgrade: WebSocket", ""))
	response := []byte(crlf("HTTP/1.1 101 X", "Connection: Upgrade", "Upgrade: WebSocket", ""))
	for _, test := range []struct {
		name string
		most float64
		f    func()
	}{
		{"request", 2, func() { ParseRequest(head) }},
		{"response", 2, func() { ParseResponse(response) }},
		{"prefix", 0, func() { ParseRequest(head[:len(head)-1]) }},
	} {
		if n := testing.AllocsPerRun(100, test.f); n > test.most {
			t.Errorf("%s: %v allocations", test.name, n)
		}
	}
	req, _, err := ParseRequest(head)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() {
		dst = AppendRequest(dst[:0], &req)
		req.Fields.HasToken("Connection", "upgrade")
		req.Fields.Get("host")
		req.Fields.Count("host")
	}); n != 0 {
		t.Errorf("append and look up: %v allocations", n)
	}
}

// What was parsed does not change with the buffer it came from.
func TestParseRequestCopies(t *testing.T) {
	b := []byte(crlf("GET /demo HTTP/1.1", "Host: example.com", ""))
	req, _, err := ParseRequest(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if want := (Request{"GET", "/demo", "HTTP/1.1", Fields{{"Host", "example.com"}}, ""}); !reflect.DeepEqual(req, want) {
		t.Errorf("got %q", req)
	}
}

func TestAppendResponse(t *testing.T) {
	for status, want := range map[int]string{
		7:   "HTTP/1.1 007 X\r\na: b\r\n\r\n",
		42:  "HTTP/1.1 042 X\r\na: b\r\n\r\n",
		101: "HTTP/1.1 101 X\r\na: b\r\n\r\n",
	} {
		got := AppendResponse([]byte("before "), &Response{"HTTP/1.1", status, "X", Fields{{"a", "b"}}})
		if string(got) != "before "+want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestFields(t *testing.T) {
	f := Fields{{"Connection", "keep-alive"}, {"X", "1"}, {"CONNECTION", "close , \tUpgrade"}, {"x", ""}}
	if v, ok := f.Get("connection"); v != "keep-alive" || !ok {
		t.Errorf("Get: %q, %v", v, ok)
	}
	if v, ok := f.Get("Connectio"); v != "" || ok {
		t.Errorf("Get of what is not there: %q, %v", v, ok)
	}
	if v := f.Values("x"); !reflect.DeepEqual(v, []string{"1", ""}) {
		t.Errorf("Values: %q", v)
	}
	if n := f.Count("conNection"); n != 2 {
		t.Errorf("Count: %d", n)
	}
	for token, want := range map[string]bool{"upgrade": true, "KEEP-ALIVE": true, "close": true, "clos": false, "keep": false, "": false} {
		if got := f.HasToken("Connection", token); got != want {
			t.Errorf("HasToken %q: %v", token, got)
		}
	}
	// Only ASCII letters fold: U+212A, the Kelvin sign, is no k.
	if (Fields{{"a", "\u212Aeep"}}).HasToken("a", "keep") {
		t.Error("HasToken folds more than ASCII")
	}
}

func TestFieldCheck(t *testing.T) {
	for _, test := range []struct {
		field Field
		err   string
	}{
		{Field{"X-Token", "a b\tc \xff"}, ""},
		{Field{"X", ""}, ""},
		{Field{"", "x"}, "without a name"},
		{Field{"X:", "x"}, `field name "X:" has a byte 0x3a`},
		{Field{"X Y", "x"}, `field name "X Y" has a byte 0x20`},
		{Field{"X", "a\r\nY: b"}, `field X: its value "a\r\nY: b" has a control byte 0x0d`},
		{Field{"X", "a\x00"}, "control byte 0x00"},
	} {
		err := test.field.Check()
		if err == nil && test.err != "" || err != nil && (test.err == "" || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%q: got %v, want %q", test.field, err, test.err)
		}
	}
}

func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"GET /demo HTTP/1.1\r\nHost: example.com\r\nUpgrade: WebSocket\r\n\r\n^n:ds[4U",
		"GET / HTTP/1.0\r\n\r\n", "GET /\r\n", "\x16\x03\x01", "PRI * HTTP/2.0\r\n\r\n", "GET / HTTP/1.1\r\na:  b \r\nc:\td\r\n\r\n", "GET / HTTP/1.1\r\n: a\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) <= 2048 { // each prefix is parsed
			checkSplits(t, b, parseRequest)
		}
		req, _, err := ParseRequest(b)
		if err != nil {
			return
		}
		again := AppendRequest(nil, &req)
		got, n, err := ParseRequest(again)
		if len(again) > MaxHead { // "a:" comes back as "a: "
			return
		}
		req.Tight = ""
		if err != nil || n != len(again) || !reflect.DeepEqual(got, req) {
			t.Fatalf("%q became %q: %q, %d, %v", b, again, got, n, err)
		}
		for _, field := range req.Fields {
			if err := field.Check(); err != nil {
				t.Fatalf("%q was read, but may not be written: %v", field, err)
			}
		}
	})
}

func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\n\r\n8jKS'y:G*Co,Wxa-",
		"HTTP/1.1 101 \r\n\r\n", " 101 \r\n\r\n", "HTTP/1.1 101\r\n", "X 007 \t\r\na b: c\r\n\r\n", "HTTP/1.1 1O1 X\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) <= 2048 {
			checkSplits(t, b, parseResponse)
		}
		resp, _, err := ParseResponse(b)
		if err != nil {
			return
		}
		again := AppendResponse(nil, &resp)
		got, n, err := ParseResponse(again)
		if len(again) > MaxHead {
			return
		}
		if err != nil || n != len(again) || !reflect.DeepEqual(got, resp) {
			t.Fatalf("%q became %q: %+v, %d, %v", b, again, got, n, err)
		}
	})
}

func BenchmarkParseRequest(b *testing.B) {
	head := []byte(crlf(
		"GET /demo HTTP/1.1", "Host: example.com", "Connection: Upgrade",
		"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00", "Sec-WebSocket-Protocol: sample", "Upgrade: WebSocket",
		"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5", "Origin: http://example.com", ""))
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ParseRequest(head); err != nil {
			b.Fatal(err)
		}
	}
}

// A copy of a request is what it was when the memory of the request is another's.
func TestRequestClone(t *testing.T) {
	const text = "GET /a HTTP/1.1\r\nHost: b\r\n\r\n"
	memory := []byte(text)
	shared := unsafe.String(&memory[0], len(memory))
	r := Request{shared[:3], shared[4:6], shared[7:15], Fields{{shared[17:21], shared[23:24]}}, ""}
	own := r.Clone()
	clear(memory)
	if want := (Request{"GET", "/a", "HTTP/1.1", Fields{{"Host", "b"}}, ""}); !reflect.DeepEqual(*own, want) {
		t.Errorf("%+v, want %+v", *own, want)
	}
}
