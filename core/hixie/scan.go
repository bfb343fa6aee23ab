package hixie

import "strings"

// How a head is read: one pass checks each byte in order and remembers nothing but a few positions, so that a prefix
// costs no memory and always meets the same error; only a complete head is then cut into strings.

// firstLine holds positions in a request or status line: its first and second space, and the CR at its end.
type firstLine struct {
	first, second, end int
}

// layout says where a complete head ends and how many fields it has.
type layout struct {
	end   int
	count int
}

// fields cuts the checked lines of head, from offset start on, into fields. tight is the name of
// the first one that has no space behind its colon.
func (l layout) fields(head string, start int) (fields Fields, tight string) {
	fields = make(Fields, 0, l.count)
	for range l.count {
		colon := start + strings.IndexByte(head[start:], ':')
		end := colon + strings.IndexByte(head[colon:], '\r')
		value, spaced := strings.CutPrefix(head[colon+1:end], " ")
		if !spaced && tight == "" {
			tight = head[start:colon]
		}
		fields = append(fields, Field{head[start:colon], value})
		start = end + 2
	}
	return fields, tight
}

// scanHead checks the head at the start of b: its first line by scanFirst, then the fields.
func scanHead(b []byte, scanFirst func([]byte) (firstLine, error), request bool) (firstLine, layout, error) {
	limited := b[:min(len(b), MaxHead)]
	line, err := scanFirst(limited)
	var l layout
	if err == nil {
		l, err = scanFields(limited, line.end+2, request)
	}
	if err == ErrIncomplete && len(b) >= MaxHead {
		err = &SyntaxError{Offset: MaxHead, Reason: ErrHeadTooLarge.Error(), Err: ErrHeadTooLarge}
	}
	if err != nil {
		return firstLine{}, layout{}, err
	}
	return line, l, nil
}

// scanRequestLine checks METHOD SP RESOURCE SP HTTP/1.x CRLF. It is the first that sees what a stranger sends, so
// whatever can be no HTTP is refused at its first byte.
func scanRequestLine(b []byte) (line firstLine, err error) {
	i := 0
	for ; i < len(b) && b[i] != ' '; i++ {
		switch {
		case !isTokenByte(b[i]):
			return line, wrongByte(b, i, "the method of a request")
		case i >= maxMethod:
			return line, &SyntaxError{Offset: int64(i), Reason: "request line begins with no method: no space in its first 32 bytes"}
		}
	}
	if i == len(b) {
		return line, ErrIncomplete
	}
	if i == 0 {
		return line, &SyntaxError{Offset: 0, Reason: "request line begins with a space instead of a method"}
	}
	line.first = i

	for i++; i < len(b) && b[i] != ' '; i++ {
		switch c := b[i]; {
		case c == '\r' || c == '\n':
			return line, &SyntaxError{Offset: int64(i), Reason: "request line ends before its HTTP version"}
		case isControl(c) || c == '\t':
			return line, wrongByte(b, i, "the resource of a request line")
		}
	}
	if i == len(b) {
		return line, ErrIncomplete
	}
	if i == line.first+1 {
		return line, &SyntaxError{Offset: int64(i), Reason: "request line has no resource between its spaces"}
	}
	line.second = i

	const proto = "HTTP/1."
	for i++; i < len(b); i++ {
		k := i - line.second - 1
		if k < len(proto) && b[i] == proto[k] {
			continue
		}
		if k == len(proto) && isDigit(b[i]) {
			line.end = i + 1
			return line, scanCRLF(b, line.end, "request line")
		}
		return line, &SyntaxError{Offset: int64(i), Reason: "request line does not end in HTTP/1.0 or HTTP/1.1"}
	}
	return line, ErrIncomplete
}

// scanStatusLine checks a status line: section 4.1 steps 28 to 30.
func scanStatusLine(b []byte) (line firstLine, err error) {
	// 28. Read bytes up to a 0x0A byte. The last two must be CRLF, and there
	//     must be two spaces. With the code between them these are the seven
	//     bytes the draft asks for. It does not say what stands before.
	i := 0
	for ; i < len(b) && b[i] != ' '; i++ {
		switch c := b[i]; {
		case c == '\r' && i+1 == len(b):
			return line, ErrIncomplete
		case c == '\r' && b[i+1] == '\n':
			return line, &SyntaxError{Offset: int64(i), Reason: "status line has no space, so no status code"}
		case isControl(c):
			return line, wrongByte(b, i, "a status line")
		}
	}
	if i == len(b) {
		return line, ErrIncomplete
	}
	line.first = i

	// 29. The code is what stands between the first two spaces.
	// 30. It must be three digits.
	for range 3 {
		if i++; i == len(b) {
			return line, ErrIncomplete
		}
		if !isDigit(b[i]) {
			return line, &SyntaxError{Offset: int64(i), Reason: "status code is not three digits"}
		}
	}
	if i++; i == len(b) {
		return line, ErrIncomplete
	}
	if b[i] != ' ' {
		return line, &SyntaxError{Offset: int64(i), Reason: "status code of three digits is not followed by a space"}
	}
	line.second = i

	for i++; i < len(b) && b[i] != '\r'; i++ {
		if isControl(b[i]) {
			return line, wrongByte(b, i, "a status line")
		}
	}
	if i == len(b) {
		return line, ErrIncomplete
	}
	line.end = i
	return line, scanCRLF(b, i, "status line")
}

// scanFields checks the fields from offset i to the empty line: section 4.1 steps 32 to 40.
func scanFields(b []byte, i int, request bool) (l layout, err error) {
	for {
		// 33. A new field, its name empty so far.
		// 34. A CR here ends the fields, 40. if a LF follows.
		if i == len(b) {
			return l, ErrIncomplete
		}
		if b[i] == '\r' {
			l.end = i + 2
			return l, scanCRLF(b, i, "empty line")
		}
		if l.count == MaxFields {
			return l, &SyntaxError{Offset: int64(i), Reason: ErrTooManyFields.Error(), Err: ErrTooManyFields}
		}
		l.count++

		// 34. The name goes up to the colon. Of requests HTTP's own rule holds
		//     for its bytes, lest we and a proxy read two different things.
		start := i
		for ; i < len(b) && b[i] != ':'; i++ {
			switch c := b[i]; {
			case i == start && (c == ' ' || c == '\t'):
				return l, &SyntaxError{Offset: int64(i), Reason: "field continued on a second line"}
			case request && isTokenByte(c), !request && !isControl(c):
			case c == '\r' && i+1 == len(b):
				return l, ErrIncomplete
			case c == '\r' && b[i+1] == '\n':
				return l, &SyntaxError{Offset: int64(i), Reason: "field without a colon"}
			default:
				return l, wrongByte(b, i, "the name of a field")
			}
		}
		if i == len(b) {
			return l, ErrIncomplete
		}
		if i == start {
			return l, &SyntaxError{Offset: int64(i), Reason: "field with an empty name"}
		}

		// 36. The value goes up to the CR.
		i++
		for i += clean(b[i:]); i < len(b) && b[i] != '\r'; i++ {
			if isControl(b[i]) {
				return l, wrongByte(b, i, "the value of a field")
			}
		}
		if i == len(b) {
			return l, ErrIncomplete
		}
		// 37. A LF must follow.
		if err := scanCRLF(b, i, "field"); err != nil {
			return l, err
		}
		i += 2
	}
}

// scanCRLF checks that the line called what ends in CRLF at offset i.
func scanCRLF(b []byte, i int, what string) error {
	switch {
	case i == len(b) || b[i] == '\r' && i+1 == len(b):
		return ErrIncomplete
	case b[i] == '\n':
		return &SyntaxError{Offset: int64(i), Reason: "bare LF at the end of a " + what}
	case b[i] != '\r':
		return &SyntaxError{Offset: int64(i), Reason: what + " goes on where it should end"}
	case b[i+1] != '\n':
		return &SyntaxError{Offset: int64(i + 1), Reason: what + ": CR is not followed by LF"}
	}
	return nil
}

// wrongByte is the error for b[i], which may not stand in what.
func wrongByte(b []byte, i int, what string) error {
	const hex = "0123456789ABCDEF"
	var name string
	switch c := b[i]; {
	case c == '\r':
		name = "CR"
	case c == '\n':
		name = "bare LF"
	case c == ' ':
		name = "space"
	case isControl(c), c == '\t':
		name = "control byte 0x" + string([]byte{hex[c>>4], hex[c&15]})
	case c >= 0x80:
		name = "byte 0x" + string([]byte{hex[c>>4], hex[c&15]})
	default:
		name = "byte '" + string(rune(c)) + "'"
	}
	return &SyntaxError{Offset: int64(i), Reason: name + " in " + what}
}
