// Package auth checks the names and passwords of HTTP Basic authentication (RFC
// 7617) against a file.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"github.com/ws76/ws76/internal/textfile"
)

// Challenge is the value of WWW-Authenticate that goes with a 401.
const Challenge = `Basic realm="ws76", charset="UTF-8"`

// Bounds of a file of users.
const (
	maxFile  = 1 << 20
	maxUsers = 10_000
)

// Users are those who are let in. It is safe for concurrent use, and never shows a
// password: neither in an error nor otherwise.
type Users struct {
	plain  map[string][sha256.Size]byte // of the password, with salt
	hashed map[string][]byte            // bcrypt
	salt   [32]byte
	text   map[string]string // plain, for secret

	cost int // of the dearest hash; 0: there is none

	mu    sync.Mutex
	known map[string][sha256.Size]byte // passwords that bcrypt has found right
}

// Load reads a file of users, one a line: USER:PASSWORD, or USER:HASH as
// "htpasswd -B" writes it. Empty lines and those that begin with # are skipped.
func Load(name string) (*Users, error) {
	text, err := textfile.Read(name, maxFile)
	if err != nil {
		return nil, fmt.Errorf("reading users: %w", err)
	}
	u, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("users in %s: %w", name, err)
	}
	return u, nil
}

// Parse reads the text of a file of users; see Load.
func Parse(text []byte) (*Users, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("more than %d bytes", maxFile)
	}
	u := &Users{
		plain: make(map[string][sha256.Size]byte), hashed: make(map[string][]byte), text: make(map[string]string),
		known: make(map[string][sha256.Size]byte),
	}
	rand.Read(u.salt[:])
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if err := u.add(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if len(u.plain)+len(u.hashed) == 0 {
		return nil, fmt.Errorf("no user; want lines USER:PASSWORD, or USER:HASH of htpasswd -B")
	}
	return u, nil
}

// isDES reports whether a password has the form of crypt(3) with DES: 13 letters, digits, dots and slashes.
func isDES(password string) bool {
	return len(password) == 13 && strings.Trim(password, "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

func (u *Users) add(line string) error {
	user, password, ok := strings.Cut(line, ":")
	switch {
	case !utf8.ValidString(line):
		return fmt.Errorf("not UTF-8")
	case !ok || user == "" || password == "":
		return fmt.Errorf("want USER:PASSWORD, or USER:HASH of htpasswd -B")
	case u.has(user):
		return fmt.Errorf("user %q is there twice", user)
	case len(u.plain)+len(u.hashed) >= maxUsers:
		return fmt.Errorf("more than %d users", maxUsers)
	}
	for _, foreign := range []string{"$apr1$", "{SHA}", "$1$", "$5$", "$6$"} {
		if strings.HasPrefix(password, foreign) {
			return fmt.Errorf("user %q: hashes of the kind %s are not known; use htpasswd -B", user, foreign)
		}
	}
	if isDES(password) {
		return fmt.Errorf("user %q: this is a DES hash of htpasswd -d, or a password that looks like one; use htpasswd -B", user)
	}
	if strings.HasPrefix(password, "$2") {
		cost, err := bcrypt.Cost([]byte(password))
		if err != nil {
			return fmt.Errorf("user %q: the bcrypt hash cannot be read", user)
		}
		if cost > maxCost {
			return fmt.Errorf("user %q: bcrypt with cost %d takes too long to check; want at most %d", user, cost, maxCost)
		}
		u.hashed[user] = []byte(password)
		u.cost = max(u.cost, cost)
		return nil
	}
	u.plain[user] = u.digest(user, password)
	u.text[user] = password
	return nil
}

const maxCost = 14 // about a second

func (u *Users) has(user string) bool {
	_, plain := u.plain[user]
	_, hashed := u.hashed[user]
	return plain || hashed
}

func (u *Users) digest(user, password string) [sha256.Size]byte {
	return sha256.Sum256(append(append(u.salt[:], user+"\x00"...), password...))
}

// Hashed reports whether there are bcrypt hashes: to check a password may take long then.
func (u *Users) Hashed() bool { return u.cost > 0 }

// quick reports whether a password is known to be right, or to be wrong.
func (u *Users) quick(user string, got [sha256.Size]byte) (right, wrong bool) {
	want, found := u.plain[user]
	if !found {
		u.mu.Lock()
		want, found = u.known[user]
		u.mu.Unlock()
	}
	right = subtle.ConstantTimeCompare(got[:], want[:]) == 1 && found
	return right, !right && !u.Hashed()
}

// slow reports whether a password is right that quick does not know. It takes the same time for every user, of a hash
// of any cost, without one, or who is not there: two to the power of u.cost rounds.
func (u *Users) slow(user, password string, got [sha256.Size]byte) bool {
	hash, found := u.hashed[user]
	if !found {
		compare(nobody(u.cost), []byte(password))
		return false
	}
	right := compare(hash, []byte(password)) == nil
	if right {
		u.mu.Lock()
		u.known[user] = got
		u.mu.Unlock()
		return true
	}
	own, _ := bcrypt.Cost(hash) // Parse has read it
	for cost := own; cost < u.cost; cost++ {
		compare(nobody(cost), []byte(password))
	}
	return false
}

// compare is replaced by tests.
var compare = bcrypt.CompareHashAndPassword

// nobody returns a hash of a cost that no password is known to have.
func nobody(cost int) []byte {
	return fmt.Appendf(nil, "$2a$%02d$%s", cost, strings.Repeat(".", 53))
}

// secret is what is kept of a user's password, "" for one who is not there.
func (u *Users) secret(user string) string {
	if hash, found := u.hashed[user]; found {
		return string(hash)
	}
	return u.text[user]
}

// parse takes a field's value apart.
func parse(field string) (user, password string, ok bool) {
	scheme, encoded, _ := strings.Cut(strings.TrimSpace(field), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(text), ":")
}
