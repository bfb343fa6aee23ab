# PowerShell completion for ws76. Made by go generate, do not edit.
# Dot-source it in $PROFILE: . path\to\ws76.ps1

Register-ArgumentCompleter -Native -CommandName ws76 -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commands = New-Object System.Collections.Hashtable ([StringComparer]::Ordinal)
    $commands['ws76'] = @()
    $commands['ws76 connect'] = @()
    $commands['ws76 serve'] = @()
    $commands['ws76 keygen'] = @()
    $commands['ws76 frame'] = @()
    $commands['ws76 frame encode'] = @()
    $commands['ws76 frame decode'] = @()
    $commands['ws76 frame dump'] = @()
    $arguments = New-Object System.Collections.Hashtable ([StringComparer]::Ordinal)
    $arguments['ws76'] = @(
        ('connect' + "`t" + 'pipe messages to a WebSocket server and back'),
        ('serve' + "`t" + 'serve every dialect on one port'),
        ('keygen' + "`t" + 'make a challenge, or answer one'),
        ('frame' + "`t" + 'turn messages into frames and back, take streams apart'))
    $arguments['ws76 connect'] = @(
        'ws://',
        'wss://',
        'ws+hixie75://',
        'wss+hixie75://',
        'ws+hixie76://',
        'wss+hixie76://',
        'ws+rfc6455://',
        'wss+rfc6455://')
    $arguments['ws76 serve'] = @()
    $arguments['ws76 keygen'] = @()
    $arguments['ws76 frame'] = @(
        ('encode' + "`t" + 'messages of standard input to frames on standard output'),
        ('decode' + "`t" + 'frames of standard input to messages on standard output'),
        ('dump' + "`t" + 'an annotated hex dump of one direction of a connection'))
    $arguments['ws76 frame encode'] = @()
    $arguments['ws76 frame decode'] = @()
    $arguments['ws76 frame dump'] = @()
    $flags = New-Object System.Collections.Hashtable ([StringComparer]::Ordinal)
    $flags['ws76'] = @(
        ('--version' + "`t" + 'print the version'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 connect'] = @(
        ('--message' + "`t" + 'send TEXT, or what @FILE holds, before standard input; repeatable'),
        ('-m' + "`t" + 'send TEXT, or what @FILE holds, before standard input; repeatable'),
        ('--no-stdin' + "`t" + 'do not read standard input; counts as its end'),
        ('--in' + "`t" + 'FORMAT of standard input: lines, nul, whole, hex, base64, len32, json'),
        ('--out' + "`t" + 'FORMAT of standard output: lines, nul, raw, hex, base64, len32, json'),
        ('--format' + "`t" + 'print each message by TEMPLATE: %T time, %d data, %j JSON string, %k kind, %c conn, %n number, %p path'),
        ('--crlf' + "`t" + 'lines end with CR LF'),
        ('--replace-invalid' + "`t" + 'send U+FFFD for input that is not UTF-8 instead of ending with an error'),
        ('--max-message' + "`t" + 'largest message, SIZE'),
        ('--heartbeat' + "`t" + 'send TEXT every --heartbeat-interval (the drafts have no ping)'),
        ('--heartbeat-interval' + "`t" + 'TIME between heartbeats'),
        ('--on-eof' + "`t" + 'WHAT to do at the end of standard input: linger, close, wait or ignore'),
        ('--linger' + "`t" + 'TIME of silence after which --on-eof linger closes'),
        ('--count' + "`t" + 'end after N received messages'),
        ('-n' + "`t" + 'end after N received messages'),
        ('--until' + "`t" + 'end after a received message that matches REGEX'),
        ('--expect' + "`t" + 'exit with 9 if no received message matches REGEX'),
        ('--timeout' + "`t" + 'end everything after TIME, exit 5'),
        ('--idle' + "`t" + 'end when nothing was received for TIME, exit 5'),
        ('--close-timeout' + "`t" + 'wait TIME for the peer''s closing frame'),
        ('--reconnect' + "`t" + 'connect again when the connection is lost, with backoff up to 30 s'),
        ('--retries' + "`t" + 'give up after N failed attempts in a row (0: never)'),
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
        ('--key3' + "`t" + 'fixed KEY: 8 characters, hex:… or base64:…'),
        ('--header-order' + "`t" + 'ORDER of the fields: random, as the draft says, or fixed'),
        ('--strict' + "`t" + 'refuse what is tolerated otherwise'),
        ('--no-compress' + "`t" + 'do not offer permessage-deflate (RFC 6455)'),
        ('--via' + "`t" + 'reach the server over the transport URL: tcp:, tls:, unix:///run/ws76.sock'),
        ('--resolve' + "`t" + 'use ADDR for a name: HOST:PORT:ADDR; repeatable'),
        ('--ipv4' + "`t" + 'IPv4 only'),
        ('-4' + "`t" + 'IPv4 only'),
        ('--ipv6' + "`t" + 'IPv6 only'),
        ('-6' + "`t" + 'IPv6 only'),
        ('--connect-timeout' + "`t" + 'allow TIME for connecting and the handshake'),
        ('--cacert' + "`t" + 'trust the authorities in FILE (PEM)'),
        ('--cert' + "`t" + 'client certificate FILE (PEM)'),
        ('--key' + "`t" + 'its key FILE'),
        ('--servername' + "`t" + 'NAME to ask for and to expect in the certificate'),
        ('--insecure' + "`t" + 'accept any certificate'),
        ('-k' + "`t" + 'accept any certificate'),
        ('--tls-min' + "`t" + 'lowest TLS VERSION, 1.0 to 1.3; 1.0 and 1.1 with their ciphers are for old devices only'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 serve'] = @(
        ('--echo' + "`t" + 'send every message back'),
        ('--listen' + "`t" + 'listen on URL, tcp://HOST:PORT or unix:///PATH, beside ADDR or in its place; repeatable'),
        ('--dialect' + "`t" + 'serve only DIALECT (hixie-75, hixie-76, rfc6455); repeatable'),
        ('--protocol' + "`t" + 'agree only to sub-protocol NAME; repeatable (default: the first offered)'),
        ('--strict' + "`t" + 'refuse what is tolerated otherwise'),
        ('--lenient-keys' + "`t" + 'take keys that do not divide, for devices that cannot be changed'),
        ('--public-url' + "`t" + 'URL that clients see, for Location: wss://HOST[:PORT]'),
        ('--trust-forwarded' + "`t" + 'take scheme and host for Location from X-Forwarded-Proto and X-Forwarded-Host'),
        ('--no-compress' + "`t" + 'no permessage-deflate (RFC 6455)'),
        ('--origin' + "`t" + 'allow only pages of PATTERN, like http://*.example.org; repeatable'),
        ('--tls-cert' + "`t" + 'certificate FILE (PEM); TLS and plain share the port'),
        ('--tls-key' + "`t" + 'its key FILE'),
        ('--tls-min' + "`t" + 'lowest TLS VERSION, 1.0 to 1.3; 1.0 and 1.1 are for old devices only'),
        ('--max-conns' + "`t" + 'at most N connections'),
        ('--max-message' + "`t" + 'largest message to take, SIZE'),
        ('--rate' + "`t" + 'take at most N messages a second from a connection; faster peers have to wait (0: no limit)'),
        ('--handshake-timeout' + "`t" + 'allow TIME for the opening handshake'),
        ('--idle' + "`t" + 'close a connection over which nothing passes for TIME (0: never)'),
        ('--close-timeout' + "`t" + 'allow TIME for the closing handshake'),
        ('--grace' + "`t" + 'wait TIME for open connections when stopping'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 keygen'] = @(
        ('--count' + "`t" + 'make N challenges, a line each'),
        ('-n' + "`t" + 'make N challenges, a line each'),
        ('--seed' + "`t" + 'make the same challenges each time for the same N, for tests'),
        ('--key1' + "`t" + 'value of Sec-WebSocket-Key1, KEY'),
        ('--key2' + "`t" + 'value of Sec-WebSocket-Key2, KEY'),
        ('--key3' + "`t" + 'the 8 BYTES after the head: 8 characters, hex:16 digits or base64:…'),
        ('--request' + "`t" + 'read a whole request from standard input: the head and 8 bytes'),
        ('--rfc6455' + "`t" + 'answer KEY, the Sec-WebSocket-Key of an RFC 6455 client'),
        ('--explain' + "`t" + 'show how the answer comes about, or what is wrong with a key'),
        ('--response' + "`t" + 'with --request: the complete response of a server, as bytes'),
        ('--raw' + "`t" + 'the 16 bytes of the answer and nothing else'),
        ('--verify' + "`t" + 'compare the answer with HEX|TEXT (32 digits, 16 characters or base64:…): ok, or exit 4'),
        ('--json' + "`t" + 'print a JSON object a line'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 frame'] = @(
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 frame encode'] = @(
        ('--in' + "`t" + 'FORMAT of the messages: lines, nul, whole, hex, base64, len32, json'),
        ('--crlf' + "`t" + 'lines end with CR LF, and the CR is no part of the message'),
        ('--replace-invalid' + "`t" + 'send U+FFFD for what is not UTF-8, rather than stop'),
        ('--max-message' + "`t" + 'refuse messages above SIZE'),
        ('--dialect' + "`t" + 'DIALECT of the frames: hixie-76, hixie-75 (the same frames) or rfc6455'),
        ('--type' + "`t" + 'TYPE byte: 0x00..0x7F with a sentinel, 0x80..0xFF with a length; the opcode with rfc6455'),
        ('--close' + "`t" + 'end with a closing frame (FF 00)'),
        ('--mask' + "`t" + 'mask the frames, as clients of RFC 6455 must'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 frame decode'] = @(
        ('--out' + "`t" + 'FORMAT of the messages: lines, nul, raw, hex, base64, len32, json'),
        ('--format' + "`t" + 'print each message by TEMPLATE: %d data, %j data as JSON, %k kind, %n number, %T time, \n newline'),
        ('--crlf' + "`t" + 'end lines with CR LF'),
        ('--all' + "`t" + 'show frames of all types, not only messages'),
        ('--replace-invalid' + "`t" + 'print U+FFFD for what is not UTF-8, as the draft says, rather than stop'),
        ('--max-message' + "`t" + 'refuse messages above SIZE'),
        ('--dialect' + "`t" + 'DIALECT of the frames: hixie-76, hixie-75 (the same frames) or rfc6455'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
        ('--help' + "`t" + 'show help'),
        ('-h' + "`t" + 'show help'))
    $flags['ws76 frame dump'] = @(
        ('--max-message' + "`t" + 'take frames above SIZE for garbage'),
        ('--verbose' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('-v' + "`t" + 'say what happens; -vv with both handshakes, -vvv with every frame'),
        ('--quiet' + "`t" + 'only errors'),
        ('-q' + "`t" + 'only errors'),
        ('--log-format' + "`t" + 'FORMAT of standard error: text or json'),
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
    $values['ws76 connect --via'] = @('tcp:', 'tls:', 'unix:///')
    $values['ws76 connect --resolve'] = @()
    $values['ws76 connect --connect-timeout'] = @()
    $values['ws76 connect --cacert'] = @()
    $values['ws76 connect --cert'] = @()
    $values['ws76 connect --key'] = @()
    $values['ws76 connect --servername'] = @()
    $values['ws76 connect --tls-min'] = @('1.0', '1.1', '1.2', '1.3')
    $values['ws76 connect --log-format'] = @('text', 'json')
    $values['ws76 serve --listen'] = @()
    $values['ws76 serve --dialect'] = @('hixie-75', 'hixie-76', 'rfc6455')
    $values['ws76 serve --protocol'] = @()
    $values['ws76 serve --public-url'] = @()
    $values['ws76 serve --origin'] = @()
    $values['ws76 serve --tls-cert'] = @()
    $values['ws76 serve --tls-key'] = @()
    $values['ws76 serve --tls-min'] = @('1.0', '1.1', '1.2', '1.3')
    $values['ws76 serve --max-conns'] = @()
    $values['ws76 serve --max-message'] = @()
    $values['ws76 serve --rate'] = @()
    $values['ws76 serve --handshake-timeout'] = @()
    $values['ws76 serve --idle'] = @()
    $values['ws76 serve --close-timeout'] = @()
    $values['ws76 serve --grace'] = @()
    $values['ws76 serve --log-format'] = @('text', 'json')
    $values['ws76 keygen --count'] = @()
    $values['ws76 keygen -n'] = @()
    $values['ws76 keygen --seed'] = @()
    $values['ws76 keygen --key1'] = @()
    $values['ws76 keygen --key2'] = @()
    $values['ws76 keygen --key3'] = @()
    $values['ws76 keygen --rfc6455'] = @()
    $values['ws76 keygen --verify'] = @()
    $values['ws76 keygen --log-format'] = @('text', 'json')
    $values['ws76 frame --log-format'] = @('text', 'json')
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
    $values['ws76 frame encode --log-format'] = @('text', 'json')
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
    $values['ws76 frame decode --log-format'] = @('text', 'json')
    $values['ws76 frame dump --max-message'] = @()
    $values['ws76 frame dump --log-format'] = @('text', 'json')

    $path = 'ws76'
    $flag = ''
    foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
        if ($element.Extent.EndOffset -ge $cursorPosition) { break }
        $word = $element.Extent.Text
        if ($flag) { $flag = '' }
        elseif ($values.ContainsKey("$path $word")) { $flag = $word }
        elseif ($commands.ContainsKey("$path $word")) { $path = "$path $word" }
    }
    $prefix = ''
    $word = $wordToComplete
    if (-not $flag -and $word -match '^(--[^=]+)=(.*)$' -and $values.ContainsKey("$path $($Matches[1])")) {
        $flag = $Matches[1]
        $prefix = "$flag="
        $word = $Matches[2]
    }
    # Where nothing is returned PowerShell offers the names of files.
    if ($flag) { $words = $values["$path $flag"] }
    elseif ($word -like '-*') { $words = $flags[$path] }
    else { $words = $arguments[$path] }
    foreach ($entry in $words) {
        $text, $tip = $entry -split "`t", 2
        if (-not $tip) { $tip = $text }
        if ($text.StartsWith($word)) {
            [System.Management.Automation.CompletionResult]::new("$prefix$text", $text, 'ParameterValue', $tip)
        }
    }
}
