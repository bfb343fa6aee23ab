package hooks

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// No two scripts share the place of their store, or of their data, and what was kept under the names of before is taken over by
// who kept it.
func TestOwnPlaces(t *testing.T) {
	folder, home := t.TempDir(), t.TempDir()
	t.Chdir(home)
	long := strings.Repeat("ä", 120)
	names := []string{
		"a.lua", "A.lua", "a", "a.LUA", "b/a.lua", "\u00e4.lua", "a\u0308.lua", // composed, and not
		"--eval 1", ofEval + "--eval 1", ofEval + "--eval 2", long + "1.lua", long + "2.lua", "a b", "a\\b", ".lua", "x\xff.lua",
	}
	places := map[string]string{}
	for _, name := range names {
		place, err := ownPlace(folder, name)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if other, ok := places[place]; ok {
			t.Errorf("%q and %q share %s", name, other, place)
		}
		places[place] = name
		if filepath.Dir(place) != folder || len(filepath.Base(place)) > 255 || len(filepath.Base(place)) < sha256.Size {
			t.Errorf("%q: %s", name, place)
		}
		if again, err := ownPlace(folder, filepath.Join(home, "b", "..", name)); !strings.HasPrefix(name, ofEval) && (again != place || err != nil) {
			t.Errorf("%q: %s, and %s by its absolute path; %v", name, place, again, err)
		}
	}
	sum := sha256.Sum256([]byte(filepath.Join(home, "a.lua")))
	old := filepath.Join(folder, "a-"+hex.EncodeToString(sum[:4]))
	for _, kept := range []string{"kept", "not taken"} { // the second time there is one by the new name already
		if err := os.WriteFile(old, []byte(kept), 0o600); err != nil {
			t.Fatal(err)
		}
		place, err := ownPlace(folder, "a.lua")
		if text, failed := os.ReadFile(place); string(text) != "kept" || failed != nil || err != nil {
			t.Errorf("%q, %v, %v", text, failed, err)
		}
	}
}
