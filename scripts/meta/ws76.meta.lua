---@meta ws76
-- Types of the ws76 script API, for editors that read LuaCATS annotations. Nothing here is run.

---What a hook returns: nil or true pass the message on, false drops it, a string replaces it, a list gives several.
---@alias ws76.Result nil|boolean|string|{data: string, kind?: ws76.Kind}|(string|{data: string, kind?: ws76.Kind})[]
---@alias ws76.Kind "text"|"binary"

---A WebSocket connection.
---@class ws76.Conn
---@field id integer
---@field dialect "hixie-75"|"hixie-76"|"rfc6455"|"http" of plain HTTP on a channel
---@field transport string
---@field remote string address of the other side
---@field path string
---@field origin string
---@field protocol string
---@field role "server"|"client"
---@field open boolean
---@field peer ws76.Conn? the other connection of a bridge
---@field data table yours; kept over reloads
local Conn = {}
---Sends a message.
---@param data string
---@param kind? ws76.Kind
---@return true? ok, string? message, string? name
function Conn:send(data, kind) end
---Closes the connection properly.
---@param code? integer
---@param reason? string
function Conn:close(code, reason) end
---Closes the connection as one that is lost: what was joined to it ends with an error, and connect --reconnect makes another.
---@param reason? string
function Conn:lost(reason) end
---Counters of the connection.
---@return ws76.Stats
function Conn:stats() end
---Subscribes to a channel of the server.
---@param channel string
function Conn:join(channel) end
---@param channel string
function Conn:leave(channel) end
---Waits for a message that no request matches. Only in tasks, one at a time on a connection.
---@param timeout? number seconds
---@return string? data, ws76.Kind|"timeout"|"closed" kind
function Conn:receive(timeout) end
---Sends, and waits for the message that answers. Only in tasks; without match one at a time on a connection.
---@param data string
---@param options? {timeout?: number, match?: string|fun(data: string): boolean}
---@return string? data, string kind
function Conn:request(data, options) end

---@class ws76.Stats
---@field messages_in integer
---@field messages_out integer
---@field bytes_in integer
---@field bytes_out integer

---How a connection ended.
---@class ws76.Ended: ws76.Stats
---@field clean boolean
---@field by "us"|"peer"
---@field code integer?
---@field reason string?
---@field error string?

---@class ws76.Request
---@field path string
---@field host string
---@field origin string
---@field protocol string
---@field dialect string
---@field headers table<string, string>|{name: string, value: string}[]

---@class ws76.Handle
local Handle = {}
---No more calls; one that waits goes on to its end.
function Handle:cancel() end
---How many times came due while the function still ran; nothing is skipped but by every and at.
---@return integer
function Handle:skipped() end

---@class ws76.Task
local Task = {}
function Task:cancel() end
---@return string
function Task:status() end

---A queue of values between tasks.
---@class ws76.Queue
---@operator len: integer
local Queue = {}
---Puts a value in, and waits while the queue is full; in hooks and with a timeout of 0 it does not wait.
---@param value any not nil
---@param timeout? number seconds
---@return true? ok, "full"|"timeout"|"closed"|nil why
function Queue:put(value, timeout) end
---Takes the oldest value out, and waits while there is none; in hooks and with a timeout of 0 it does not wait.
---@param timeout? number seconds
---@return any value, "empty"|"timeout"|"closed"|nil why
function Queue:get(timeout) end
---Nothing more can be put; what is there can be taken.
function Queue:close() end
---@return integer
function Queue:len() end

---A raw stream of bytes.
---@class ws76.Stream
local Stream = {}
---@param timeout? number
---@return string? line, string? err
function Stream:read_line(timeout) end
---@param n integer
---@param timeout? number
---@return string? data, string? err
function Stream:read(n, timeout) end
---@param data string
---@return true? ok, string? err
function Stream:write(data) end
function Stream:close() end

---@class ws76.Listener
---@field addr string the address listened on
local Listener = {}
---@param timeout? number
---@return ws76.Conn?, string? err
function Listener:accept(timeout) end
function Listener:close() end

---@class ws76lib
ws76 = {}

---Calls fn once, after some seconds. It may wait.
---@param seconds number
---@param fn fun()
---@return ws76.Handle
function ws76.after(seconds, fn) end
---Calls fn again and again. It may wait; what comes due meanwhile is skipped.
---@param seconds number
---@param fn fun()
---@return ws76.Handle
function ws76.every(seconds, fn) end
---Calls fn at the times that a line of cron names, in local time. It may wait; what comes meanwhile is skipped.
---@param line string "minute hour day month weekday", or @hourly, @daily, @weekly, @monthly, @yearly, @every 90m
---@param fn fun()
---@return ws76.Handle
function ws76.at(line, fn) end
---Makes a queue of values between tasks.
---@param capacity? integer
---@return ws76.Queue
function ws76.queue(capacity) end
---Seconds since 1970, with a fraction.
---@return number
function ws76.now() end
---Seconds of a clock that never jumps.
---@return number
function ws76.clock() end
---Starts a task.
---@param fn fun(...)
---@return ws76.Task
function ws76.spawn(fn, ...) end
---Waits. Only in tasks.
---@param seconds number
function ws76.sleep(seconds) end
---Waits until tasks have ended. Only in tasks.
---@param tasks ws76.Task[]
function ws76.wait_all(tasks) end
---Opens a connection. Only in tasks.
---@param url string
---@param options? {via?: string, dialect?: string, protocol?: string, headers?: table, timeout?: number}
---@return ws76.Conn?, string? err
function ws76.connect(url, options) end
---Listens for connections. Only in tasks.
---@param address string
---@param each? fun(conn: ws76.Conn) run as a task for each connection
---@param options? {origin?: string|string[], host?: string|string[]} pages of other sites, and names of this server, that are let in, as with --origin and --host
---@return ws76.Listener?, string? err
function ws76.listen(address, each, options) end
---Opens a raw stream of bytes. Only in tasks.
---@param url string
---@return ws76.Stream?, string? err
function ws76.open(url) end
---The open connections of the command.
---@return ws76.Conn[]
function ws76.conns() end
---Sends to all who have joined a channel.
---@param channel string
---@param data string
function ws76.publish(channel, data) end
---Calls fn when files change: a file, a folder, a glob. It may wait, and is called for one event at a time.
---@param path string
---@param fn fun(event: {path: string, op: "create"|"write"|"remove"|"rename"})
---@return ws76.Handle
function ws76.watch(path, fn) end
---A relative path is in the working folder, beside the script or in ws76.data_dir.
---@param path string
---@return string? content, string? message, string? name
function ws76.read_file(path) end
---A relative path is in the working folder, where writing needs permission; below ws76.data_dir it needs none.
---@param path string
---@param data string
---@return true? ok, string? message, string? name
function ws76.write_file(path, data) end
---@param path string
---@param data string
---@return true? ok, string? message, string? name
function ws76.append_file(path, data) end
---Sets a number that is shown with the metrics.
---@param name string
---@param value number
---@param labels? table<string, string>
function ws76.metric(name, value, labels) end
---A value as readable text: tables with what is in them, sorted keys, strings in quotes.
---@param value any
---@return string
function ws76.inspect(value) end
---Prints a line.
function ws76.print(...) end
---Ends the command.
---@param code? integer
function ws76.exit(code) end
---Runs a program; a string is for the shell. Only in tasks, and with --allow exec.
---@param command string|string[]
---@param options? {stdin?: string, timeout?: number, folder?: string}
---@return {ok: boolean, code: integer, stdout: string, stderr: string}?, string? err
function ws76.exec(command, options) end
---A variable of the environment. Only with --allow env.
---@param name string
---@return string?
function ws76.env(name) end
---Sends an HTTP request. Only in tasks, and with --allow net.
---@param request string|{url: string, method?: string, headers?: table<string, string>, body?: string, timeout?: number}
---@return {status: integer, headers: table<string, string>, body: string}?, string? err
function ws76.http(request) end

---A table that is kept over reloads.
---@type table
ws76.state = {}
---A folder for files of the script's own, made when it writes there first.
---@type string
ws76.data_dir = ""
---The null of JSON.
---@type userdata
ws76.null = nil

ws76.log = {}
function ws76.log.debug(...) end
function ws76.log.info(...) end
function ws76.log.warn(...) end
function ws76.log.error(...) end

---Values that are kept on disk.
ws76.kv = {}
---@param key string
---@param default? any
---@return any
function ws76.kv:get(key, default) end
---@param key string
---@param value string|number|boolean|table|nil
function ws76.kv:set(key, value) end
---@param key string
---@param by? number
---@return number
function ws76.kv:incr(key, by) end
---@param key string
function ws76.kv:delete(key) end
---@param prefix? string
---@return string[]
function ws76.kv:keys(prefix) end
---Waits until all that was set is on the disk, as tasks wait. nil and a text say why it is not.
---@return true? ok, string? err
function ws76.kv:sync() end

ws76.json = {}
---@param value any
---@return string
function ws76.json.encode(value) end
---@param text string
---@return any value, string? err
function ws76.json.decode(text) end
---Marks a table as an array, which tells an empty one from an empty object.
---@param t? table
---@return table
function ws76.json.array(t) end

ws76.hex = {}
---@param data string
---@return string
function ws76.hex.encode(data) end
---@param text string
---@return string? data, string? err
function ws76.hex.decode(text) end

ws76.base64 = {}
---@param data string
---@param url? boolean the alphabet for URLs, without padding
---@return string
function ws76.base64.encode(data, url) end
---@param text string
---@return string? data, string? err
function ws76.base64.decode(text) end
---@param data string
---@param raw? boolean 16 bytes instead of hexadecimal digits
---@return string
function ws76.md5(data, raw) end
---@param data string
---@param raw? boolean 20 bytes instead of hexadecimal digits
---@return string
function ws76.sha1(data, raw) end

---Regular expressions of RE2.
ws76.re = {}
---@param s string
---@param expression string
---@param init? integer
---@return string|false|nil ...
function ws76.re.match(s, expression, init) end
---@param s string
---@param expression string
---@param init? integer
---@return integer? from, integer? to, string|false ...
function ws76.re.find(s, expression, init) end
---@param s string
---@param expression string
---@param replacement string|table|fun(...: string): any
---@param n? integer
---@return string result, integer count
function ws76.re.gsub(s, expression, replacement, n) end

ws76.utf8 = {}
---@type string
ws76.utf8.charpattern = ""
---@param ... integer
---@return string
function ws76.utf8.char(...) end
---@param s string
---@return fun(): integer, integer
function ws76.utf8.codes(s) end
---@param s string
---@param i? integer
---@param j? integer
---@return integer ...
function ws76.utf8.codepoint(s, i, j) end
---@param s string
---@param i? integer
---@param j? integer
---@return integer? n, integer? bad
function ws76.utf8.len(s, i, j) end
---@param s string
---@param n integer
---@param i? integer
---@return integer?
function ws76.utf8.offset(s, n, i) end

---Packs values in a format of Lua 5.3.
---@param format string
---@return string
function ws76.pack(format, ...) end
---@param format string
---@param data string
---@param position? integer
---@return any ... the values, then the position behind them
function ws76.unpack(format, data, position) end
---@param format string
---@return integer
function ws76.packsize(format) end

---Operations on 32 bits.
ws76.bit = {}
---@param x integer
---@return integer
function ws76.bit.tobit(x) end
---@param x integer
---@param digits? integer
---@return string
function ws76.bit.tohex(x, digits) end
---@param x integer
---@return integer
function ws76.bit.bnot(x) end
---@param ... integer
---@return integer
function ws76.bit.band(...) end
---@param ... integer
---@return integer
function ws76.bit.bor(...) end
---@param ... integer
---@return integer
function ws76.bit.bxor(...) end
---@param x integer
---@param n integer
---@return integer
function ws76.bit.lshift(x, n) end
---@param x integer
---@param n integer
---@return integer
function ws76.bit.rshift(x, n) end
---@param x integer
---@param n integer
---@return integer
function ws76.bit.arshift(x, n) end
---@param x integer
---@param n integer
---@return integer
function ws76.bit.rol(x, n) end
---@param x integer
---@param n integer
---@return integer
function ws76.bit.ror(x, n) end
---@param x integer
---@return integer
function ws76.bit.bswap(x) end

---A fresh challenge of draft 76.
---@return string key1, string key2, string key3, string answer
function ws76.keygen() end
---The 16 bytes that answer a challenge.
---@param key1 string
---@param key2 string
---@param key3 string
---@return string? answer, string? err
function ws76.answer(key1, key2, key3) end

ws76.frame = {}
---@param data string
---@param type? integer
---@return string
function ws76.frame.encode(data, type) end
---@param bytes string
---@return {type: integer, data: string, closing: boolean}[]? frames, string rest
function ws76.frame.decode(bytes) end

---What `ws76 script test` adds.
---@class ws76.TestConn
---@field conn ws76.Conn what the hooks get
---@field sent string[] what went to the peer
---@field passed string[] what the hooks let through of the peer's messages
local TestConn = {}
---The peer sends a message.
---@param data string
---@param kind? ws76.Kind
---@return string[] passed what the hooks made of it
function TestConn:message(data, kind) end
---A message is on its way to the peer.
---@param data string
---@param kind? ws76.Kind
---@return string[] sent
function TestConn:deliver(data, kind) end
---The connection ends.
function TestConn:close() end

ws76.test = {}
---A connection whose peer is the test.
---@param fields? {path?: string, origin?: string, protocol?: string, dialect?: string, remote?: string, role?: string}
---@return ws76.TestConn
function ws76.test.conn(fields) end
---Moves the clock on; timers and sleeping tasks that are due run.
---@param seconds number
function ws76.test.advance(seconds) end
---Answers under a URL: fn runs as a task with the other side of each connection to it, or of each stream opened there.
---@param url string
---@param fn fun(conn: ws76.Conn|ws76.Stream)
---@return ws76.Listener
function ws76.test.peer(url, fn) end
---Runs the script that is tested as ws76 run would.
---@param arguments? table what args is
---@return ws76.Task
function ws76.test.run(arguments) end
---The code of ws76.exit, once a task has called it.
---@type integer|false
ws76.test.exit_code = false
---Fails unless both are the same, tables by what is in them; the error shows both and the first difference.
---@param got any
---@param want any
---@param message? string
function ws76.test.equal(got, want, message) end
---Feeds a recording.
---@param path string
---@return ws76.TestConn
function ws76.test.replay(path) end

---What is on the command line: --script-arg NAME=VALUE by name, the others in a list.
---@type table
args = {}

-- Hooks: functions that a script defines.

---@param args table
function on_start(args) end
---@param reason string
function on_stop(reason) end
---@param conn ws76.Conn
---@param req ws76.Request
---@return nil|false|{status: integer, body?: string}|{protocol: string}
function on_handshake(conn, req) end
---What becomes of a message or a handshake that the script should have seen and could not, where that is safer than
---`--on-script-error`: after an error, at a limit, while the script is stuck or off. Set by the main chunk.
---@type "drop"|"close"|nil
fail = nil
---@param conn ws76.Conn
function on_open(conn) end
---@param conn ws76.Conn
---@param data string
---@param kind ws76.Kind
---@return ws76.Result
function on_message(conn, data, kind) end
---@param conn ws76.Conn
---@param data string
---@param kind ws76.Kind
---@return ws76.Result
function on_send(conn, data, kind) end
---@param conn ws76.Conn
---@param type integer
---@param payload string
---@param dir "in"|"out"
function on_frame(conn, type, payload, dir) end
---@param conn ws76.Conn
---@param info ws76.Ended
---@return integer? unsent messages that it has held back and could not send
function on_close(conn, info) end
---@param conn ws76.Conn
---@param err string
function on_error(conn, err) end
---@param line string
---@return ws76.Result
function on_line(line) end
---@return table
function on_save() end
---@param t table
function on_restore(t) end
