package wifly

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// authNames are the module's numbers for the kinds of authentication.
var authNames = []string{"open", "wep", "wpa1", "mixed", "wpa2"}

// authFamily is "open", "wep" or "wpa": what a passphrase is for; "" is not known. Old
// firmware has names of its own in its scan.
func authFamily(auth string) string {
	auth = strings.ToLower(auth)
	switch {
	case auth == "open":
		return "open"
	case strings.HasPrefix(auth, "wep"):
		return "wep"
	case strings.HasPrefix(auth, "wpa"), auth == "mixed":
		return "wpa"
	}
	return ""
}

// isWEPKey reports whether a passphrase may be the key of a WEP network.
func isWEPKey(phrase string) bool {
	_, err := hex.DecodeString(phrase)
	return len(phrase) == 26 && err == nil
}

// clash says why a network, as scan shows it, can't be the one that s describes, "" if it can.
func (s *Setup) clash(n Network) string {
	family := authFamily(n.Auth)
	wanted := authFamily(s.Auth)
	switch {
	case family == "":
	case wanted != "" && wanted != family,
		s.Auth == "wpa1" && n.Auth == "wpa2", s.Auth == "wpa2" && n.Auth == "wpa1":
		return fmt.Sprintf("scan shows it as %s, and not %s; without --auth what scan shows is taken", n.Auth, s.Auth)
	case family == "open" && s.Phrase != "":
		return "scan shows it as open, and a passphrase was given; leave that out, or is it another network of that name?"
	case family == "wep" && s.Phrase != "" && !isWEPKey(s.Phrase):
		return fmt.Sprintf("scan shows it as wep, whose key has 26 hex digits; what was given is no such key, it has %d characters", len(s.Phrase))
	}
	return ""
}

// lookFor finds the network that s is for in the air: of those whose name is the same the
// strongest that fits. Without one, as it may be hidden, found is nil.
func (m *Module) lookFor(ctx context.Context, s *Setup, same func(name string) bool) (found *Network, err error) {
	list, err := m.Scan(ctx)
	if errors.Is(err, ErrReply) { // the list of another firmware, say
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(n Network) bool { return !same(n.SSID) })
	slices.SortStableFunc(list, func(a, b Network) int { return b.RSSI - a.RSSI })
	for _, n := range list {
		if s.clash(n) == "" {
			return &n, nil
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	return nil, &Error{Kind: ErrOtherAuth, Doing: fmt.Sprintf("looking for %q", list[0].SSID), Hint: s.clash(list[0])}
}

// explain adds to what a join with s has failed with what is known of the network; found is
// nil where scan does not show it.
func (s *Setup) explain(err error, found *Network) error {
	var e *Error
	if !errors.As(err, &e) || e.Local() {
		return err
	}
	switch {
	case e.Kind != ErrAuth && e.Kind != ErrNotAssociated:
	case found == nil && s.Auth == "" && s.Phrase != "":
		e.Hint = "scan does not show the network, as it does none that is hidden or out of reach, and the passphrase was taken for one of WPA; where it is a key of WEP say --auth wep"
	case found == nil && s.Phrase != "":
		e.Hint = "scan does not show the network, as it does none that is hidden or out of reach; are the name, --auth " + s.Auth + " and the passphrase right?"
	case found == nil || authFamily(found.Auth) == "open" || authFamily(found.Auth) == "":
	case e.Kind == ErrAuth && s.Phrase == "":
		e.Hint = "scan shows the network as " + found.Auth + ", no passphrase was given, and the one in the module does not fit; --phrase-file, or a terminal, gives another"
	case e.Kind == ErrAuth:
		e.Hint = "scan shows the network as " + found.Auth + "; the passphrase is wrong"
	}
	return err
}
