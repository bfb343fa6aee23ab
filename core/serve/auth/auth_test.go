package auth

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestCheck(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("hashed:1"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "users")
	text := "\ufeff# who may come in\r\n\r\nann:secret\r\nbob:with:colon \njürg:pässword\ncarl:" + strings.Replace(string(hash), "$2a$", "$2y$", 1) + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if !u.Hashed() {
		t.Error("the hash was not seen")
	}
	g := NewGuard(u)
	check := func(from, field string) (string, bool) {
		grant, err := g.Check(t.Context(), from, field)
		if err != nil {
			if err != ErrWrong {
				t.Errorf("%s: %v", field, err)
			}
			return "", false
		}
		return grant.User, true
	}
	for _, field := range []string{
		basic("ann", "secret"), basic("bob", "with:colon "), basic("jürg", "pässword"), basic("carl", "hashed:1"), basic("carl", "hashed:1"),
		strings.Replace(basic("ann", "secret"), "Basic", "bAsIc", 1), basic("ann", "secret") + " ",
	} {
		if _, ok := check("right", field); !ok {
			t.Errorf("%s is refused", field)
		}
	}
	for _, field := range []string{
		"", "Basic", "Basic ", "Basic !", basic("", ""), basic("ann", ""), basic("ann", "secret1"), basic("ann", "secre"), basic("Ann", "secret"),
		basic("none", ""), basic("none", "secret"), basic("carl", "hashed:2"), basic("carl", string(hash)), basic("bob", "with"),
		strings.Replace(basic("ann", "secret"), "Basic", "Bearer", 1), "Basic " + base64.StdEncoding.EncodeToString([]byte("ann")),
	} {
		if user, ok := check("wrong "+field, field); ok {
			t.Errorf("%s is let in as %q", field, user)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"", "no user"}, {"# none\n", "no user"}, {"ok:1\nann\n", "line 2: want USER:PASSWORD"}, {":hunter2", "line 1"}, {"ann:", "line 1"},
		{"ann:hunter2\nann:hunter2", `line 2: user "ann" is there twice`}, {"ann:$apr1$hunter2", "$apr1$ are not known"}, {"ann:{SHA}hunter2", "htpasswd -B"}, {"ann:rqXexS6ZhobKA", "DES hash"},
		{"ann:$2y$hunter2", "cannot be read"}, {"ann:$2y$31$" + strings.Repeat("h", 53), "cost 31"}, {"\xff:hunter2", "not UTF-8"},
		{strings.Repeat("#", maxFile+1), "more than"},
	} {
		_, err := Parse([]byte(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.40q: %v", tc.text, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is read")
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{basic("ann", "secret"), "Basic Og==", "basic", "Basic YW5uOg=="} {
		f.Add(s)
	}
	u, err := Parse([]byte("ann:secret"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, field string) {
		grant, err := NewGuard(u).Check(t.Context(), "x", field)
		if err != nil {
			return
		}
		_, encoded, _ := strings.Cut(strings.TrimSpace(field), " ")
		text, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if grant.User != "ann" || string(text) != "ann:secret" {
			t.Errorf("%q is let in as %q", field, grant.User)
		}
	})
}
