package hixie

import "fmt"

// What is tolerated, all of it seen in servers, clients and proxies in use:
//
//	either side   Connection as a list, or several; blanks around a value; in
//	              draft 75 another order of fields
//	by a client   Upgrade in another case; a location that differs in the host's case or default port,
//	              in its query, or in ws for wss; one of several sub-protocols,
//	              or one that was not asked for; in draft 75 another reason
//	              phrase; any origin if none was sent
//	by a server   Upgrade as a list; no origin; Content-Length: 8 (or 0); several
//	              sub-protocols, or an empty one; no space behind a colon; a port
//	              that is no number; bytes of a resource that are no ASCII; with
//	              lenient keys also keys that do not divide
//
// Both drafts leave free the case of names, of a server the HTTP version and the
// case of Upgrade and, in draft 76, the order of fields and the reason phrase, so
// these are not in the list.

// A Tolerance is a deviation from the draft which the other side showed and which was let pass, because devices and
// proxies are like that. With the strict option each of them is a *CheckError instead.
type Tolerance struct {
	Field string // the field's name, or "request line"
	Got   string // what stood there; may be empty
	Want  string // what the draft wants there
	Why   string // why it was let pass
}

// String returns a line for a log.
func (t Tolerance) String() string {
	return fmt.Sprintf("%s: got %s, the draft wants %s: %s", t.Field, quote(t.Got), t.Want, t.Why)
}

// checker collects the deviations of one head, or refuses the first when strict.
type checker struct {
	strict     bool
	tolerances []Tolerance
}

// tolerate notes a deviation. It returns an error when strict.
func (c *checker) tolerate(step, field, got, want, why string) error {
	if c.strict {
		return &CheckError{Step: step, Field: field, Got: got, Want: want}
	}
	c.tolerances = append(c.tolerances, Tolerance{Field: field, Got: got, Want: want, Why: why})
	return nil
}

// one returns the value of the one field called name. Blanks around it are tolerated.
func (c *checker) one(fields Fields, step, name, want string) (string, error) {
	if err := exactlyOne(fields, step, name, want); err != nil {
		return "", err
	}
	value, _ := fields.Get(name)
	trimmed := trimBlanks(value)
	if trimmed == value {
		return value, nil
	}
	return trimmed, c.tolerate(step, name, value, "no blanks around the value", "they mean nothing in HTTP")
}

// exactlyOne refuses a head that has no field called name, or several.
func exactlyOne(fields Fields, step, name, want string) error {
	switch n := fields.Count(name); n {
	case 1:
		return nil
	case 0:
		return &CheckError{Step: step, Field: name, Want: want, Missing: true}
	default:
		return &CheckError{Step: step, Field: name, Want: want, Got: fmt.Sprintf("%d fields of this name", n), Repeated: true}
	}
}

// order checks that the first two fields of draft 75 are those it compares byte
// for byte. Both are there, or it would not have come to this.
func (c *checker) order(d Draft, fields Fields) error {
	if d != Draft75 || fields[0].Name == "Upgrade" && fields[1].Name == "Connection" {
		return nil
	}
	got := fields[0].Name + ", " + fields[1].Name
	return c.tolerate(StepUpgrade, "order of fields", got, "Upgrade, Connection", "their order means nothing in HTTP")
}
