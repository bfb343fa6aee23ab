// Package scripts runs Lua scripts on the messages of sessions.
//
// A script is one Lua file whose global functions are named for events (on_message, on_open, …, see Events). It has one
// Lua state, in which its code runs one call at a time, and sees all connections that it is attached to:
//
//	script, err := scripts.Load("upper.lua", scripts.Options{})
//	script.Start()
//	session := scripts.Set{script}.Session(nil, scripts.NewPeer(conn, "client"), true)
//	err = relay.Join(ctx, terminal, conn, &relay.Options{Hooks: session.Hooks()})
//	session.Closed(err)
//	script.Stop(ctx, "done")
//
// Code that waits (for a time, a message, a connection) is a task: a coroutine that the package drives. Hooks never
// wait. Every call is bounded in time and memory, and a version of the script that was changed on disk takes the place
// of the old one between two messages.
//
// Locks: a session's hooks run under the lock of the session, and take the script's lock while Lua runs. Nobody who
// holds a script's lock takes another: what a script sends is put in line and handed on by whoever comes out.
package scripts
