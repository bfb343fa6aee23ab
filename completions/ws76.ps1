# PowerShell completion for ws76. Made by go generate, do not edit.
# Dot-source it in $PROFILE: . path\to\ws76.ps1

Register-ArgumentCompleter -Native -CommandName ws76 -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commands = New-Object System.Collections.Hashtable ([StringComparer]::Ordinal)
    $commands['ws76'] = @()
    $commands['ws76 connect'] = @()
    $commands['ws76 run'] = @()
    $commands['ws76 serve'] = @()
    $commands['ws76 replay'] = @()
    $commands['ws76 bridge'] = @()
    $commands['ws76 keygen'] = @()
    $commands['ws76 frame'] = @()
    $commands['ws76 frame encode'] = @()
    $commands['ws76 frame decode'] = @()
    $commands['ws76 frame dump'] = @()
    $commands['ws76 script'] = @()
    $commands['ws76 script check'] = @()
    $commands['ws76 script test'] = @()
    $commands['ws76 script new'] = @()
    $commands['ws76 plugin'] = @()
    $commands['ws76 plugin list'] = @()
    $commands['ws76 plugin info'] = @()
    $commands['ws76 plugin new'] = @()
    $commands['ws76 plugin install'] = @()
    $commands['ws76 plugin remove'] = @()
    $commands['ws76 wifly'] = @()
    $commands['ws76 wifly setup'] = @()
    $commands['ws76 wifly info'] = @()
    $commands['ws76 wifly scan'] = @()
    $commands['ws76 wifly send'] = @()
    $commands['ws76 wifly emulate'] = @()
    $commands['ws76 demo'] = @()
    $commands['ws76 completion'] = @()
    $commands['ws76 man'] = @()
    $commands['ws76 version'] = @()
    $arguments = New-Object System.Collections.Hashtable ([StringComparer]::Ordinal)
    $arguments['ws76'] = @(
        ('connect' + "`t" + 'pipe messages to a WebSocket server and back'),
        ('run' + "`t" + 'run a Lua program that opens its own connections'),
        ('serve' + "`t" + 'serve every dialect on one port: channels, a dashboard, children, an echo'),
        ('replay' + "`t" + 'print a recording, or play one side of it to a peer'),
        ('bridge' + "`t" + 'join any endpoint to any other: an old device to a modern server, a serial line to a WebSocket'),
        ('keygen' + "`t" + 'make a challenge, or answer one'),
        ('frame' + "`t" + 'turn messages into frames and back, take streams apart'),
        ('script' + "`t" + 'check, test and begin Lua scripts'),
        ('plugin' + "`t" + 'list, describe, begin, install and remove plugins'),
        ('wifly' + "`t" + 'set up WiFly RN-131 modules, or be one'),
        ('demo' + "`t" + 'a server, a module and a device to look at'),
        ('completion' + "`t" + 'print what lets a shell complete ws76'),
        ('man' + "`t" + 'list, print or install the manual pages'),
        ('version' + "`t" + 'print the version, and what it was built with'))
    $arguments['ws76 connect'] = @()
    $arguments['ws76 run'] = @()
    $arguments['ws76 serve'] = @()
    $arguments['ws76 replay'] = @()
    $arguments['ws76 bridge'] = @()
    $arguments['ws76 keygen'] = @()
    $arguments['ws76 frame'] = @(
        ('encode' + "`t" + 'messages of standard input to frames on standard output'),
        ('decode' + "`t" + 'frames of standard input to messages on standard output'),
        ('dump' + "`t" + 'an annotated hex dump of one direction of a connection'))
    $arguments['ws76 frame encode'] = @()
    $arguments['ws76 frame decode'] = @()
    $arguments['ws76 frame dump'] = @()
    $arguments['ws76 script'] = @(
        ('check' + "`t" + 'compile scripts and say what is likely wrong in them'),
        ('test' + "`t" + 'run the tests of scripts'),
        ('new' + "`t" + 'write a script to begin with'))
    $arguments['ws76 script check'] = @()
    $arguments['ws76 script test'] = @()
    $arguments['ws76 script new'] = @()
    $arguments['ws76 plugin'] = @(
        ('list' + "`t" + 'list plugins, and executables that are commands'),
        ('info' + "`t" + 'say what a plugin does, its options and commands'),
        ('new' + "`t" + 'write a plugin to begin with'),
        ('install' + "`t" + 'install a plugin from a folder or an archive'),
        ('remove' + "`t" + 'remove a plugin'))
    $arguments['ws76 plugin list'] = @()
    $arguments['ws76 plugin info'] = @()
    $arguments['ws76 plugin new'] = @()
    $arguments['ws76 plugin install'] = @()
    $arguments['ws76 plugin remove'] = @()
    $arguments['ws76 wifly'] = @(
        ('setup' + "`t" + 'bring a module into a network, for good'),
        ('info' + "`t" + 'what a module is, and where'),
        ('scan' + "`t" + 'the networks that a module hears'),
        ('send' + "`t" + 'send commands to a module and print its replies'),
        ('emulate' + "`t" + 'an RN-131 module in software'))
    $arguments['ws76 wifly setup'] = @()
    $arguments['ws76 wifly info'] = @()
    $arguments['ws76 wifly scan'] = @()
    $arguments['ws76 wifly send'] = @()
    $arguments['ws76 wifly emulate'] = @()
    $arguments['ws76 demo'] = @()
    $arguments['ws76 completion'] = @('bash', 'zsh', 'fish', 'powershell')
    $arguments['ws76 man'] = @()
    $arguments['ws76 version'] = @()
    $asked = New-Object System.Collections.Hashtable ([StringComparer]::Ordinal)
    $asked['ws76'] = @('plugin-command')
    $asked['ws76 connect'] = @('url')
    $asked['ws76 connect --via'] = @('via')
    $asked['ws76 connect --plugin'] = @('plugin')
    $asked['ws76 run --via'] = @('via')
    $asked['ws76 run --plugin'] = @('plugin')
    $asked['ws76 serve --plugin'] = @('plugin')
    $asked['ws76 replay'] = @('url')
    $asked['ws76 replay --via'] = @('via')
    $asked['ws76 bridge'] = @('endpoint')
    $asked['ws76 bridge --from-via'] = @('via')
    $asked['ws76 bridge --to-via'] = @('via')
    $asked['ws76 bridge --plugin'] = @('plugin')
    $asked['ws76 frame encode --plugin'] = @('plugin')
    $asked['ws76 frame decode --plugin'] = @('plugin')
    $asked['ws76 plugin info'] = @('plugin')
    $asked['ws76 plugin remove'] = @('plugin-installed')
    $asked['ws76 wifly setup --port'] = @('port')
    $asked['ws76 wifly setup -p'] = @('port')
    $asked['ws76 wifly info --port'] = @('port')
    $asked['ws76 wifly info -p'] = @('port')
    $asked['ws76 wifly scan --port'] = @('port')
    $asked['ws76 wifly scan -p'] = @('port')
    $asked['ws76 wifly send --port'] = @('port')
    $asked['ws76 wifly send -p'] = @('port')
    $asked['ws76 wifly emulate --port'] = @('port')
    $flags = New-Object System.Collections.Hashtable ([StringComparer]::Ordinal)
    $flags['ws76'] = @(
        ('--version' + "`t" + 'print the version'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 connect'] = @(
        ('--message' + "`t" + 'send TEXT, or what @FILE holds, before standard input; repeatable'),
        ('-m' + "`t" + 'send TEXT, or what @FILE holds, before standard input; repeatable'),
        ('--no-stdin' + "`t" + 'do not read standard input; counts as its end'),
        ('--in' + "`t" + 'FORMAT of standard input: lines, nul, whole, hex, base64, len32 or json'),
        ('--out' + "`t" + 'FORMAT of standard output: lines, nul, raw, hex, base64, len32 or json'),
        ('--format' + "`t" + 'print each message by TEMPLATE: %T time, %d data, %j JSON string, %k kind, %c conn, %n number, %p path'),
        ('--crlf' + "`t" + 'lines end with CR LF'),
        ('--replace-invalid' + "`t" + 'send U+FFFD for input that is not UTF-8 instead of ending with an error'),
        ('--max-message' + "`t" + 'largest message, SIZE'),
        ('--heartbeat' + "`t" + 'send TEXT every --heartbeat-interval (the drafts have no ping)'),
        ('--heartbeat-interval' + "`t" + 'TIME between heartbeats'),
        ('--on-eof' + "`t" + 'WHAT to do at the end of standard input: linger, close, wait or ignore'),
        ('--linger' + "`t" + 'TIME of silence after which --on-eof linger closes (0: at once)'),
        ('--count' + "`t" + 'end after N received messages'),
        ('-n' + "`t" + 'end after N received messages'),
        ('--until' + "`t" + 'end after a received message that matches REGEX'),
        ('--expect' + "`t" + 'exit with 9 if no received message matches REGEX'),
        ('--timeout' + "`t" + 'end everything after TIME, exit 5'),
        ('--idle' + "`t" + 'end when nothing has passed for TIME, heartbeats aside, exit 5'),
        ('--close-timeout' + "`t" + 'wait TIME for the peer''s closing frame'),
        ('--reconnect' + "`t" + 'connect again when the connection is lost, with backoff up to 30 s'),
        ('--retries' + "`t" + 'give up after N retries in a row that fail (0: never)'),
        ('--stats' + "`t" + 'say at the end how much passed and how long things took'),
        ('--dialect' + "`t" + 'DIALECT: hixie-75, hixie-76 or rfc6455'),
        ('--header' + "`t" + 'add the field ''NAME: VALUE'', or those of @FILE, in place of a default of that name; repeatable'),
        ('-H' + "`t" + 'add the field ''NAME: VALUE'', or those of @FILE, in place of a default of that name; repeatable'),
        ('--origin' + "`t" + 'send ORIGIN'),
        ('--protocol' + "`t" + 'ask for sub-protocol NAME; repeatable'),
        ('--cookie' + "`t" + 'send cookie ''NAME=VALUE''; repeatable'),
        ('--auth-file' + "`t" + 'log in with user:password from the first line of FILE'),
        ('--key1' + "`t" + 'fixed Sec-WebSocket-Key1 KEY'),
        ('--key2' + "`t" + 'fixed Sec-WebSocket-Key2 KEY'),
        ('--key3' + "`t" + 'fixed KEY: 8 characters, hex:... or base64:...'),
        ('--header-order' + "`t" + 'ORDER of the fields: random, as the draft says, or fixed'),
        ('--strict' + "`t" + 'refuse what is tolerated otherwise'),
        ('--no-compress' + "`t" + 'do not offer permessage-deflate (RFC 6455)'),
        ('--via' + "`t" + 'reach the server over the transport URL: tcp:, tls:, unix:///run/ws76.sock, serial:///dev/ttyUSB0?baud=115200, wifly:///dev/ttyUSB0?baud=9600, socks5://127.0.0.1:1080, socks5h://127.0.0.1:1080, http://proxy:3128, https://proxy:3129, exec:./tunnel, stdio:, fd:3'),
        ('--exec-env' + "`t" + 'give programs that are run the variable NAME of the environment, beside PATH, HOME and LANG; repeatable'),
        ('--proxy' + "`t" + 'reach it through the proxy URL, socks5:// or http://, or none'),
        ('--resolve' + "`t" + 'use ADDR for a name: HOST:PORT:ADDR; repeatable'),
        ('--ipv4' + "`t" + 'IPv4 only'),
        ('-4' + "`t" + 'IPv4 only'),
        ('--ipv6' + "`t" + 'IPv6 only'),
        ('-6' + "`t" + 'IPv6 only'),
        ('--connect-timeout' + "`t" + 'allow TIME for connecting and the handshake'),
        ('--dead-after' + "`t" + 'give up a TCP peer that acknowledges nothing for TIME: its power is off, or the way there is cut (0: the system''s time, some 15 minutes)'),
        ('--cacert' + "`t" + 'trust the authorities in FILE (PEM)'),
        ('--cert' + "`t" + 'client certificate FILE (PEM)'),
        ('--key' + "`t" + 'its key FILE'),
        ('--servername' + "`t" + 'NAME to ask for and to expect in the certificate'),
        ('--insecure' + "`t" + 'accept any certificate'),
        ('-k' + "`t" + 'accept any certificate'),
        ('--tls-min' + "`t" + 'lowest TLS VERSION, 1.0, 1.1, 1.2 or 1.3; 1.0 and 1.1 with their ciphers are for old devices only'),
        ('--color' + "`t" + 'WHEN to use colours on a terminal: auto (unless NO_COLOR is set), always or never'),
        ('--no-history' + "`t" + 'keep nothing of what is typed, and read nothing of what was'),
        ('--record' + "`t" + 'append what passes, with times, to FILE, for ws76 replay; SIGHUP opens it anew; - is standard output'),
        ('--plugin' + "`t" + 'run messages through the plugin NAME[,OPTION=VALUE...], before the scripts; repeatable'),
        ('--plugin-path' + "`t" + 'look for plugins in FOLDERS first, which are separated as in PATH'),
        ('--script' + "`t" + 'run messages through the Lua script FILE; repeatable, first to last'),
        ('--eval' + "`t" + 'run them through LUA, behind the scripts; repeatable'),
        ('--no-reload' + "`t" + 'do not load scripts anew when they change'),
        ('--on-script-error' + "`t" + 'WHAT to do with a message whose hook failed: pass, drop, close the connection, or exit'),
        ('--script-arg' + "`t" + 'put NAME=VALUE, or a value, into the table args; repeatable'),
        ('--allow' + "`t" + 'let scripts do WHAT: exec, net, listen, read, write, env, serial or unix, of one of them as in net=HOST:PORT, read=FOLDER; repeatable'),
        ('--trust-scripts' + "`t" + 'let scripts do all of that, and plugins what they state'),
        ('--script-timeout' + "`t" + 'stop a call of a script after TIME'),
        ('--script-max-string' + "`t" + 'largest string that a script may make, SIZE'),
        ('--script-max-memory' + "`t" + 'most memory that a script may keep, or that a call may take, SIZE'),
        ('--script-max-tasks' + "`t" + 'at most N tasks of a script at a time'),
        ('--script-max-queue' + "`t" + 'at most N messages of a script waiting for a connection'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 run'] = @(
        ('--max-message' + "`t" + 'largest message, SIZE'),
        ('--close-timeout' + "`t" + 'wait TIME for the peer''s closing frame'),
        ('--dialect' + "`t" + 'DIALECT: hixie-75, hixie-76 or rfc6455'),
        ('--header' + "`t" + 'add the field ''NAME: VALUE'', or those of @FILE, in place of a default of that name; repeatable'),
        ('-H' + "`t" + 'add the field ''NAME: VALUE'', or those of @FILE, in place of a default of that name; repeatable'),
        ('--origin' + "`t" + 'send ORIGIN'),
        ('--protocol' + "`t" + 'ask for sub-protocol NAME; repeatable'),
        ('--cookie' + "`t" + 'send cookie ''NAME=VALUE''; repeatable'),
        ('--auth-file' + "`t" + 'log in with user:password from the first line of FILE'),
        ('--header-order' + "`t" + 'ORDER of the fields: random, as the draft says, or fixed'),
        ('--strict' + "`t" + 'refuse what is tolerated otherwise'),
        ('--no-compress' + "`t" + 'do not offer permessage-deflate (RFC 6455)'),
        ('--via' + "`t" + 'reach the server over the transport URL: tcp:, tls:, unix:///run/ws76.sock, serial:///dev/ttyUSB0?baud=115200, wifly:///dev/ttyUSB0?baud=9600, socks5://127.0.0.1:1080, socks5h://127.0.0.1:1080, http://proxy:3128, https://proxy:3129, exec:./tunnel, stdio:, fd:3'),
        ('--exec-env' + "`t" + 'give programs that are run the variable NAME of the environment, beside PATH, HOME and LANG; repeatable'),
        ('--proxy' + "`t" + 'reach it through the proxy URL, socks5:// or http://, or none'),
        ('--resolve' + "`t" + 'use ADDR for a name: HOST:PORT:ADDR; repeatable'),
        ('--ipv4' + "`t" + 'IPv4 only'),
        ('-4' + "`t" + 'IPv4 only'),
        ('--ipv6' + "`t" + 'IPv6 only'),
        ('-6' + "`t" + 'IPv6 only'),
        ('--connect-timeout' + "`t" + 'allow TIME for connecting and the handshake'),
        ('--dead-after' + "`t" + 'give up a TCP peer that acknowledges nothing for TIME: its power is off, or the way there is cut (0: the system''s time, some 15 minutes)'),
        ('--cacert' + "`t" + 'trust the authorities in FILE (PEM)'),
        ('--cert' + "`t" + 'client certificate FILE (PEM)'),
        ('--key' + "`t" + 'its key FILE'),
        ('--servername' + "`t" + 'NAME to ask for and to expect in the certificate'),
        ('--insecure' + "`t" + 'accept any certificate'),
        ('-k' + "`t" + 'accept any certificate'),
        ('--tls-min' + "`t" + 'lowest TLS VERSION, 1.0, 1.1, 1.2 or 1.3; 1.0 and 1.1 with their ciphers are for old devices only'),
        ('--watch' + "`t" + 'end the program and start it anew when its files change'),
        ('--plugin' + "`t" + 'run messages through the plugin NAME[,OPTION=VALUE...], before the scripts; repeatable'),
        ('--plugin-path' + "`t" + 'look for plugins in FOLDERS first, which are separated as in PATH'),
        ('--script-arg' + "`t" + 'put NAME=VALUE, or a value, into the table args; repeatable'),
        ('--allow' + "`t" + 'let scripts do WHAT: exec, net, listen, read, write, env, serial or unix, of one of them as in net=HOST:PORT, read=FOLDER; repeatable'),
        ('--trust-scripts' + "`t" + 'let scripts do all of that, and plugins what they state'),
        ('--script-timeout' + "`t" + 'stop a call of a script after TIME'),
        ('--script-max-string' + "`t" + 'largest string that a script may make, SIZE'),
        ('--script-max-memory' + "`t" + 'most memory that a script may keep, or that a call may take, SIZE'),
        ('--script-max-tasks' + "`t" + 'at most N tasks of a script at a time'),
        ('--script-max-queue' + "`t" + 'at most N messages of a script waiting for a connection'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 serve'] = @(
        ('--echo' + "`t" + 'on other paths, send every message back (/echo always does)'),
        ('--exec' + "`t" + 'on other paths, run COMMAND for each connection: messages are lines of its standard input and output'),
        ('--exec-shared' + "`t" + 'on other paths, run one COMMAND for all connections: each gets all that it writes'),
        ('--exec-env' + "`t" + 'give programs that are run the variable NAME of the environment, beside PATH, HOME and LANG; repeatable'),
        ('--static' + "`t" + 'serve the files of DIR over HTTP'),
        ('--no-dashboard' + "`t" + 'no dashboard'),
        ('--metrics' + "`t" + 'metrics for Prometheus at PATH; off: nowhere'),
        ('--listen' + "`t" + 'listen on URL as well, or in place of ADDR: tcp://HOST:PORT, unix:///PATH, serial:///DEVICE, wifly:///DEVICE, fd:N; repeatable'),
        ('--dialect' + "`t" + 'serve only DIALECT, hixie-75, hixie-76 or rfc6455; repeatable'),
        ('--protocol' + "`t" + 'agree only to sub-protocol NAME; repeatable (default: the first offered)'),
        ('--strict' + "`t" + 'refuse what is tolerated otherwise'),
        ('--lenient-keys' + "`t" + 'take keys that do not divide, for devices that cannot be changed'),
        ('--public-url' + "`t" + 'URL that clients see, for Location: wss://HOST[:PORT]'),
        ('--trust-forwarded' + "`t" + 'take scheme and host for Location, and the client''s address, from X-Forwarded-Proto, -Host and -For'),
        ('--no-compress' + "`t" + 'no permessage-deflate (RFC 6455)'),
        ('--flash-policy' + "`t" + 'answer the policy request of Flash, for the hosts of --origin'),
        ('--binary' + "`t" + 'HOW channels give binary messages to clients of the drafts: refuse (leave out and count), base64, hex or latin1'),
        ('--origin' + "`t" + 'allow pages of PATTERN, beside those of the same site, like http://*.example.org; null: pages without an origin, none: clients that send no Origin, *: all; repeatable'),
        ('--host' + "`t" + 'be known as NAME, or the names of a pattern like *.lan, beside addresses, localhost and the host of --public-url; *: all; repeatable'),
        ('--auth-file' + "`t" + 'let in only the users of FILE, lines USER:PASSWORD or those of htpasswd -B'),
        ('--tls-cert' + "`t" + 'certificate FILE (PEM); TLS and plain share the port'),
        ('--tls-key' + "`t" + 'its key FILE'),
        ('--tls-min' + "`t" + 'lowest TLS VERSION, 1.0, 1.1, 1.2 or 1.3; 1.0 and 1.1 are for old devices only'),
        ('--max-conns' + "`t" + 'at most N connections'),
        ('--max-message' + "`t" + 'largest message to take, SIZE'),
        ('--rate' + "`t" + 'take at most N messages a second from a connection; faster peers have to wait (0: no limit)'),
        ('--queue' + "`t" + 'let at most N messages of channels wait for a connection that reads slowly'),
        ('--slow' + "`t" + 'WHAT to do when that is full: drop-oldest, drop-newest or close'),
        ('--handshake-timeout' + "`t" + 'allow TIME for the opening handshake'),
        ('--idle' + "`t" + 'close a connection over which nothing passes for TIME (0: never)'),
        ('--close-timeout' + "`t" + 'allow TIME for the closing handshake'),
        ('--grace' + "`t" + 'wait TIME for open connections when stopping'),
        ('--hub' + "`t" + 'share channels over the NATS server at URL, nats://[USER:PASSWORD@]HOST[:PORT] or tls://...; repeatable'),
        ('--hub-creds' + "`t" + 'credentials FILE for NATS, as nsc writes it'),
        ('--hub-cacert' + "`t" + 'trust the authorities in FILE (PEM) for NATS'),
        ('--hub-cert' + "`t" + 'show NATS the certificate in FILE (PEM)'),
        ('--hub-key' + "`t" + 'its key FILE'),
        ('--dead-after' + "`t" + 'give up a TCP peer that acknowledges nothing for TIME: its power is off, or the way there is cut (0: the system''s time, some 15 minutes)'),
        ('--record' + "`t" + 'append what passes, with times, to FILE, for ws76 replay; SIGHUP opens it anew; - is standard output'),
        ('--max-pending' + "`t" + 'hold at most SIZE, over all connections, of each of two: unfinished messages, those that have not come whole, with answers that are not read; and waiting messages, those of channels or --exec-shared that clients have not read. Where it is more, the clients that hold most are given up; --max-message where that is more'),
        ('--message-timeout' + "`t" + 'allow TIME for a message to arrive, from its first byte to its last (0: any)'),
        ('--write-timeout' + "`t" + 'end a connection that takes nothing of what is sent to it for TIME (0: never)'),
        ('--plugin' + "`t" + 'run messages through the plugin NAME[,OPTION=VALUE...], before the scripts; repeatable'),
        ('--plugin-path' + "`t" + 'look for plugins in FOLDERS first, which are separated as in PATH'),
        ('--script' + "`t" + 'run messages through the Lua script FILE; repeatable, first to last'),
        ('--eval' + "`t" + 'run them through LUA, behind the scripts; repeatable'),
        ('--no-reload' + "`t" + 'do not load scripts anew when they change'),
        ('--on-script-error' + "`t" + 'WHAT to do with a message whose hook failed: pass, drop, close the connection, or exit'),
        ('--script-arg' + "`t" + 'put NAME=VALUE, or a value, into the table args; repeatable'),
        ('--allow' + "`t" + 'let scripts do WHAT: exec, net, listen, read, write, env, serial or unix, of one of them as in net=HOST:PORT, read=FOLDER; repeatable'),
        ('--trust-scripts' + "`t" + 'let scripts do all of that, and plugins what they state'),
        ('--script-timeout' + "`t" + 'stop a call of a script after TIME'),
        ('--script-max-string' + "`t" + 'largest string that a script may make, SIZE'),
        ('--script-max-memory' + "`t" + 'most memory that a script may keep, or that a call may take, SIZE'),
        ('--script-max-tasks' + "`t" + 'at most N tasks of a script at a time'),
        ('--script-max-queue' + "`t" + 'at most N messages of a script waiting for a connection'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 replay'] = @(
        ('--conn' + "`t" + 'take connection N of the recording'),
        ('--dir' + "`t" + 'print only messages of DIRECTION in or out, as who recorded them saw it'),
        ('--out' + "`t" + 'FORMAT of standard output: lines, nul, raw, hex, base64, len32 or json'),
        ('--format' + "`t" + 'print each message by TEMPLATE: %T time, %d data, %j JSON string, %k kind, %c conn, %n number, %p path'),
        ('--crlf' + "`t" + 'lines end with CR LF'),
        ('--max-message' + "`t" + 'largest message, SIZE'),
        ('--listen' + "`t" + 'wait on ADDR for a client, and play the server'),
        ('--side' + "`t" + 'play this SIDE: client or server'),
        ('--host' + "`t" + 'with --listen: be known as NAME, beside addresses and localhost, as serve --host is; repeatable'),
        ('--speed' + "`t" + 'play N times as fast, 2x or 0.5x; max leaves out the pauses'),
        ('--check' + "`t" + 'compare what the peer sends with the recording'),
        ('--wait' + "`t" + 'with --check: a message may come TIME later than in the recording (0: no later)'),
        ('--linger' + "`t" + 'without --check: close when the peer was silent for TIME at the end (0: at once)'),
        ('--timeout' + "`t" + 'end everything after TIME, exit 5'),
        ('--close-timeout' + "`t" + 'wait TIME for the peer''s closing frame'),
        ('--dialect' + "`t" + 'DIALECT: hixie-75, hixie-76 or rfc6455'),
        ('--header' + "`t" + 'add the field ''NAME: VALUE'', or those of @FILE, in place of a default of that name; repeatable'),
        ('-H' + "`t" + 'add the field ''NAME: VALUE'', or those of @FILE, in place of a default of that name; repeatable'),
        ('--origin' + "`t" + 'send ORIGIN; with --listen: allow pages of it, as serve --origin does'),
        ('--protocol' + "`t" + 'ask for sub-protocol NAME; repeatable'),
        ('--cookie' + "`t" + 'send cookie ''NAME=VALUE''; repeatable'),
        ('--auth-file' + "`t" + 'log in with user:password from the first line of FILE'),
        ('--key1' + "`t" + 'fixed Sec-WebSocket-Key1 KEY'),
        ('--key2' + "`t" + 'fixed Sec-WebSocket-Key2 KEY'),
        ('--key3' + "`t" + 'fixed KEY: 8 characters, hex:... or base64:...'),
        ('--header-order' + "`t" + 'ORDER of the fields: random, as the draft says, or fixed'),
        ('--strict' + "`t" + 'refuse what is tolerated otherwise'),
        ('--no-compress' + "`t" + 'do not offer permessage-deflate (RFC 6455)'),
        ('--via' + "`t" + 'reach the server over the transport URL: tcp:, tls:, unix:///run/ws76.sock, serial:///dev/ttyUSB0?baud=115200, wifly:///dev/ttyUSB0?baud=9600, socks5://127.0.0.1:1080, socks5h://127.0.0.1:1080, http://proxy:3128, https://proxy:3129, exec:./tunnel, stdio:, fd:3'),
        ('--exec-env' + "`t" + 'give programs that are run the variable NAME of the environment, beside PATH, HOME and LANG; repeatable'),
        ('--proxy' + "`t" + 'reach it through the proxy URL, socks5:// or http://, or none'),
        ('--resolve' + "`t" + 'use ADDR for a name: HOST:PORT:ADDR; repeatable'),
        ('--ipv4' + "`t" + 'IPv4 only'),
        ('-4' + "`t" + 'IPv4 only'),
        ('--ipv6' + "`t" + 'IPv6 only'),
        ('-6' + "`t" + 'IPv6 only'),
        ('--connect-timeout' + "`t" + 'allow TIME for connecting and the handshake'),
        ('--dead-after' + "`t" + 'give up a TCP peer that acknowledges nothing for TIME: its power is off, or the way there is cut (0: the system''s time, some 15 minutes)'),
        ('--cacert' + "`t" + 'trust the authorities in FILE (PEM)'),
        ('--cert' + "`t" + 'client certificate FILE (PEM)'),
        ('--key' + "`t" + 'its key FILE'),
        ('--servername' + "`t" + 'NAME to ask for and to expect in the certificate'),
        ('--insecure' + "`t" + 'accept any certificate'),
        ('-k' + "`t" + 'accept any certificate'),
        ('--tls-min' + "`t" + 'lowest TLS VERSION, 1.0, 1.1, 1.2 or 1.3; 1.0 and 1.1 with their ciphers are for old devices only'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 bridge'] = @(
        ('--max-pending' + "`t" + 'hold at most SIZE of unfinished messages of FROM and TO, those that have not come whole, over all connections; then the largest is given up; --max-message where that is more'),
        ('--message-timeout' + "`t" + 'allow TIME for a message of FROM to arrive, from its first byte to its last (0: any)'),
        ('--write-timeout' + "`t" + 'end a connection of FROM that takes nothing of what is sent to it for TIME (0: never)'),
        ('--file' + "`t" + 'run the bridges of FILE (TOML), and follow its changes'),
        ('--from-format' + "`t" + 'FORMAT of FROM where it is a byte stream: lines, nul, hex, base64, len32 or json'),
        ('--to-format' + "`t" + 'FORMAT of TO where it is a byte stream: lines, nul, hex, base64, len32 or json'),
        ('--crlf' + "`t" + 'lines of byte streams end with CR LF'),
        ('--replace-invalid' + "`t" + 'put U+FFFD where a byte stream is not UTF-8 instead of ending with an error'),
        ('--binary' + "`t" + 'HOW binary messages are carried to drafts 75 and 76: refuse (close), base64, hex or latin1'),
        ('--max-message' + "`t" + 'largest message, SIZE'),
        ('--buffer' + "`t" + 'open TO again when it is lost, and keep up to N messages for it meanwhile, the newest'),
        ('--redeliver' + "`t" + 'with --buffer, send again what was written to a TO that was lost and may not have arrived: at least once'),
        ('--retries' + "`t" + 'give up after N retries in a row that fail (0: never)'),
        ('--reconnect' + "`t" + 'open FROM again when it ends, where it is opened and not listened on'),
        ('--linger' + "`t" + 'when FROM is a byte stream and ends, go on until TO has been silent for TIME (0: at once)'),
        ('--from-via' + "`t" + 'listen for WebSockets of FROM on transport URL: unix:///PATH, serial:///DEVICE, wifly:///DEVICE, fd:N, stdio:'),
        ('--origin' + "`t" + 'allow pages of PATTERN, beside those of the same site, like http://*.example.org; null: pages without an origin, none: clients that send no Origin, *: all; repeatable'),
        ('--host' + "`t" + 'be known as NAME, or the names of a pattern like *.lan, beside addresses, localhost and the host of --public-url; *: all; repeatable'),
        ('--auth-file' + "`t" + 'let in only the users of FILE, lines USER:PASSWORD or those of htpasswd -B'),
        ('--public-url' + "`t" + 'URL that clients see, for Location: wss://HOST[:PORT]'),
        ('--trust-forwarded' + "`t" + 'take scheme and host for Location, and the client''s address, from X-Forwarded-Proto, -Host and -For'),
        ('--lenient-keys' + "`t" + 'take keys that do not divide, for devices that cannot be changed'),
        ('--strict' + "`t" + 'refuse what is tolerated otherwise, on both sides'),
        ('--no-compress' + "`t" + 'no permessage-deflate (RFC 6455), on both sides'),
        ('--dialect' + "`t" + 'DIALECT of TO where its URL names none: hixie-75, hixie-76 or rfc6455'),
        ('--pass-header' + "`t" + 'pass on the client''s field NAME; with Cookie, TO''s cookies come back; repeatable'),
        ('--header' + "`t" + 'send TO the field ''NAME: VALUE'', or those of @FILE; repeatable'),
        ('-H' + "`t" + 'send TO the field ''NAME: VALUE'', or those of @FILE; repeatable'),
        ('--to-origin' + "`t" + 'send TO ORIGIN in place of the client''s'),
        ('--to-auth-file' + "`t" + 'log in to TO with user:password from the first line of FILE'),
        ('--header-order' + "`t" + 'ORDER of the fields: random, as the draft says, or fixed'),
        ('--to-via' + "`t" + 'reach a WebSocket TO over the transport URL: tcp:, tls:, unix:///run/ws76.sock, serial:///dev/ttyUSB0?baud=115200, wifly:///dev/ttyUSB0?baud=9600, socks5://127.0.0.1:1080, socks5h://127.0.0.1:1080, http://proxy:3128, https://proxy:3129, exec:./tunnel, stdio:, fd:3'),
        ('--exec-env' + "`t" + 'give programs that are run the variable NAME of the environment, beside PATH, HOME and LANG; repeatable'),
        ('--proxy' + "`t" + 'reach TO through the proxy URL, socks5:// or http://, or none'),
        ('--resolve' + "`t" + 'use ADDR for a name: HOST:PORT:ADDR; repeatable'),
        ('--ipv4' + "`t" + 'IPv4 only'),
        ('-4' + "`t" + 'IPv4 only'),
        ('--ipv6' + "`t" + 'IPv6 only'),
        ('-6' + "`t" + 'IPv6 only'),
        ('--tls-cert' + "`t" + 'certificate FILE (PEM) of FROM; TLS and plain share the port'),
        ('--tls-key' + "`t" + 'its key FILE'),
        ('--cacert' + "`t" + 'trust the authorities in FILE (PEM) for TO'),
        ('--cert' + "`t" + 'show TO the certificate in FILE (PEM)'),
        ('--key' + "`t" + 'its key FILE'),
        ('--servername' + "`t" + 'NAME to ask for and to expect in TO''s certificate'),
        ('--insecure' + "`t" + 'accept any certificate of TO'),
        ('-k' + "`t" + 'accept any certificate of TO'),
        ('--tls-min' + "`t" + 'lowest TLS VERSION, 1.0, 1.1, 1.2 or 1.3; 1.0 and 1.1 are for old devices only'),
        ('--max-conns' + "`t" + 'at most N connections of FROM'),
        ('--connect-timeout' + "`t" + 'allow TIME for opening TO'),
        ('--handshake-timeout' + "`t" + 'allow TIME for the opening handshake of FROM'),
        ('--idle' + "`t" + 'close when nothing has passed for TIME (0: never)'),
        ('--dead-after' + "`t" + 'give up a TCP peer that acknowledges nothing for TIME: its power is off, or the way there is cut (0: the system''s time, some 15 minutes)'),
        ('--close-timeout' + "`t" + 'allow TIME for the closing handshake'),
        ('--grace' + "`t" + 'wait TIME for open connections when stopping'),
        ('--record' + "`t" + 'append what passes, with times, to FILE, for ws76 replay; SIGHUP opens it anew; - is standard output'),
        ('--plugin' + "`t" + 'run messages through the plugin NAME[,OPTION=VALUE...], before the scripts; repeatable'),
        ('--plugin-path' + "`t" + 'look for plugins in FOLDERS first, which are separated as in PATH'),
        ('--script' + "`t" + 'run messages through the Lua script FILE; repeatable, first to last'),
        ('--eval' + "`t" + 'run them through LUA, behind the scripts; repeatable'),
        ('--no-reload' + "`t" + 'do not load scripts anew when they change'),
        ('--on-script-error' + "`t" + 'WHAT to do with a message whose hook failed: pass, drop, close the connection, or exit'),
        ('--script-arg' + "`t" + 'put NAME=VALUE, or a value, into the table args; repeatable'),
        ('--allow' + "`t" + 'let scripts do WHAT: exec, net, listen, read, write, env, serial or unix, of one of them as in net=HOST:PORT, read=FOLDER; repeatable'),
        ('--trust-scripts' + "`t" + 'let scripts do all of that, and plugins what they state'),
        ('--script-timeout' + "`t" + 'stop a call of a script after TIME'),
        ('--script-max-string' + "`t" + 'largest string that a script may make, SIZE'),
        ('--script-max-memory' + "`t" + 'most memory that a script may keep, or that a call may take, SIZE'),
        ('--script-max-tasks' + "`t" + 'at most N tasks of a script at a time'),
        ('--script-max-queue' + "`t" + 'at most N messages of a script waiting for a connection'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 keygen'] = @(
        ('--count' + "`t" + 'make N challenges, a line each'),
        ('-n' + "`t" + 'make N challenges, a line each'),
        ('--seed' + "`t" + 'make the same challenges each time for the same N, for tests'),
        ('--key1' + "`t" + 'value of Sec-WebSocket-Key1, KEY'),
        ('--key2' + "`t" + 'value of Sec-WebSocket-Key2, KEY'),
        ('--key3' + "`t" + 'the 8 BYTES after the head: 8 characters, hex:16 digits or base64:...'),
        ('--request' + "`t" + 'read a whole request from standard input: the head and 8 bytes'),
        ('--rfc6455' + "`t" + 'answer KEY, the Sec-WebSocket-Key of an RFC 6455 client'),
        ('--explain' + "`t" + 'show how the answer comes about, or what is wrong with a key'),
        ('--response' + "`t" + 'with --request: the complete response of a server, as bytes'),
        ('--raw' + "`t" + 'the 16 bytes of the answer and nothing else'),
        ('--verify' + "`t" + 'compare the answer with HEX|TEXT (32 digits, 16 characters or base64:...): ok, or exit 4'),
        ('--json' + "`t" + 'print a JSON object a line'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 frame'] = @(
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 frame encode'] = @(
        ('--in' + "`t" + 'FORMAT of the messages: lines, nul, whole, hex, base64, len32 or json'),
        ('--crlf' + "`t" + 'lines end with CR LF, and the CR is no part of the message'),
        ('--replace-invalid' + "`t" + 'send U+FFFD for what is not UTF-8, rather than stop'),
        ('--max-message' + "`t" + 'refuse messages above SIZE'),
        ('--dialect' + "`t" + 'DIALECT of the frames, the same in both drafts: hixie-75, hixie-76 or rfc6455'),
        ('--type' + "`t" + 'TYPE byte: 0x00..0x7F with a sentinel, 0x80..0xFF with a length; the opcode with rfc6455'),
        ('--close' + "`t" + 'end with a closing frame (FF 00)'),
        ('--mask' + "`t" + 'mask the frames, as clients of RFC 6455 must'),
        ('--plugin' + "`t" + 'run messages through the plugin NAME[,OPTION=VALUE...], before the scripts; repeatable'),
        ('--plugin-path' + "`t" + 'look for plugins in FOLDERS first, which are separated as in PATH'),
        ('--script' + "`t" + 'run messages through the Lua script FILE; repeatable, first to last'),
        ('--eval' + "`t" + 'run them through LUA, behind the scripts; repeatable'),
        ('--no-reload' + "`t" + 'do not load scripts anew when they change'),
        ('--on-script-error' + "`t" + 'WHAT to do with a message whose hook failed: pass, drop, close the connection, or exit'),
        ('--script-arg' + "`t" + 'put NAME=VALUE, or a value, into the table args; repeatable'),
        ('--allow' + "`t" + 'let scripts do WHAT: exec, net, listen, read, write, env, serial or unix, of one of them as in net=HOST:PORT, read=FOLDER; repeatable'),
        ('--trust-scripts' + "`t" + 'let scripts do all of that, and plugins what they state'),
        ('--script-timeout' + "`t" + 'stop a call of a script after TIME'),
        ('--script-max-string' + "`t" + 'largest string that a script may make, SIZE'),
        ('--script-max-memory' + "`t" + 'most memory that a script may keep, or that a call may take, SIZE'),
        ('--script-max-tasks' + "`t" + 'at most N tasks of a script at a time'),
        ('--script-max-queue' + "`t" + 'at most N messages of a script waiting for a connection'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 frame decode'] = @(
        ('--out' + "`t" + 'FORMAT of the messages: lines, nul, raw, hex, base64, len32 or json'),
        ('--format' + "`t" + 'print each message by TEMPLATE: %d data, %j data as JSON, %k kind, %n number, %T time, \n newline'),
        ('--crlf' + "`t" + 'end lines with CR LF'),
        ('--all' + "`t" + 'show frames of all types, not only messages'),
        ('--replace-invalid' + "`t" + 'print U+FFFD for what is not UTF-8, as the draft says, rather than stop'),
        ('--max-message' + "`t" + 'refuse messages above SIZE'),
        ('--dialect' + "`t" + 'DIALECT of the frames, the same in both drafts: hixie-75, hixie-76 or rfc6455'),
        ('--plugin' + "`t" + 'run messages through the plugin NAME[,OPTION=VALUE...], before the scripts; repeatable'),
        ('--plugin-path' + "`t" + 'look for plugins in FOLDERS first, which are separated as in PATH'),
        ('--script' + "`t" + 'run messages through the Lua script FILE; repeatable, first to last'),
        ('--eval' + "`t" + 'run them through LUA, behind the scripts; repeatable'),
        ('--no-reload' + "`t" + 'do not load scripts anew when they change'),
        ('--on-script-error' + "`t" + 'WHAT to do with a message whose hook failed: pass, drop, close the connection, or exit'),
        ('--script-arg' + "`t" + 'put NAME=VALUE, or a value, into the table args; repeatable'),
        ('--allow' + "`t" + 'let scripts do WHAT: exec, net, listen, read, write, env, serial or unix, of one of them as in net=HOST:PORT, read=FOLDER; repeatable'),
        ('--trust-scripts' + "`t" + 'let scripts do all of that, and plugins what they state'),
        ('--script-timeout' + "`t" + 'stop a call of a script after TIME'),
        ('--script-max-string' + "`t" + 'largest string that a script may make, SIZE'),
        ('--script-max-memory' + "`t" + 'most memory that a script may keep, or that a call may take, SIZE'),
        ('--script-max-tasks' + "`t" + 'at most N tasks of a script at a time'),
        ('--script-max-queue' + "`t" + 'at most N messages of a script waiting for a connection'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 frame dump'] = @(
        ('--max-message' + "`t" + 'take frames above SIZE for garbage'),
        ('--pcap' + "`t" + 'read a packet capture, of tcpdump or Wireshark'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 script'] = @(
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 script check'] = @(
        ('--json' + "`t" + 'one JSON object a script: file, hooks, tests, problems'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 script test'] = @(
        ('--run' + "`t" + 'only tests whose name PATTERN fits, a regular expression'),
        ('--watch' + "`t" + 'run the tests again whenever a .lua file in their folders changes, until interrupted'),
        ('--script-arg' + "`t" + 'put NAME=VALUE, or a value, into the table args; repeatable'),
        ('--allow' + "`t" + 'let scripts do WHAT: exec, net, listen, read, write, env, serial or unix, of one of them as in net=HOST:PORT, read=FOLDER; repeatable'),
        ('--trust-scripts' + "`t" + 'let scripts do all of that, and plugins what they state'),
        ('--script-timeout' + "`t" + 'stop a call of a script after TIME'),
        ('--script-max-string' + "`t" + 'largest string that a script may make, SIZE'),
        ('--script-max-memory' + "`t" + 'most memory that a script may keep, or that a call may take, SIZE'),
        ('--script-max-tasks' + "`t" + 'at most N tasks of a script at a time'),
        ('--script-max-queue' + "`t" + 'at most N messages of a script waiting for a connection'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 script new'] = @(
        ('--kind' + "`t" + 'KIND of script: hook for messages on their way, task for ws76 run or test for script test'),
        ('--meta' + "`t" + 'write the types of the API instead, which editors read (LuaCATS)'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 plugin'] = @(
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 plugin list'] = @(
        ('--plugin-path' + "`t" + 'look for plugins in FOLDERS first, which are separated as in PATH'),
        ('--json' + "`t" + 'one JSON object a line: name, kind (lua, go, program), version, summary, where, commands, options, changed'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 plugin info'] = @(
        ('--plugin-path' + "`t" + 'look for plugins in FOLDERS first, which are separated as in PATH'),
        ('--json' + "`t" + 'one JSON object a line: as plugin list prints it'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 plugin new'] = @(
        ('--dir' + "`t" + 'make the folder in FOLDER'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 plugin install'] = @(
        ('--grant' + "`t" + 'grant what the plugin says that it needs, as --allow would, until its files change'),
        ('--json' + "`t" + 'one JSON object a line: as plugin list prints it'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 plugin remove'] = @(
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 wifly'] = @(
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 wifly setup'] = @(
        ('--ssid' + "`t" + 'join the network NAME'),
        ('--auth' + "`t" + 'KIND of authentication: open, wep, wpa1, mixed or wpa2 (default: what scan shows of the network)'),
        ('--phrase-file' + "`t" + 'take the passphrase from the first line of FILE, - is standard input; without it a terminal is asked'),
        ('--channel' + "`t" + 'look on CHANNEL only, 1 to 13; 0 is any'),
        ('--dhcp' + "`t" + 'get the address by DHCP'),
        ('--ip' + "`t" + 'fixed ADDRESS'),
        ('--netmask' + "`t" + 'MASK of the fixed address'),
        ('--gateway' + "`t" + 'ADDRESS of the gateway'),
        ('--dns' + "`t" + 'ADDRESS of the name server'),
        ('--baud' + "`t" + 'RATE of the UART from then on'),
        ('--flow' + "`t" + 'flow CONTROL from then on: rtscts or none'),
        ('--dry-run' + "`t" + 'show what would change and change nothing'),
        ('--json' + "`t" + 'print one JSON object'),
        ('--port' + "`t" + 'PORT of the module: /dev/ttyUSB0 or COM3, where the usual rates are tried, or a URL like wifly:///dev/ttyUSB0?baud=9600'),
        ('-p' + "`t" + 'PORT of the module: /dev/ttyUSB0 or COM3, where the usual rates are tried, or a URL like wifly:///dev/ttyUSB0?baud=9600'),
        ('--timeout' + "`t" + 'give up after TIME (0: never)'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 wifly info'] = @(
        ('--json' + "`t" + 'print one JSON object'),
        ('--port' + "`t" + 'PORT of the module: /dev/ttyUSB0 or COM3, where the usual rates are tried, or a URL like wifly:///dev/ttyUSB0?baud=9600'),
        ('-p' + "`t" + 'PORT of the module: /dev/ttyUSB0 or COM3, where the usual rates are tried, or a URL like wifly:///dev/ttyUSB0?baud=9600'),
        ('--timeout' + "`t" + 'give up after TIME (0: never)'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 wifly scan'] = @(
        ('--json' + "`t" + 'print one JSON object a line'),
        ('--port' + "`t" + 'PORT of the module: /dev/ttyUSB0 or COM3, where the usual rates are tried, or a URL like wifly:///dev/ttyUSB0?baud=9600'),
        ('-p' + "`t" + 'PORT of the module: /dev/ttyUSB0 or COM3, where the usual rates are tried, or a URL like wifly:///dev/ttyUSB0?baud=9600'),
        ('--timeout' + "`t" + 'give up after TIME (0: never)'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 wifly send'] = @(
        ('--wait' + "`t" + 'read on until the module has been silent for TIME (default: 4s after join, scan, ping and lookup, which answer late)'),
        ('--port' + "`t" + 'PORT of the module: /dev/ttyUSB0 or COM3, where the usual rates are tried, or a URL like wifly:///dev/ttyUSB0?baud=9600'),
        ('-p' + "`t" + 'PORT of the module: /dev/ttyUSB0 or COM3, where the usual rates are tried, or a URL like wifly:///dev/ttyUSB0?baud=9600'),
        ('--timeout' + "`t" + 'give up after TIME (0: never)'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 wifly emulate'] = @(
        ('--link' + "`t" + 'make PATH a symbolic link to the pseudo-terminal'),
        ('--port' + "`t" + 'serial port to be the module on, URL like serial:///dev/ttyUSB0'),
        ('--baud' + "`t" + 'RATE at power-up (default: as stored, from the factory 9600)'),
        ('--settings' + "`t" + 'keep what the host saves in FILE, passphrase included'),
        ('--firmware' + "`t" + 'VERSION: 2.15, 2.21, 2.23, 2.32, 2.40-CEL, 4.00, 4.41 or 4.81'),
        ('--log' + "`t" + 'record the dialogue in FILE: seconds, > from the host or < to it, the text; passphrases masked'),
        ('--running' + "`t" + 'as if switched on long ago: no boot text, joined'),
        ('--network' + "`t" + 'a network in the air, SSID, SSID=PASSPHRASE or, of WEP, SSID=wep:KEY; behind hidden: its name does not show in a scan; repeatable (default: whatever is asked for)'),
        ('--upgrade' + "`t" + 'carry WebSockets of drafts 75 and 76 to RFC 6455 servers'),
        ('--map' + "`t" + 'lead HOST:PORT=URL there, with --upgrade; URL is ws:// or wss://, a path in it goes first; repeatable'),
        ('--listen' + "`t" + 'have the module''s own server on HOST[:PORT]; without a port on that which the host sets (2000)'),
        ('--dead-after' + "`t" + 'give up a TCP peer that acknowledges nothing for TIME: its power is off, or the way there is cut (0: the system''s time, some 15 minutes)'),
        ('--fault' + "`t" + 'what goes wrong, a LIST of faults'),
        ('--seed' + "`t" + 'NUMBER that makes the faults repeatable'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 demo'] = @(
        ('--interval' + "`t" + 'TIME between readings'),
        ('--duration' + "`t" + 'end after TIME (0: at ^C)'),
        ('--no-module' + "`t" + 'no module: the device connects over TCP'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 completion'] = @(
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 man'] = @(
        ('--page' + "`t" + 'print the page NAME: connect, ws76-connect or ws76-connect.1'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 version'] = @(
        ('--json' + "`t" + 'print one JSON object: ws76, go, os, arch, dialects, transports'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--config' + "`t" + 'take defaults and profiles from FILE; an empty name: from none'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $values = New-Object System.Collections.Hashtable ([StringComparer]::Ordinal)
    $values['ws76 connect --message'] = @()
    $values['ws76 connect -m'] = @()
    $values['ws76 connect --in'] = @(
        'lines',
        'nul',
        'whole',
        'hex',
        'base64',
        'len32',
        'json')
    $values['ws76 connect --out'] = @(
        'lines',
        'nul',
        'raw',
        'hex',
        'base64',
        'len32',
        'json')
    $values['ws76 connect --format'] = @()
    $values['ws76 connect --max-message'] = @()
    $values['ws76 connect --heartbeat'] = @()
    $values['ws76 connect --heartbeat-interval'] = @()
    $values['ws76 connect --on-eof'] = @('linger', 'close', 'wait', 'ignore')
    $values['ws76 connect --linger'] = @()
    $values['ws76 connect --count'] = @()
    $values['ws76 connect -n'] = @()
    $values['ws76 connect --until'] = @()
    $values['ws76 connect --expect'] = @()
    $values['ws76 connect --timeout'] = @()
    $values['ws76 connect --idle'] = @()
    $values['ws76 connect --close-timeout'] = @()
    $values['ws76 connect --retries'] = @()
    $values['ws76 connect --dialect'] = @('hixie-75', 'hixie-76', 'rfc6455')
    $values['ws76 connect --header'] = @()
    $values['ws76 connect -H'] = @()
    $values['ws76 connect --origin'] = @()
    $values['ws76 connect --protocol'] = @()
    $values['ws76 connect --cookie'] = @()
    $values['ws76 connect --auth-file'] = @()
    $values['ws76 connect --key1'] = @()
    $values['ws76 connect --key2'] = @()
    $values['ws76 connect --key3'] = @()
    $values['ws76 connect --header-order'] = @('random', 'fixed')
    $values['ws76 connect --via'] = @()
    $values['ws76 connect --exec-env'] = @()
    $values['ws76 connect --proxy'] = @()
    $values['ws76 connect --resolve'] = @()
    $values['ws76 connect --connect-timeout'] = @()
    $values['ws76 connect --dead-after'] = @()
    $values['ws76 connect --cacert'] = @()
    $values['ws76 connect --cert'] = @()
    $values['ws76 connect --key'] = @()
    $values['ws76 connect --servername'] = @()
    $values['ws76 connect --tls-min'] = @('1.0', '1.1', '1.2', '1.3')
    $values['ws76 connect --color'] = @('auto', 'always', 'never')
    $values['ws76 connect --record'] = @()
    $values['ws76 connect --plugin'] = @()
    $values['ws76 connect --plugin-path'] = @()
    $values['ws76 connect --script'] = @()
    $values['ws76 connect --eval'] = @()
    $values['ws76 connect --on-script-error'] = @('pass', 'drop', 'close', 'exit')
    $values['ws76 connect --script-arg'] = @()
    $values['ws76 connect --allow'] = @(
        'exec',
        'net',
        'listen',
        'read',
        'write',
        'env',
        'serial',
        'unix',
        'stdio',
        'fd')
    $values['ws76 connect --script-timeout'] = @()
    $values['ws76 connect --script-max-string'] = @()
    $values['ws76 connect --script-max-memory'] = @()
    $values['ws76 connect --script-max-tasks'] = @()
    $values['ws76 connect --script-max-queue'] = @()
    $values['ws76 connect --log-format'] = @('text', 'json')
    $values['ws76 connect --config'] = @()
    $values['ws76 run --max-message'] = @()
    $values['ws76 run --close-timeout'] = @()
    $values['ws76 run --dialect'] = @('hixie-75', 'hixie-76', 'rfc6455')
    $values['ws76 run --header'] = @()
    $values['ws76 run -H'] = @()
    $values['ws76 run --origin'] = @()
    $values['ws76 run --protocol'] = @()
    $values['ws76 run --cookie'] = @()
    $values['ws76 run --auth-file'] = @()
    $values['ws76 run --header-order'] = @('random', 'fixed')
    $values['ws76 run --via'] = @()
    $values['ws76 run --exec-env'] = @()
    $values['ws76 run --proxy'] = @()
    $values['ws76 run --resolve'] = @()
    $values['ws76 run --connect-timeout'] = @()
    $values['ws76 run --dead-after'] = @()
    $values['ws76 run --cacert'] = @()
    $values['ws76 run --cert'] = @()
    $values['ws76 run --key'] = @()
    $values['ws76 run --servername'] = @()
    $values['ws76 run --tls-min'] = @('1.0', '1.1', '1.2', '1.3')
    $values['ws76 run --plugin'] = @()
    $values['ws76 run --plugin-path'] = @()
    $values['ws76 run --script-arg'] = @()
    $values['ws76 run --allow'] = @(
        'exec',
        'net',
        'listen',
        'read',
        'write',
        'env',
        'serial',
        'unix',
        'stdio',
        'fd')
    $values['ws76 run --script-timeout'] = @()
    $values['ws76 run --script-max-string'] = @()
    $values['ws76 run --script-max-memory'] = @()
    $values['ws76 run --script-max-tasks'] = @()
    $values['ws76 run --script-max-queue'] = @()
    $values['ws76 run --log-format'] = @('text', 'json')
    $values['ws76 run --config'] = @()
    $values['ws76 serve --exec'] = @()
    $values['ws76 serve --exec-shared'] = @()
    $values['ws76 serve --exec-env'] = @()
    $values['ws76 serve --static'] = @()
    $values['ws76 serve --metrics'] = @()
    $values['ws76 serve --listen'] = @()
    $values['ws76 serve --dialect'] = @('hixie-75', 'hixie-76', 'rfc6455')
    $values['ws76 serve --protocol'] = @()
    $values['ws76 serve --public-url'] = @()
    $values['ws76 serve --binary'] = @('refuse', 'base64', 'hex', 'latin1')
    $values['ws76 serve --origin'] = @()
    $values['ws76 serve --host'] = @()
    $values['ws76 serve --auth-file'] = @()
    $values['ws76 serve --tls-cert'] = @()
    $values['ws76 serve --tls-key'] = @()
    $values['ws76 serve --tls-min'] = @('1.0', '1.1', '1.2', '1.3')
    $values['ws76 serve --max-conns'] = @()
    $values['ws76 serve --max-message'] = @()
    $values['ws76 serve --rate'] = @()
    $values['ws76 serve --queue'] = @()
    $values['ws76 serve --slow'] = @('drop-oldest', 'drop-newest', 'close')
    $values['ws76 serve --handshake-timeout'] = @()
    $values['ws76 serve --idle'] = @()
    $values['ws76 serve --close-timeout'] = @()
    $values['ws76 serve --grace'] = @()
    $values['ws76 serve --hub'] = @()
    $values['ws76 serve --hub-creds'] = @()
    $values['ws76 serve --hub-cacert'] = @()
    $values['ws76 serve --hub-cert'] = @()
    $values['ws76 serve --hub-key'] = @()
    $values['ws76 serve --dead-after'] = @()
    $values['ws76 serve --record'] = @()
    $values['ws76 serve --max-pending'] = @()
    $values['ws76 serve --message-timeout'] = @()
    $values['ws76 serve --write-timeout'] = @()
    $values['ws76 serve --plugin'] = @()
    $values['ws76 serve --plugin-path'] = @()
    $values['ws76 serve --script'] = @()
    $values['ws76 serve --eval'] = @()
    $values['ws76 serve --on-script-error'] = @('pass', 'drop', 'close', 'exit')
    $values['ws76 serve --script-arg'] = @()
    $values['ws76 serve --allow'] = @(
        'exec',
        'net',
        'listen',
        'read',
        'write',
        'env',
        'serial',
        'unix',
        'stdio',
        'fd')
    $values['ws76 serve --script-timeout'] = @()
    $values['ws76 serve --script-max-string'] = @()
    $values['ws76 serve --script-max-memory'] = @()
    $values['ws76 serve --script-max-tasks'] = @()
    $values['ws76 serve --script-max-queue'] = @()
    $values['ws76 serve --log-format'] = @('text', 'json')
    $values['ws76 serve --config'] = @()
    $values['ws76 replay --conn'] = @()
    $values['ws76 replay --dir'] = @('in', 'out')
    $values['ws76 replay --out'] = @(
        'lines',
        'nul',
        'raw',
        'hex',
        'base64',
        'len32',
        'json')
    $values['ws76 replay --format'] = @()
    $values['ws76 replay --max-message'] = @()
    $values['ws76 replay --listen'] = @()
    $values['ws76 replay --side'] = @('client', 'server')
    $values['ws76 replay --host'] = @()
    $values['ws76 replay --speed'] = @()
    $values['ws76 replay --wait'] = @()
    $values['ws76 replay --linger'] = @()
    $values['ws76 replay --timeout'] = @()
    $values['ws76 replay --close-timeout'] = @()
    $values['ws76 replay --dialect'] = @('hixie-75', 'hixie-76', 'rfc6455')
    $values['ws76 replay --header'] = @()
    $values['ws76 replay -H'] = @()
    $values['ws76 replay --origin'] = @()
    $values['ws76 replay --protocol'] = @()
    $values['ws76 replay --cookie'] = @()
    $values['ws76 replay --auth-file'] = @()
    $values['ws76 replay --key1'] = @()
    $values['ws76 replay --key2'] = @()
    $values['ws76 replay --key3'] = @()
    $values['ws76 replay --header-order'] = @('random', 'fixed')
    $values['ws76 replay --via'] = @()
    $values['ws76 replay --exec-env'] = @()
    $values['ws76 replay --proxy'] = @()
    $values['ws76 replay --resolve'] = @()
    $values['ws76 replay --connect-timeout'] = @()
    $values['ws76 replay --dead-after'] = @()
    $values['ws76 replay --cacert'] = @()
    $values['ws76 replay --cert'] = @()
    $values['ws76 replay --key'] = @()
    $values['ws76 replay --servername'] = @()
    $values['ws76 replay --tls-min'] = @('1.0', '1.1', '1.2', '1.3')
    $values['ws76 replay --log-format'] = @('text', 'json')
    $values['ws76 replay --config'] = @()
    $values['ws76 bridge --max-pending'] = @()
    $values['ws76 bridge --message-timeout'] = @()
    $values['ws76 bridge --write-timeout'] = @()
    $values['ws76 bridge --file'] = @()
    $values['ws76 bridge --from-format'] = @('lines', 'nul', 'hex', 'base64', 'len32', 'json')
    $values['ws76 bridge --to-format'] = @('lines', 'nul', 'hex', 'base64', 'len32', 'json')
    $values['ws76 bridge --binary'] = @('refuse', 'base64', 'hex', 'latin1')
    $values['ws76 bridge --max-message'] = @()
    $values['ws76 bridge --buffer'] = @()
    $values['ws76 bridge --retries'] = @()
    $values['ws76 bridge --linger'] = @()
    $values['ws76 bridge --from-via'] = @()
    $values['ws76 bridge --origin'] = @()
    $values['ws76 bridge --host'] = @()
    $values['ws76 bridge --auth-file'] = @()
    $values['ws76 bridge --public-url'] = @()
    $values['ws76 bridge --dialect'] = @('hixie-75', 'hixie-76', 'rfc6455')
    $values['ws76 bridge --pass-header'] = @()
    $values['ws76 bridge --header'] = @()
    $values['ws76 bridge -H'] = @()
    $values['ws76 bridge --to-origin'] = @()
    $values['ws76 bridge --to-auth-file'] = @()
    $values['ws76 bridge --header-order'] = @('random', 'fixed')
    $values['ws76 bridge --to-via'] = @()
    $values['ws76 bridge --exec-env'] = @()
    $values['ws76 bridge --proxy'] = @()
    $values['ws76 bridge --resolve'] = @()
    $values['ws76 bridge --tls-cert'] = @()
    $values['ws76 bridge --tls-key'] = @()
    $values['ws76 bridge --cacert'] = @()
    $values['ws76 bridge --cert'] = @()
    $values['ws76 bridge --key'] = @()
    $values['ws76 bridge --servername'] = @()
    $values['ws76 bridge --tls-min'] = @('1.0', '1.1', '1.2', '1.3')
    $values['ws76 bridge --max-conns'] = @()
    $values['ws76 bridge --connect-timeout'] = @()
    $values['ws76 bridge --handshake-timeout'] = @()
    $values['ws76 bridge --idle'] = @()
    $values['ws76 bridge --dead-after'] = @()
    $values['ws76 bridge --close-timeout'] = @()
    $values['ws76 bridge --grace'] = @()
    $values['ws76 bridge --record'] = @()
    $values['ws76 bridge --plugin'] = @()
    $values['ws76 bridge --plugin-path'] = @()
    $values['ws76 bridge --script'] = @()
    $values['ws76 bridge --eval'] = @()
    $values['ws76 bridge --on-script-error'] = @('pass', 'drop', 'close', 'exit')
    $values['ws76 bridge --script-arg'] = @()
    $values['ws76 bridge --allow'] = @(
        'exec',
        'net',
        'listen',
        'read',
        'write',
        'env',
        'serial',
        'unix',
        'stdio',
        'fd')
    $values['ws76 bridge --script-timeout'] = @()
    $values['ws76 bridge --script-max-string'] = @()
    $values['ws76 bridge --script-max-memory'] = @()
    $values['ws76 bridge --script-max-tasks'] = @()
    $values['ws76 bridge --script-max-queue'] = @()
    $values['ws76 bridge --log-format'] = @('text', 'json')
    $values['ws76 bridge --config'] = @()
    $values['ws76 keygen --count'] = @()
    $values['ws76 keygen -n'] = @()
    $values['ws76 keygen --seed'] = @()
    $values['ws76 keygen --key1'] = @()
    $values['ws76 keygen --key2'] = @()
    $values['ws76 keygen --key3'] = @()
    $values['ws76 keygen --rfc6455'] = @()
    $values['ws76 keygen --verify'] = @()
    $values['ws76 keygen --log-format'] = @('text', 'json')
    $values['ws76 keygen --config'] = @()
    $values['ws76 frame --log-format'] = @('text', 'json')
    $values['ws76 frame --config'] = @()
    $values['ws76 frame encode --in'] = @(
        'lines',
        'nul',
        'whole',
        'hex',
        'base64',
        'len32',
        'json')
    $values['ws76 frame encode --max-message'] = @()
    $values['ws76 frame encode --dialect'] = @('hixie-75', 'hixie-76', 'rfc6455')
    $values['ws76 frame encode --type'] = @()
    $values['ws76 frame encode --plugin'] = @()
    $values['ws76 frame encode --plugin-path'] = @()
    $values['ws76 frame encode --script'] = @()
    $values['ws76 frame encode --eval'] = @()
    $values['ws76 frame encode --on-script-error'] = @('pass', 'drop', 'close', 'exit')
    $values['ws76 frame encode --script-arg'] = @()
    $values['ws76 frame encode --allow'] = @(
        'exec',
        'net',
        'listen',
        'read',
        'write',
        'env',
        'serial',
        'unix',
        'stdio',
        'fd')
    $values['ws76 frame encode --script-timeout'] = @()
    $values['ws76 frame encode --script-max-string'] = @()
    $values['ws76 frame encode --script-max-memory'] = @()
    $values['ws76 frame encode --script-max-tasks'] = @()
    $values['ws76 frame encode --script-max-queue'] = @()
    $values['ws76 frame encode --log-format'] = @('text', 'json')
    $values['ws76 frame encode --config'] = @()
    $values['ws76 frame decode --out'] = @(
        'lines',
        'nul',
        'raw',
        'hex',
        'base64',
        'len32',
        'json')
    $values['ws76 frame decode --format'] = @()
    $values['ws76 frame decode --max-message'] = @()
    $values['ws76 frame decode --dialect'] = @('hixie-75', 'hixie-76', 'rfc6455')
    $values['ws76 frame decode --plugin'] = @()
    $values['ws76 frame decode --plugin-path'] = @()
    $values['ws76 frame decode --script'] = @()
    $values['ws76 frame decode --eval'] = @()
    $values['ws76 frame decode --on-script-error'] = @('pass', 'drop', 'close', 'exit')
    $values['ws76 frame decode --script-arg'] = @()
    $values['ws76 frame decode --allow'] = @(
        'exec',
        'net',
        'listen',
        'read',
        'write',
        'env',
        'serial',
        'unix',
        'stdio',
        'fd')
    $values['ws76 frame decode --script-timeout'] = @()
    $values['ws76 frame decode --script-max-string'] = @()
    $values['ws76 frame decode --script-max-memory'] = @()
    $values['ws76 frame decode --script-max-tasks'] = @()
    $values['ws76 frame decode --script-max-queue'] = @()
    $values['ws76 frame decode --log-format'] = @('text', 'json')
    $values['ws76 frame decode --config'] = @()
    $values['ws76 frame dump --max-message'] = @()
    $values['ws76 frame dump --log-format'] = @('text', 'json')
    $values['ws76 frame dump --config'] = @()
    $values['ws76 script --log-format'] = @('text', 'json')
    $values['ws76 script --config'] = @()
    $values['ws76 script check --log-format'] = @('text', 'json')
    $values['ws76 script check --config'] = @()
    $values['ws76 script test --run'] = @()
    $values['ws76 script test --script-arg'] = @()
    $values['ws76 script test --allow'] = @(
        'exec',
        'net',
        'listen',
        'read',
        'write',
        'env',
        'serial',
        'unix',
        'stdio',
        'fd')
    $values['ws76 script test --script-timeout'] = @()
    $values['ws76 script test --script-max-string'] = @()
    $values['ws76 script test --script-max-memory'] = @()
    $values['ws76 script test --script-max-tasks'] = @()
    $values['ws76 script test --script-max-queue'] = @()
    $values['ws76 script test --log-format'] = @('text', 'json')
    $values['ws76 script test --config'] = @()
    $values['ws76 script new --kind'] = @('hook', 'task', 'test')
    $values['ws76 script new --log-format'] = @('text', 'json')
    $values['ws76 script new --config'] = @()
    $values['ws76 plugin --log-format'] = @('text', 'json')
    $values['ws76 plugin --config'] = @()
    $values['ws76 plugin list --plugin-path'] = @()
    $values['ws76 plugin list --log-format'] = @('text', 'json')
    $values['ws76 plugin list --config'] = @()
    $values['ws76 plugin info --plugin-path'] = @()
    $values['ws76 plugin info --log-format'] = @('text', 'json')
    $values['ws76 plugin info --config'] = @()
    $values['ws76 plugin new --dir'] = @()
    $values['ws76 plugin new --log-format'] = @('text', 'json')
    $values['ws76 plugin new --config'] = @()
    $values['ws76 plugin install --log-format'] = @('text', 'json')
    $values['ws76 plugin install --config'] = @()
    $values['ws76 plugin remove --log-format'] = @('text', 'json')
    $values['ws76 plugin remove --config'] = @()
    $values['ws76 wifly --log-format'] = @('text', 'json')
    $values['ws76 wifly --config'] = @()
    $values['ws76 wifly setup --ssid'] = @()
    $values['ws76 wifly setup --auth'] = @('open', 'wep', 'wpa1', 'mixed', 'wpa2')
    $values['ws76 wifly setup --phrase-file'] = @()
    $values['ws76 wifly setup --channel'] = @()
    $values['ws76 wifly setup --ip'] = @()
    $values['ws76 wifly setup --netmask'] = @()
    $values['ws76 wifly setup --gateway'] = @()
    $values['ws76 wifly setup --dns'] = @()
    $values['ws76 wifly setup --baud'] = @()
    $values['ws76 wifly setup --flow'] = @('rtscts', 'none')
    $values['ws76 wifly setup --port'] = @()
    $values['ws76 wifly setup -p'] = @()
    $values['ws76 wifly setup --timeout'] = @()
    $values['ws76 wifly setup --log-format'] = @('text', 'json')
    $values['ws76 wifly setup --config'] = @()
    $values['ws76 wifly info --port'] = @()
    $values['ws76 wifly info -p'] = @()
    $values['ws76 wifly info --timeout'] = @()
    $values['ws76 wifly info --log-format'] = @('text', 'json')
    $values['ws76 wifly info --config'] = @()
    $values['ws76 wifly scan --port'] = @()
    $values['ws76 wifly scan -p'] = @()
    $values['ws76 wifly scan --timeout'] = @()
    $values['ws76 wifly scan --log-format'] = @('text', 'json')
    $values['ws76 wifly scan --config'] = @()
    $values['ws76 wifly send --wait'] = @()
    $values['ws76 wifly send --port'] = @()
    $values['ws76 wifly send -p'] = @()
    $values['ws76 wifly send --timeout'] = @()
    $values['ws76 wifly send --log-format'] = @('text', 'json')
    $values['ws76 wifly send --config'] = @()
    $values['ws76 wifly emulate --link'] = @()
    $values['ws76 wifly emulate --port'] = @()
    $values['ws76 wifly emulate --baud'] = @()
    $values['ws76 wifly emulate --settings'] = @()
    $values['ws76 wifly emulate --firmware'] = @(
        '2.15',
        '2.21',
        '2.23',
        '2.32',
        '2.40-CEL',
        '4.00',
        '4.41',
        '4.81')
    $values['ws76 wifly emulate --log'] = @()
    $values['ws76 wifly emulate --network'] = @()
    $values['ws76 wifly emulate --map'] = @()
    $values['ws76 wifly emulate --listen'] = @()
    $values['ws76 wifly emulate --dead-after'] = @()
    $values['ws76 wifly emulate --fault'] = @()
    $values['ws76 wifly emulate --seed'] = @()
    $values['ws76 wifly emulate --log-format'] = @('text', 'json')
    $values['ws76 wifly emulate --config'] = @()
    $values['ws76 demo --interval'] = @()
    $values['ws76 demo --duration'] = @()
    $values['ws76 demo --log-format'] = @('text', 'json')
    $values['ws76 demo --config'] = @()
    $values['ws76 completion --log-format'] = @('text', 'json')
    $values['ws76 completion --config'] = @()
    $values['ws76 man --page'] = @()
    $values['ws76 man --log-format'] = @('text', 'json')
    $values['ws76 man --config'] = @()
    $values['ws76 version --log-format'] = @('text', 'json')
    $values['ws76 version --config'] = @()

    $path = 'ws76'
    $flag = ''
    foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
        if ($element.Extent.EndOffset -ge $cursorPosition) {
            # What is behind a comma is no word: a value goes on there.
            if ($element.Extent.StartOffset -lt $cursorPosition -and
                $element.GetType().Name -in 'ArrayLiteralAst', 'ErrorExpressionAst') { return }
            break
        }
        $word = $element.Extent.Text.Trim("'", '"')
        if ($flag) { $flag = '' }
        elseif ($values.ContainsKey("$path $word")) { $flag = $word }
        elseif ($commands.ContainsKey("$path $word")) { $path = "$path $word" }
    }
    $prefix = ''
    # A word may stand in quotes; an @ has to.
    $word = $wordToComplete.Trim("'", '"')
    if (-not $flag -and $word -match '^(--[^=]+)=(.*)$' -and $values.ContainsKey("$path $($Matches[1])")) {
        $flag = $Matches[1]
        $prefix = "$flag="
        $word = $Matches[2]
    }
    $kinds = @()
    if ($flag) { $words = $values["$path $flag"]; $kinds = $asked["$path $flag"] }
    elseif ($word -like '-*') { $words = $flags[$path] }
    else { $words = $arguments[$path]; $kinds = $asked[$path] }
    # The exit code of the last command is still the user's to look at.
    $code = Get-Variable LASTEXITCODE -Scope Global -ValueOnly -ErrorAction Ignore
    foreach ($kind in $kinds) {
        try { $words = @($words) + @(& $commandAst.GetCommandName() __complete $kind -- $word 2>$null) } catch { }
        $global:LASTEXITCODE = $code
    }
    # Where nothing is returned PowerShell offers the names of files, but not behind =.
    if ($prefix -and -not $words) {
        foreach ($file in [System.Management.Automation.CompletionCompleters]::CompleteFilename($word)) {
            [System.Management.Automation.CompletionResult]::new($prefix + $file.CompletionText,
                $file.ListItemText, $file.ResultType, $file.ToolTip)
        }
        return
    }
    foreach ($entry in $words) {
        $text, $tip = $entry -split "`t", 2
        if (-not $tip) { $tip = $text }
        if ($text -and $text.StartsWith($word, [StringComparison]::Ordinal)) {
            if ($text.StartsWith('@')) { $text = "'$text'" }
            [System.Management.Automation.CompletionResult]::new("$prefix$text", $text, 'ParameterValue', $tip)
        }
    }
}
