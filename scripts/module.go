package scripts

import (
	"errors"
	"log/slog"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/scripts/lauxlib"
)

// open fills a new state with the library.
func (st *state) open() error {
	L, globals := st.L, st.L.G.Global
	st.openStandard()
	if err := st.openPrelude(); err != nil {
		return err
	}
	st.openLibrary()
	st.openRequire()
	st.argument = st.argTable()
	globals.RawSetString("args", st.argument)
	globals.RawSetString("ws76", st.module)
	globals.RawSetString("print", printFunction)
	lib := st.script.o.Library
	if lib == nil {
		return nil
	}
	err := L.GPCall(func(L *lua.LState) int {
		lib(L, st.module)
		return 0
	}, lua.LNil)
	if api, ok := err.(*lua.ApiError); ok {
		return errors.New(strings.TrimSpace(lua.LVAsString(api.Object))) // RaiseError begins with a place, which Go has none of
	}
	return err
}

type functions = map[string]lua.LGFunction

// Functions of the module and of objects: those that wait are made for each state, the others are shared by all.
var (
	printFunction *lua.LFunction

	moduleFunctions, logFunctions lauxlib.Functions

	moduleWaits functions
	objectKinds [numObjects]objectMethods
)

func init() { // what they call leads back here
	moduleFunctions = lauxlib.Shared(functions{
		"after": wsTimer(false), "every": wsTimer(true), "at": wsAt, "now": wsNow, "clock": wsClock, "spawn": wsSpawn, "conns": wsConns,
		"publish": wsPublish, "metric": wsMetric, "exit": wsExit, "watch": wsWatch, "queue": wsQueue,
	})
	moduleWaits = functions{
		"sleep": wsSleep, "wait_all": wsWaitAll, "connect": wsConnect, "listen": wsListen, "open": wsOpen,
	}
	logFunctions = lauxlib.Shared(functions{
		"debug": wsLog(slog.LevelDebug), "info": wsLog(slog.LevelInfo), "warn": wsLog(slog.LevelWarn), "error": wsLog(slog.LevelError),
	})
	printFunction = &lua.LFunction{IsG: true, GFunction: wsPrint}
	objectKinds = [...]objectMethods{
		connObject: {
			name: "Conn",
			methods: lauxlib.Shared(functions{
				"send": connSend, "close": connClose, "lost": connLost, "stats": connStats,
				"join":  connChannel("join", func(p *Peer) func(string) error { return p.Join }),
				"leave": connChannel("leave", func(p *Peer) func(string) error { return p.Leave }),
			}),
			waits: functions{"receive": connReceive, "request": connRequest},
			index: connIndex,
			meta:  lauxlib.Shared(functions{"__newindex": connNewIndex, "__tostring": connString}),
		},
		handleObject: {name: "Handle", methods: lauxlib.Shared(functions{"cancel": timerCancel, "skipped": timerSkipped})},
		taskObject:   {name: "Task", methods: lauxlib.Shared(functions{"cancel": taskCancel, "status": taskStatus})},
		listenerObject: {
			name: "Listener", methods: lauxlib.Shared(functions{"close": listenerClose}),
			waits: functions{"accept": listenerAccept}, index: listenerIndex,
		},
		streamObject: {
			name: "Stream", methods: lauxlib.Shared(functions{"close": streamClose}),
			waits: functions{"read_line": streamReadLine, "read": streamRead, "write": streamWrite},
		},
		queueObject: {
			name: "Queue", methods: lauxlib.Shared(functions{"close": queueClose, "len": queueLen}),
			waits: functions{"put": queuePut, "get": queueGet}, meta: lauxlib.Shared(functions{"__len": queueLen}),
		},
	}
}

// An objectKind is one of the kinds of objects that scripts get.
type objectKind int

const (
	connObject objectKind = iota
	handleObject
	taskObject
	listenerObject
	streamObject
	queueObject
	numObjects
)

// objectMethods is what the metatable of a kind is made of.
type objectMethods struct {
	name    string // in the annotations
	methods lauxlib.Functions
	waits   functions                                // methods that may wait
	index   func(methods *lua.LTable) lua.LGFunction // finds fields, too; nil: there are none
	meta    lauxlib.Functions
}

// waits puts functions that may wait into a table.
func (st *state) waits(t *lua.LTable, fs functions) {
	for name, f := range fs {
		t.RawSetString(name, st.waiting(f))
	}
}

// fillModule adds to the table ws76 what is about connections, tasks and time.
func (st *state) fillModule(m *lua.LTable) {
	moduleFunctions.Set(m)
	st.waits(m, moduleWaits)
	log := st.L.CreateTable(0, len(logFunctions))
	logFunctions.Set(log)
	m.RawSetString("log", log)
	m.RawSetString("print", printFunction)
	m.RawSetString("state", st.L.NewTable())
}

// metatable returns the metatable of a kind of objects, which is made for the first of them.
func (st *state) metatable(of objectKind) *lua.LTable {
	mt := st.made[of]
	if mt != nil {
		return mt
	}
	kind := objectKinds[of]
	t, mt := st.L.CreateTable(0, len(kind.methods)+len(kind.waits)), st.L.CreateTable(0, 4)
	kind.methods.Set(t)
	st.waits(t, kind.waits)
	mt.RawSetString("__index", t)
	if kind.index != nil {
		mt.RawSetString("__index", st.L.NewFunction(kind.index(t)))
	}
	mt.RawSetString("__metatable", lua.LFalse)
	mt.RawSetString("methods", t) // seen by debug.getmetatable only, as is __name
	mt.RawSetString("__name", lua.LString(kind.name))
	kind.meta.Set(mt)
	st.made[of] = mt
	return mt
}

// object makes an object.
func (st *state) object(value any, of objectKind) *lua.LUserData {
	return &lua.LUserData{Value: value, Metatable: st.metatable(of)}
}

// argTable is the global args.
func (st *state) argTable() *lua.LTable {
	a := st.script.o.Args
	t := st.L.CreateTable(len(a.List), len(a.Named))
	for _, v := range a.List {
		t.Append(lua.LString(v))
	}
	for name, v := range a.Named {
		t.RawSetString(name, lua.LString(v))
	}
	return t
}

func (st *state) args() lua.LValue { return st.argument }

// wsNow is ws76.now(): seconds since 1970.
func wsNow(L *lua.LState) int {
	L.Push(lua.LNumber(float64(stateOf(L).script.o.Clock.Now().UnixNano()) / 1e9))
	return 1
}

// wsClock is ws76.clock(): seconds since the state began, which never jump.
func wsClock(L *lua.LState) int {
	st := stateOf(L)
	L.Push(lua.LNumber(st.script.o.Clock.Now().Sub(st.script.began).Seconds()))
	return 1
}

// wsPublish is ws76.publish(channel, data[, kind]).
func wsPublish(L *lua.LState) int {
	st := stateOf(L)
	s := st.script
	channel := checkString(L, 1, "ws76.publish: want the name of a channel")
	m, err := messageOf(L.Get(2), core.Text)
	if err == nil && L.Get(3) != lua.LNil {
		m.Kind, err = parseKind(L.Get(3))
	}
	if err != nil {
		raise(L, "ws76.publish: %v", err)
	}
	if s.o.Publish == nil {
		raise(L, "ws76.publish: there are no channels here; they belong to ws76 serve")
	}
	if !s.later(func() {
		if err := s.o.Publish(channel, m); err != nil {
			s.o.log(slog.LevelError, "%s: ws76.publish(%.100q): %v", s.name, channel, err)
		}
	}, len(channel)+len(m.Data), false) {
		return fail(L, "full", "too many messages are waiting to be published")
	}
	L.Push(lua.LTrue)
	return 1
}

// wsMetric is ws76.metric(name, value[, labels]).
func wsMetric(L *lua.LState) int {
	st := stateOf(L)
	name := checkString(L, 1, "ws76.metric: want a name")
	value, ok := L.Get(2).(lua.LNumber)
	if !ok {
		raise(L, "ws76.metric: the value is %s; want a number", describe(L.Get(2)))
	}
	var labels map[string]string
	if t, ok := L.Get(3).(*lua.LTable); ok {
		labels = map[string]string{}
		t.ForEach(func(k, v lua.LValue) { labels[k.String()] = lua.LVAsString(v) })
	}
	if metric := st.script.o.Metric; metric != nil {
		if err := metric(name, float64(value), labels); err != nil {
			raise(L, "ws76.metric: %v", err)
		}
	}
	return 0
}

// wsExit is ws76.exit([code]): the command ends.
func wsExit(L *lua.LState) int {
	st := stateOf(L)
	code := L.OptInt(1, 0)
	if code < 0 || code > 125 {
		raise(L, "ws76.exit: the code is %d; want 0 to 125", code)
	}
	st.exiting = &ExitError{code}
	st.guard.interrupt(st.exiting)
	raise(L, "%v", st.exiting)
	return 0
}

// order is something to do on a goroutine, in the order of the calls.
type order struct {
	do   func()
	size int // bytes that it holds
}

// later runs f on a goroutine, with no lock held: on one of its own, or, as an order, with all others in the order of
// the calls. It reports whether there was room for it. The caller has the lock.
func (s *Script) later(f func(), size int, alone bool) bool {
	if s.stopped {
		return false
	}
	if alone {
		s.running.Go(f)
		return true
	}
	if len(s.orders) >= s.o.Limits.MaxQueue || s.ordered+size > maxOutboxBytes {
		return false
	}
	s.orders = append(s.orders, order{f, size})
	s.ordered += size
	if !s.ordering {
		s.ordering = true
		s.running.Go(s.order)
	}
	return true
}

// order runs what later was given, one after the other. The bytes count until it was done.
func (s *Script) order() {
	done := 0
	for {
		s.mu.Lock()
		s.ordered -= done
		if len(s.orders) == 0 {
			s.orders, s.ordering = nil, false
			s.mu.Unlock()
			return
		}
		next := s.orders[0]
		s.orders[0] = order{}
		s.orders = s.orders[1:]
		s.mu.Unlock()
		next.do()
		done = next.size
	}
}
