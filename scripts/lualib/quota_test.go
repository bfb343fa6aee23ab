package lualib

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ws76/ws76/scripts/permit"
)

// TestQuota: what a script may have in its folder for data is bounded, whatever it writes with, and what it removes makes room.
func TestQuota(t *testing.T) {
	data, own := t.TempDir(), t.TempDir()
	big := filepath.Join(data, "big")
	size := func(left int64) { // holes take no room on the disk
		if err := os.WriteFile(big, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(big, MaxData-left); err != nil {
			t.Fatal(err)
		}
	}
	o := &Options{Data: data, Permissions: (&permit.Permissions{}).With(append(permit.Own(own, own+"/x.lua"), permit.Data(data)...)...)}
	L := newState(t, o)
	run(t, L, fmt.Appendf(nil, "data, own = %q, %q", data, own), "names.lua")
	do := func(left int64, code string) {
		t.Helper()
		size(left)
		o.quota = nil // as after a second
		run(t, L, []byte(code), "quota.lua")
	}
	const full = `local function full(ok, message, name) assert(ok == nil and name == "error" and message:find("the limits are 10000 and 1073741824", 1, true), message) end `
	do(10, `assert(ws76.write_file(data .. "/a", "12345")) assert(ws76.append_file(data .. "/a", "67890"))`)
	do(0, full+`full(ws76.write_file(data .. "/a", "12345678901")) full(ws76.append_file(data .. "/a", "1")) full(ws76.write_file(data .. "/b", ""))
		full(io.open(data .. "/b", "w")) assert(ws76.write_file(data .. "/a", "less")) assert(ws76.write_file(own .. "/b", "elsewhere"))
		full(os.rename(own .. "/b", data .. "/b"))
		assert(os.remove(data .. "/a")) assert(ws76.write_file(data .. "/a", ""))`)
	do(100, full+`local f = assert(io.open(data .. "/a", "a")) for i = 1, 10 do assert(f:write("12345", 67890)) end full(f:write(1)) f:close()
		assert(#ws76.read_file(data .. "/a") == 100)
		assert(os.rename(data .. "/a", own .. "/a")) assert(ws76.write_file(data .. "/a", ("x"):rep(100)))
		f = assert(io.open(data .. "/a", "w")) assert(f:write(("x"):rep(100))) full(f:write("x")) f:close()
		f = assert(io.open(own .. "/a", "a")) assert(f:write("x")) f:close()`)
	if err := os.Remove(big); err != nil {
		t.Fatal(err)
	}
	for i := range MaxDataFiles - 1 { // beside a
		if err := os.WriteFile(filepath.Join(data, fmt.Sprint(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.quota = nil
	run(t, L, []byte(full+`full(ws76.write_file(data .. "/new", "")) assert(ws76.append_file(data .. "/a", "x"))`), "quota.lua")
	o = &Options{Data: data, Permissions: permit.All()}
	L = newState(t, o)
	run(t, L, fmt.Appendf(nil, "assert(ws76.write_file(%q, 'x'))", filepath.Join(data, "new")), "quota.lua")
}

// TestQuotaOwn: nor may a script write more in the folder that is its own by default; what lies there is the user's and does not
// count, and neither does what a flag allows.
func TestQuotaOwn(t *testing.T) {
	own, named := t.TempDir(), t.TempDir()
	for i := range 20 {
		if err := os.WriteFile(filepath.Join(own, fmt.Sprint("user's ", i)), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	allowed := func(flags ...string) *permit.Permissions {
		p, err := permit.Parse(flags)
		if err != nil {
			t.Fatal(err)
		}
		return p.With(permit.Own(own, own+"/x.lua")...)
	}
	do := func(o *Options, q Quota, code string) {
		t.Helper()
		*o.Written = q
		L := newState(t, o)
		run(t, L, fmt.Appendf(nil, "own, named = %q, %q", own, named), "names.lua")
		run(t, L, []byte(`local function full(ok, message, name) assert(ok == nil and name == "error" and message:find("the limits are 10000 and 1073741824", 1, true), message) end `+code), "quota.lua")
	}
	o := &Options{Permissions: allowed("write=" + named), Written: &Quota{}}
	do(o, Quota{bytes: MaxData - 10}, `assert(ws76.write_file(own .. "/a", "12345")) assert(ws76.append_file(own .. "/a", "67890")) full(ws76.append_file(own .. "/a", "1"))
		full(ws76.write_file(own .. "/b", "1")) assert(ws76.write_file(named .. "/b", "1")) full(os.rename(named .. "/b", own .. "/b"))
		assert(ws76.write_file(own .. "/a", "less")) local f = assert(io.open(own .. "/a", "a")) assert(f:write("12345", 6)) full(f:write("1")) f:close()
		assert(os.remove(own .. "/a")) f = assert(io.open(own .. "/a", "w")) assert(f:write("1234567890")) full(f:write("1")) f:close() assert(os.remove(own .. "/a"))`)
	do(o, Quota{files: MaxDataFiles - 1}, `assert(ws76.write_file(own .. "/c", "")) full(ws76.write_file(own .. "/d", "")) full(io.open(own .. "/d", "w")) assert(ws76.append_file(own .. "/c", "x"))`)
	do(o, Quota{bytes: MaxData, files: MaxDataFiles}, `for i = 0, 9 do assert(os.remove(own .. "/user's " .. i)) end assert(ws76.write_file(own .. "/f", "123456789")) full(ws76.write_file(own .. "/g", "12"))`)
	if o.Written.files != MaxDataFiles-9 || o.Written.bytes != MaxData-1 {
		t.Errorf("%d files and %d bytes are counted", o.Written.files, o.Written.bytes)
	}
	for _, flag := range []string{"write=" + own, "write"} {
		do(&Options{Permissions: allowed(flag), Written: &Quota{}}, Quota{bytes: MaxData, files: MaxDataFiles}, `assert(ws76.write_file(own .. "/e", "1")) assert(os.remove(own .. "/e"))`)
	}
}
