//go:build !race

package scripts

import (
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/scripts/kv"
	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/meta"
)

// hostileCalls are the worst that can be done to each function with a message d, which is a text of so many MiB. Where it
// says how, d is made of that piece.
var hostileCalls = []struct{ name, piece, code string }{
	{"tostring", "", `return tostring(d)`},
	{"tonumber", "1", `return tonumber(d), tonumber(d, 36), tonumber("0x" .. d)`},
	{"tonumber", " ", `return tonumber(d)`},
	{"select", "", `return select("#", d:byte(1, 7000)), select(-1, d:byte(1, 7000))`},
	{"unpack", "", `return unpack({}, 1, 4e6)`},
	{"loadstring", "x=1 ", `return loadstring(d)`},
	{"loadstring", "f{}", `return loadstring(d)`},
	{"loadstring", "((", `return loadstring(d)`},
	{"loadstring", "'", `return loadstring(d)`},
	{"load", "x=1 ", `local i = 0 return load(function() i = i + 1 return d:sub(i * 1000, i * 1000 + 999) end)`},
	{"load", "x=1 ", `return load(function() return d end)`},
	{"error", "", `error(d)`},
	{"assert", "", `assert(false, d)`},
	{"pcall", "", `return pcall(error, d)`},
	{"xpcall", "", `return xpcall(function() error(d) end, function(e) return e .. e end)`},
	{"pcall", "", `local function f(n) if n == 0 then error("x") end return f(n - 1) end return pcall(f, 6e5)`},
	{"error", "", `local function f(n) if n == 0 then error("x") end return f(n - 1) end return f(6e5)`},
	{"debug.traceback", "", `local function f(n) if n == 0 then return (debug.traceback()) end return f(n - 1) end return f(6e5)`},
	{"print", "", `print(d, d, d)`},
	{"ws76.print", "", `ws76.print(d, d, d)`},
	{"ws76.log.debug", "", `ws76.log.debug(d)`},
	{"ws76.log.info", "", `ws76.log.info(d, d)`},
	{"ws76.log.warn", "", `ws76.log.warn(d)`},
	{"ws76.log.error", "", `ws76.log.error(d)`},
	{"getmetatable", "", `return getmetatable(d)`},
	{"require", "", `return require(d)`},
	{"debug.traceback", "", `return debug.traceback(d)`},
	{"os.date", "%c", `return os.date(d)`},
	{"os.date", "%x%X%%", `return os.date("!" .. d)`},
	{"string.byte", "", `return d:byte(1, -1)`},
	{"string.char", "", `return string.char(d:byte(1, 7000))`},
	{"string.find", "a", `return d:find((".-"):rep(30) .. "b")`},
	{"string.find", "a", `return d:find(d .. "b", 1, true)`},
	{"string.find", "[", `return d:find(d)`},
	{"string.match", "a", `return d:match(("(a*)"):rep(30) .. "b")`},
	{"string.match", "(", `return d:match(d)`},
	{"string.match", "a", `return d:match(d)`},
	{"string.gmatch", "a", `for w in d:gmatch("(.)(.)") do end`},
	{"string.gfind", "a", `for w in string.gfind(d, ".") do end`},
	{"string.gsub", "a", `return d:gsub(".", "%0%0%0%0%0%0%0%0")`},
	{"string.gsub", "a", `return d:gsub("", d)`},
	{"string.gsub", "a", `return d:gsub(".", function(c) return c .. c end)`},
	{"string.gsub", "a", `return d:gsub(".", {a = d})`},
	{"string.gsub", "%", `return ("x"):gsub("x", d)`},
	{"string.rep", "", `return d:rep(15)`},
	{"string.rep", "", `return ("x"):rep(#d * 16)`},
	{"string.rep", "", `return (""):rep(1e15)`},
	{"string.format", "%5.1f", `return d:format(unpack({1, 2, 3}))`},
	{"string.format", "", `return ("%s"):rep(30):format(unpack((function() local t = {} for i = 1, 30 do t[i] = d end return t end)()))`},
	{"string.format", "\n", `return ("%q%q%q%q"):format(d, d, d, d)`},
	{"string.format", "%%", `return d:format()`},
	{"string.format", "", `return ("%99.99f"):rep(7000):format(d:byte(1, 7000))`},
	{"string.len", "", `return d:len()`},
	{"string.lower", "A", `return d:lower()`},
	{"string.upper", "a", `return d:upper()`},
	{"string.reverse", "", `return d:reverse()`},
	{"string.sub", "", `return d:sub(2)`},
	{"string.sub", "", `local t = {} for i = 1, 10000 do t[i] = d:sub(i) end`},
	{"table.concat", "", `local t = {} for i = 1, 16 do t[i] = d end return table.concat(t)`},
	{"table.concat", "", `return table.concat({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}, d)`},
	{"table.insert", "", `local t = {} for i = 1, 50000 do table.insert(t, 1, i) end`},
	{"table.insert", "", `local t = {} table.insert(t, -1e7, 1)`},
	{"table.remove", "", `local t = {} for i = 1, 50000 do t[i] = i end for i = 1, 50000 do table.remove(t, 1) end`},
	{"table.sort", "", `local t = {} for i = 1, 50000 do t[i] = i * 7919 % 50021 end table.sort(t)`},
	{"table.sort", "", `local t = {} for i = 1, 50000 do t[i] = i end table.sort(t, function() return true end)`},
	{"table.sort", "", `local t = {} for i = 1, 50000 do t[i] = d end table.sort(t)`},
	{"table.foreach", "", `local t = {} for i = 1, 50000 do t[i] = i end table.foreach(t, function() end)`},
	{"table.foreachi", "", `local t = {} for i = 1, 50000 do t[i] = i end table.foreachi(t, function() end)`},
	{"table.maxn", "", `local t = {} for i = 1, 50000 do t[i] = i end return table.maxn(t)`},
	{"t[k]", "", `for i = 1, 100 do local t = {} t[4e6] = 1 end`},
	{"t[k]", "", `for i = 1, 100 do local t = {} rawset(t, 4e6, 1) end`},
	{"t[k]", "", `for i = 1, 100 do local t = {} table.insert(t, 4e6, 1) end`},
	{"t[k]", "", `for i = 1, 300 do local t = {} t[3e5] = 1 end`},
	{"t[k]", "", `for i = 1, 30 do local t = {} for j = 1, 1e5 do t[j] = j end end`},
	{"t[k]", "", `for i = 1, 3e5 do local t = {i} end`},
	{"t[k]", "", `for i = 1, 3e5 do local t = {[i] = {}} end`},
	{"t[k]", "", `for i = 1, 300 do local f = function() return d, i end end`},
	{"(string).__add", "1", `return d + 1`},
	{"(string).__sub", "1", `return d - 1`},
	{"(string).__mul", "1", `return d * 1`},
	{"(string).__div", "1", `return d / 1`},
	{"(string).__unm", "1", `return -d`},
	{"..", "", `return d .. d .. d .. d .. d .. d .. d .. d .. d .. d .. d .. d .. d .. d .. d .. d`},
	{"..", "", `local s = "" for i = 1, 3000 do s = s .. "0123456789" end`},
	{"..", "", `for i = 1, 200 do local s = d .. i end`},
	{"..", "", `local s = d while true do s = s .. s end`},
	{"..", "", `local s = "" for i = 1, 3e5 do s = "a" .. i end`},
	{"ws76.json.decode", "[],", `return ws76.json.decode("[" .. d .. "0]")`},
	{"ws76.json.decode", `{"a":1},`, `return ws76.json.decode("[" .. d .. "0]")`},
	{"ws76.json.decode", `1.5,`, `return ws76.json.decode("[" .. d .. "0]")`},
	{"ws76.json.decode", `1,`, `return ws76.json.decode("[" .. d .. "0]")`},
	{"ws76.json.decode", `"",`, `return ws76.json.decode("[" .. d .. "0]")`},
	{"ws76.json.decode", `[`, `return ws76.json.decode(d)`},
	{"ws76.json.decode", `]`, `return ws76.json.decode(d)`},
	{"ws76.json.decode", `,`, `return ws76.json.decode("[" .. d)`},
	{"ws76.json.decode", `\u0041`, `return ws76.json.decode('"' .. d .. '"')`},
	{"ws76.json.decode", ` `, `return ws76.json.decode(d)`},
	{"ws76.json.decode", `1`, `return ws76.json.decode(d)`},
	{"ws76.json.encode", "\x01", `return ws76.json.encode({d})`},
	{"ws76.json.encode", "", `return ws76.json.encode({d, d, d, d, d, d, d, d, d})`},
	{"ws76.json.encode", "", `return ws76.json.encode({[d] = d})`},
	{"ws76.json.encode", "", `local t = {d} for i = 1, 30 do t = {t, t} end return ws76.json.encode(t)`},
	{"ws76.json.encode", "", `local t = {1} for i = 1, 30 do t = {t, t} end return ws76.json.encode(t)`},
	{"ws76.inspect", "", `local t = {1} for i = 1, 30 do t = {t, t} end return ws76.inspect(t)`},
	{"ws76.inspect", "", `local t = {d} for i = 1, 30 do t = {t, t} end return ws76.inspect(t)`},
	{"ws76.inspect", "", `local t = {} for i = 1, 30 do t = {a = t, b = t} end return ws76.inspect(t)`},
	{"loadstring", "", `local t = {} for i = 1, 60000 do t[i] = "x='" .. i .. "'" end return loadstring(table.concat(t, " "))`},
	{"table.insert", "", `local t = {} for i = 1, #d do table.insert(t, 1, i) end`},
	{"table.insert", "", `local t = {} for i = 1, 2e5 do table.insert(t, i) end`},
	{"table.sort", "", `local t = {} for i = 1, 2e5 do t[i] = i % 1000 end table.sort(t, function(a, b) return true end)`},
	{"ws76.json.array", "", `return ws76.json.array({d})`},
	{"ws76.inspect", "", `return ws76.inspect({d, d, d, d})`},
	{"ws76.inspect", "\x01", `return ws76.inspect(d)`},
	{"ws76.frame.decode", "\x00\xff", `return ws76.frame.decode(d)`},
	{"ws76.frame.decode", "\x80\x01x", `return ws76.frame.decode(d)`},
	{"ws76.frame.decode", "", `return ws76.frame.decode("\000" .. d)`},
	{"ws76.frame.encode", "", `return ws76.frame.encode(d)`},
	{"ws76.hex.encode", "", `return ws76.hex.encode(d)`},
	{"ws76.hex.decode", "a ", `return ws76.hex.decode(d)`},
	{"ws76.base64.encode", "", `return ws76.base64.encode(d)`},
	{"ws76.base64.decode", "QUJD", `return ws76.base64.decode(d)`},
	{"ws76.md5", "", `return ws76.md5(d)`},
	{"ws76.sha1", "", `return ws76.sha1(d)`},
	{"ws76.re.match", "a", `return ws76.re.match(d, "(a|aa)+$b")`},
	{"ws76.re.match", "a", `return ws76.re.match(d, ("(a?)"):rep(200) .. ("a"):rep(200))`},
	{"ws76.re.match", "a", `return ws76.re.match(d, d)`},
	{"ws76.re.match", "a", `return ws76.re.match(d, "((a{30}){30})c")`},
	{"ws76.re.match", "a", `for i = 1, 400 do ws76.re.match("", ("(a{100}){5}"):rep(5) .. i) end`},
	{"ws76.re.match", "a", `return ws76.re.match(d, ("\\pL"):rep(300))`},
	{"ws76.re.find", "a", `return ws76.re.find(d, "a*b")`},
	{"ws76.re.gsub", "a", `return ws76.re.gsub(d, ".", "%0%0%0%0%0%0%0%0%0%0%0%0")`},
	{"ws76.re.gsub", "a", `return ws76.re.gsub(d, "\\b|\\B", "x")`},
	{"ws76.re.gsub", "a", `return ws76.re.gsub(d, "a", d)`},
	{"ws76.re.gsub", "a", `return ws76.re.gsub(d, "(((((((a)))))))", function(x) return x end)`},
	{"ws76.pack", "s", `return ws76.pack(d, d, d)`},
	{"ws76.pack", "x", `return ws76.pack(d)`},
	{"ws76.pack", " ", `return ws76.pack(d)`},
	{"ws76.pack", "", `return ws76.pack(("s"):rep(15), d, d, d, d, d, d, d, d, d, d, d, d, d, d, d)`},
	{"ws76.pack", "", `return ws76.pack("c1000000000", "")`},
	{"ws76.unpack", "b", `return ws76.unpack(d, d)`},
	{"ws76.unpack", "x", `return ws76.unpack(d, d)`},
	{"ws76.packsize", "b", `return ws76.packsize(d)`},
	{"ws76.utf8.char", "", `return ws76.utf8.char(d:byte(1, 7000))`},
	{"ws76.utf8.codes", "é", `for p, c in ws76.utf8.codes(d) do end`},
	{"ws76.utf8.codepoint", "é", `return ws76.utf8.codepoint(d, 1, -1)`},
	{"ws76.utf8.len", "é", `return ws76.utf8.len(d)`},
	{"ws76.utf8.offset", "é", `return ws76.utf8.offset(d, -1e9), ws76.utf8.offset(d, 1e9)`},
	{"ws76.answer", "1 ", `return ws76.answer(d, d, "12345678")`},
	{"ws76.kv.set", "", `ws76.kv:set("k", {d})`},
	{"ws76.kv.set", "", `ws76.kv:set(d, 1)`},
	{"ws76.kv.get", "", `return ws76.kv:get(d)`},
	{"ws76.kv.get", "[],", `ws76.kv:set("k", "x") return ws76.kv:get("k")`},
	{"ws76.kv.incr", "", `return ws76.kv:incr(d)`},
	{"ws76.kv.delete", "", `ws76.kv:delete(d)`},
	{"ws76.kv.keys", "", `for i = 1, 5000 do ws76.kv:set("k" .. i, i) end return ws76.kv:keys()`},
	{"ws76.kv.sync", "", `ws76.kv:set("k", d) ws76.spawn(function() ws76.kv:sync() end)`},
	{"ws76.read_file", "", `return ws76.read_file(d)`},
	{"ws76.read_file", "", `return ws76.read_file("/dev/zero")`},
	{"ws76.write_file", "", `return ws76.write_file(d, d)`},
	{"ws76.append_file", "", `return ws76.append_file(d, d)`},
	{"ws76.publish", "", `return ws76.publish(d, d)`},
	{"ws76.metric", "", `return ws76.metric(d, 1, {[d] = d})`},
	{"ws76.watch", "", `return ws76.watch(d, print)`},
	{"ws76.at", "*/5 ", `return ws76.at(d, print)`},
	{"ws76.spawn", "", `for i = 1, 1000 do ws76.spawn(function(d) ws76.sleep(1) end, d) end`},
	{"ws76.connect", "", `ws76.spawn(function() ws76.connect(d) end)`},
	{"ws76.listen", "", `ws76.spawn(function() ws76.listen(d) end)`},
	{"ws76.open", "", `ws76.spawn(function() ws76.open(d) end)`},
	{"coroutine.create", "", `for i = 1, 1000 do coroutine.create(function() end) end`},
	{"coroutine.wrap", "", `for i = 1, 1000 do coroutine.wrap(function() end)() end`},
	{"coroutine.resume", "", `return coroutine.resume(coroutine.create(function(...) return ... end), d:byte(1, 7000))`},
	{"coroutine.yield", "", `return coroutine.wrap(function() coroutine.yield(d:byte(1, 7000)) end)()`},
	{"Conn:send", "", `for i = 1, 10 do c:send(d) end`},
	{"Conn:close", "", `c:close(1000, d)`},
	{"Conn:lost", "", `c:lost(d)`},
	{"Conn:join", "", `c:join(d)`},
	{"Conn:leave", "", `c:leave(d)`},
	{"Conn:request", "", `ws76.spawn(function() c:request(d, {match = d, timeout = 0.1}) end)`},
	{"Conn:receive", "", `ws76.spawn(function() c:receive(0.1) end)`},
	{"conn.__newindex", "", `c[d] = d`},
	{"conn.__index", "", `return c[d]`},
	{"conn.__tostring", "", `return tostring(c)`},
	{"Queue:put", "", `local q = ws76.queue() for i = 1, 2000 do q:put(d) end`},
}

// harmless are functions whose work and memory do not depend on what they are given, or which need a permission that the
// test does not have: there a script may do what it likes.
var harmless = regexp.MustCompile(`^(` + strings.Join([]string{
	`math\..*`, `ws76\.bit\..*`, `(os|io|debug)\..*`, `coroutine\.(running|status)`,
	`type|next|pairs|ipairs|rawequal|rawget|rawset|getfenv|setfenv|setmetatable|collectgarbage|dofile|loadfile`,
	`table\.(getn|setn)`, `\(string\)\.__(call|newindex|index|lt|le|mod|pow)`,
	`ws76\.(after|every|clock|now|conns|env|exec|http|exit|keygen|queue|sleep|wait_all|null:__tostring)`,
	`(handle|task|queue|listener|stream|conn\.methods)\..*`, `on_message`,
	`Conn:stats|Handle:.*|Task:.*|Queue:(get|close|len)|Stream:.*|Listener:.*|TestConn:.*`, // what is read is bounded where it comes in
}, "|") + `)$`)

// functionNames are all functions that a script can reach, from a live state, and the methods of objects.
func functionNames(t *testing.T) []string {
	r := newRig(t, `function on_message() end`, Options{})
	r.script.mu.Lock()
	defer r.script.mu.Unlock()
	st := r.script.cur
	var names []string
	seen := map[*lua.LTable]bool{}
	var walk func(prefix string, t *lua.LTable)
	walk = func(prefix string, t *lua.LTable) {
		if seen[t] {
			return
		}
		seen[t] = true
		lauxlib.Fill(t)
		t.ForEach(func(k, v lua.LValue) {
			switch v := v.(type) {
			case *lua.LFunction:
				names = append(names, prefix+k.String())
			case *lua.LTable:
				walk(prefix+k.String()+".", v)
			case *lua.LUserData:
				if mt, ok := v.Metatable.(*lua.LTable); ok {
					walk(prefix+k.String()+":", mt)
				}
			}
		})
	}
	walk("", st.L.G.Global)
	walk("(string).", st.L.GetMetatable(lua.LString("")).(*lua.LTable))
	for kind := range numObjects {
		walk(strings.ToLower(objectKinds[kind].name)+".", st.metatable(kind))
	}
	for _, m := range regexp.MustCompile(`(?m)^function (\w+:\w+)`).FindAllStringSubmatch(meta.Source, -1) {
		names = append(names, m[1])
	}
	return names
}

// Every function is known to the test, and the memory in use grows by at most 16 times the message, or it ends with an
// error before. Garbage counts, and what carries the message.
func TestHostile(t *testing.T) {
	for _, name := range functionNames(t) {
		known := slices.ContainsFunc(hostileCalls, func(c struct{ name, piece, code string }) bool { return c.name == name })
		if !known && !harmless.MatchString(name) {
			t.Errorf("%s: add a row to hostileCalls with the worst that can be done to it, or say that it is harmless", name)
		}
	}
	const size = 1 << 20
	for _, tt := range hostileCalls {
		piece := tt.piece
		if piece == "" {
			piece = "x"
		}
		path := t.TempDir()
		r := newRig(t, "function on_message(c, d) if d ~= 'hello' then "+tt.code+" end end", Options{
			OnError: Drop,
			KV:      func() (*kv.Store, error) { return kv.Open(path + "/kv") },
			Publish: func(string, core.Message) error { return nil },
		})
		r.push("hello")
		m := core.Message{Data: []byte(strings.Repeat(piece, size/len(piece))), Kind: core.Binary}
		runtime.GC()
		most := mostInUse()
		err := r.sink(relay.AToB, m)
		took := most()
		limit := uint64(16 * size)
		if strings.Contains(fmt.Sprint(r.got(&r.logs)), "is larger than the limit") {
			limit += DefaultMaxString // that large a string may be, whatever the message
		}
		t.Logf("%5.1f (live %d) %s", float64(took)/size, heapInUse()>>20, tt.code)
		if took > limit {
			t.Errorf("%s of %q: %s\ntook %.1f times the message; %v; logged %.200q", tt.name, piece, tt.code, float64(took)/size, err, r.got(&r.logs))
		}
		r.stop()
	}
}

// mostInUse looks at the memory in use until the returned function is called, which returns by how much it grew at most:
// as much as was allocated, or less where that was not there at one time.
func mostInUse() (stop func() uint64) {
	var start, end runtime.MemStats
	runtime.ReadMemStats(&start)
	before := heapInUse()
	over, most := make(chan struct{}), make(chan uint64)
	go func() {
		grown := uint64(0)
		for {
			grown = max(grown, max(heapInUse(), before)-before)
			select {
			case <-over:
				most <- grown
				return
			case <-time.After(100 * time.Microsecond):
			}
		}
	}()
	return func() uint64 {
		close(over)
		runtime.ReadMemStats(&end)
		return min(<-most, end.TotalAlloc-start.TotalAlloc)
	}
}
