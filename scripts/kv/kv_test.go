package kv

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt/errors"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("KV_TEST_OPEN"); path != "" { // the second process of TestLock
		_, err := Open(path)
		fmt.Print(errors.Is(err, ErrLocked))
		return
	}
	if path := os.Getenv("KV_TEST_WRITE"); path != "" { // the one of TestKilled
		s, err := Open(path)
		for i := 1; err == nil; i++ {
			s.mu.Lock() // one transaction takes both
			s.values["first"], s.values["last"] = strconv.Itoa(i), strconv.Itoa(i)
			err = errors.Join(s.touch("first"), s.touch("last"))
			s.mu.Unlock()
			if i == 1 && err == nil {
				if err = s.Close(); err == nil { // on the disk
					s, err = Open(path)
				}
			}
			fmt.Println(i)
		}
		fmt.Println(err)
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

// What Sync has returned for is in the file, as another process would find it.
func TestSync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := errors.Join(s.Set("key", fmt.Sprint(i)), s.Sync()); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+".copy", data, 0o600); err != nil {
			t.Fatal(err)
		}
		found, err := Open(path + ".copy")
		if err != nil {
			t.Fatal(err)
		}
		if value, _ := found.Get("key"); value != fmt.Sprint(i) {
			t.Errorf("found %q, want %d", value, i)
		}
		found.Close()
	}
	if err := errors.Join(s.Sync(), s.Close()); err != nil { // with nothing to write
		t.Error(err)
	}
	if err := s.Sync(); err != ErrClosed {
		t.Errorf("closed: %v", err)
	}
}

// TestKilled kills a process that sets two values again and again, together: what is found are two that are equal.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	self, err := os.Executable()
	check(t, err)
	for range 3 {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), "KV_TEST_WRITE="+path)
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; n < 2000 && lines.Scan(); n++ {
		}
		check(t, cmd.Process.Kill())
		told := lines.Text()
		_ = cmd.Wait() // killed
		s := open(t, path)
		first, _ := s.Get("first")
		last, _ := s.Get("last")
		if first == "" || first != last {
			t.Errorf("%q and %q were set together", first, last)
		}
		if n, _ := strconv.Atoi(told); n < 2000 {
			t.Errorf("the process got to %q only", told)
		}
		check(t, s.Close())
	}
}

// TestDamaged opens files that are none, or were cut off or overwritten.
func TestDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path)
	for i := range 1000 {
		check(t, s.Set(fmt.Sprint("key", i), strings.Repeat("v", 100)))
	}
	check(t, s.Close())
	whole, err := os.ReadFile(path)
	check(t, err)
	noise := slices.Clone(whole)
	for i := 2 * 4096; i < len(noise); i++ {
		noise[i] = byte(i * 7)
	}
	for name, content := range map[string][]byte{"other": []byte("something else"), "cut": whole[:len(whole)/2], "noise": noise} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store")
			check(t, os.WriteFile(path, content, 0o600))
			s, err := Open(path)
			if err == nil {
				s.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), "move the file away") {
				t.Error(err)
			}
			check(t, os.Rename(path, path+".away"))
			check(t, os.WriteFile(path, whole, 0o600))
			open(t, path)
		})
	}
}

// TestFailedWrite fills the disk, as far as the Store can tell.
func TestFailedWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path)
	check(t, s.Set("a", "1"))
	check(t, s.Close())
	s = open(t, path)
	limit := func(size int) {
		tx, err := s.db.Begin(true) // no write is under way
		check(t, err)
		s.db.MaxSize = size
		check(t, tx.Rollback())
	}
	limit(1)
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		err = s.Set("b", strings.Repeat("x", 1<<20))
		time.Sleep(time.Millisecond)
	}
	if !errors.Is(err, bolt.ErrMaxSizeReached) {
		t.Fatalf("no write failed: %v", err)
	}
	limit(0)
	for s.Set("c", "3") != nil {
	}
	check(t, s.Close())
	s = open(t, path)
	if len(s.values) != 3 || len(s.values["b"]) != 1<<20 {
		t.Errorf("%d values, b has %d bytes", len(s.values), len(s.values["b"]))
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
		key := rapid.SampledFrom([]string{"a", "b", "\xff", "\x00"})
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
