package kv

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("KV_TEST_OPEN"); path != "" { // the second process of TestLock
		_, err := Open(path)
		fmt.Print(errors.Is(err, ErrLocked))
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "store")
	s := open(t, path)
	check(t, s.Set("a", "1"))
	check(t, s.Set("b\x00", "\xff\n"))
	check(t, s.Set("a", ""))
	check(t, s.Set("gone", "x"))
	check(t, s.Delete("gone"))
	check(t, s.Delete("never"))
	check(t, s.Update("n", func(old string, ok bool) (string, error) { return old + fmt.Sprint(ok), nil }))
	if err := s.Update("n", func(string, bool) (string, error) { return "", os.ErrInvalid }); err != os.ErrInvalid {
		t.Error(err)
	}
	check(t, s.Close())
	check(t, s.Close())
	if err := s.Set("a", "b"); err != ErrClosed {
		t.Errorf("Set on a closed store: %v", err)
	}
	s = open(t, path)
	if want := map[string]string{"a": "", "b\x00": "\xff\n", "n": "false"}; !maps.Equal(s.values, want) {
		t.Errorf("%q, want %q", s.values, want)
	}
	if keys := s.Keys(""); len(keys) != 3 || keys[0] != "a" || len(s.Keys("b")) != 1 {
		t.Errorf("keys %q", keys)
	}
	if _, ok := s.Get("gone"); ok {
		t.Error("a deleted key is there")
	}
}

// TestCrash cuts the log at every byte: each time, what was written before the cut is there and nothing else.
func TestCrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path)
	var sizes []int64
	for i := range 20 {
		check(t, s.Set(fmt.Sprint("k", i), strings.Repeat("v", i*3)))
		sizes = append(sizes, s.size)
	}
	check(t, s.Close())
	whole, err := os.ReadFile(path)
	check(t, err)
	for cut := range whole {
		for _, tail := range []string{"", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"} {
			if tail != "" && cut < len(magic) {
				continue
			}
			check(t, os.WriteFile(path, append(whole[:cut:cut], tail...), 0o600))
			complete := 0
			for complete < len(sizes) && sizes[complete] <= int64(cut) {
				complete++
			}
			if tail != "" && (complete == 0 && cut != len(magic) || complete > 0 && sizes[complete-1] != int64(cut)) {
				continue // zeros in a record are another kind of damage
			}
			s, err := Open(path)
			if err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			if len(s.values) != complete {
				t.Fatalf("cut at %d: %d values, want %d", cut, len(s.values), complete)
			}
			check(t, s.Set("after", "x"))
			check(t, s.Close())
			s, err = Open(path)
			if err != nil {
				t.Fatalf("cut at %d, written again: %v", cut, err)
			}
			if v, ok := s.Get("after"); !ok || v != "x" || len(s.values) != complete+1 {
				t.Fatalf("cut at %d: %d values after a write, want %d", cut, len(s.values), complete+1)
			}
			check(t, s.Close())
		}
	}
}

func TestCorrupt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path)
	check(t, s.Set("key", "value"))
	check(t, s.Set("other", "value"))
	check(t, s.Close())
	whole, err := os.ReadFile(path)
	check(t, err)
	whole[len(magic)+8] ^= 1
	check(t, os.WriteFile(path, whole, 0o600))
	var corrupt *CorruptError
	if _, err := Open(path); !errors.As(err, &corrupt) || corrupt.Offset != int64(len(magic)) {
		t.Errorf("a damaged record: %v", err)
	}
	check(t, os.WriteFile(path, []byte("something else"), 0o600))
	if _, err := Open(path); !errors.As(err, &corrupt) {
		t.Errorf("no log at all: %v", err)
	}
}

func TestCompact(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path)
	value := strings.Repeat("x", 10_000)
	for i := range 1000 {
		check(t, s.Set(fmt.Sprint("k", i%10), value+fmt.Sprint(i)))
		if s.size > worthwhile+20_000 {
			t.Fatalf("%d bytes for %d of content", s.size, s.live)
		}
	}
	want := maps.Clone(s.values)
	check(t, s.Close())
	s = open(t, path)
	if !maps.Equal(s.values, want) || len(want) != 10 {
		t.Error("other values after compaction")
	}
	if left, _ := filepath.Glob(path + "*.tmp"); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

func TestLimits(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store"))
	if err := s.Set(strings.Repeat("k", MaxKey+1), ""); err == nil {
		t.Error("no error for a large key")
	}
	if err := s.Set("k", strings.Repeat("v", MaxValue+1)); err == nil {
		t.Error("no error for a large value")
	}
	large := strings.Repeat("v", MaxValue)
	for i := range 3 {
		check(t, s.Set(fmt.Sprint(i), large))
	}
	if err := s.Set("4", large); err == nil {
		t.Error("no error for too much in all")
	}
	check(t, s.Set("0", "small"))
	check(t, s.Set("4", large))
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path)
	if _, err := Open(path); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	self, err := os.Executable()
	check(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "KV_TEST_OPEN="+path)
	if out, err := cmd.Output(); err != nil || string(out) != "true" {
		t.Errorf("a second process: %s, %v; want it to be refused", out, err)
	}
	check(t, s.Close())
	open(t, path)
}

func TestConcurrent(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if err := s.Update("n", func(old string, _ bool) (string, error) { return old + "x", nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if v, _ := s.Get("n"); len(v) != 800 {
		t.Errorf("%d updates, want 800", len(v))
	}
}

// TestModel does the same to a store, opened anew now and then, and to a map.
func TestModel(t *testing.T) {
	folder := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(folder, fmt.Sprint(n))
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { s.Close() }()
		model := map[string]string{}
		key := rapid.SampledFrom([]string{"a", "b", "", "\x00"})
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				k, v := key.Draw(t, "key"), rapid.String().Draw(t, "value")
				if err := s.Set(k, v); err != nil {
					t.Fatal(err)
				}
				model[k] = v
			},
			"delete": func(t *rapid.T) {
				k := key.Draw(t, "key")
				if err := s.Delete(k); err != nil {
					t.Fatal(err)
				}
				delete(model, k)
			},
			"rewrite": func(t *rapid.T) {
				s.mu.Lock()
				defer s.mu.Unlock()
				if err := s.rewrite(); err != nil {
					t.Fatal(err)
				}
			},
			"reopen": func(t *rapid.T) {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if s, err = Open(path); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				if !maps.Equal(s.values, model) {
					t.Fatalf("%q, want %q", s.values, model)
				}
			},
		})
	})
}

func FuzzRecord(f *testing.F) {
	f.Add(appendRecord(nil, "key", "value", false))
	f.Add(appendRecord(nil, "key", "", true))
	f.Add([]byte("\x00\x00\x00\x00\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		key, value, remove, n, err := parseRecord(b)
		if err != nil {
			return
		}
		k, v, r, m, err := parseRecord(appendRecord(nil, key, value, remove))
		if err != nil || k != key || v != value || r != remove || m > n {
			t.Fatalf("%q, %q, %v became %q, %q, %v: %v", key, value, remove, k, v, r, err)
		}
	})
}
