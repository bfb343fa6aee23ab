# bash completion for ws76. Made by go generate, do not edit.
#
# To try it: source this file. To keep it: copy it to
# ~/.local/share/bash-completion/completions/ws76 (with the package
# bash-completion), or source it in ~/.bashrc.

# _ws76_command sets commands, flags and args (a specification of each) of a command.
_ws76_command() {
    commands= flags= args=()
    case $1 in
    'ws76')
        commands='connect run serve replay bridge keygen frame script plugin wifly demo completion man version'
        args=('ask plugin-command' none)
        flags='--version --help -h'
        ;;
    'ws76 connect')
        args=('ask url' 'text')
        flags='--message -m --no-stdin --in --out --format --crlf --replace-invalid --max-message --heartbeat --heartbeat-interval --on-eof --linger --count -n --until --expect --timeout --idle --close-timeout --reconnect --retries --stats --dialect --header -H --origin --protocol --cookie --auth-file --key1 --key2 --key3 --header-order --strict --no-compress --via --exec-env --proxy --resolve --ipv4 -4 --ipv6 -6 --connect-timeout --dead-after --cacert --cert --key --servername --insecure -k --tls-min --color --no-history --record --plugin --plugin-path --script --eval --no-reload --on-script-error --script-arg --allow --trust-scripts --script-timeout --script-max-string --script-max-memory --script-max-tasks --script-max-queue --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 run')
        args=('file' 'text')
        flags='--max-message --close-timeout --dialect --header -H --origin --protocol --cookie --auth-file --header-order --strict --no-compress --via --exec-env --proxy --resolve --ipv4 -4 --ipv6 -6 --connect-timeout --dead-after --cacert --cert --key --servername --insecure -k --tls-min --watch --plugin --plugin-path --script-arg --allow --trust-scripts --script-timeout --script-max-string --script-max-memory --script-max-tasks --script-max-queue --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 serve')
        args=('text' none)
        flags='--echo --exec --exec-shared --exec-env --static --no-dashboard --metrics --listen --dialect --protocol --strict --lenient-keys --public-url --trust-forwarded --no-compress --flash-policy --binary --origin --host --auth-file --tls-cert --tls-key --tls-min --max-conns --max-message --rate --queue --slow --handshake-timeout --idle --close-timeout --grace --hub --hub-creds --hub-cacert --hub-cert --hub-key --dead-after --record --max-pending --message-timeout --write-timeout --plugin --plugin-path --script --eval --no-reload --on-script-error --script-arg --allow --trust-scripts --script-timeout --script-max-string --script-max-memory --script-max-tasks --script-max-queue --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 replay')
        args=('file' 'ask url' none)
        flags='--conn --dir --out --format --crlf --max-message --listen --side --host --speed --check --wait --linger --timeout --close-timeout --dialect --header -H --origin --protocol --cookie --auth-file --key1 --key2 --key3 --header-order --strict --no-compress --via --exec-env --proxy --resolve --ipv4 -4 --ipv6 -6 --connect-timeout --dead-after --cacert --cert --key --servername --insecure -k --tls-min --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 bridge')
        args=('ask endpoint' 'ask endpoint' none)
        flags='--max-pending --message-timeout --write-timeout --file --from-format --to-format --crlf --replace-invalid --binary --max-message --buffer --redeliver --retries --reconnect --linger --from-via --origin --host --auth-file --public-url --trust-forwarded --lenient-keys --strict --no-compress --dialect --pass-header --header -H --to-origin --to-auth-file --header-order --to-via --exec-env --proxy --resolve --ipv4 -4 --ipv6 -6 --tls-cert --tls-key --cacert --cert --key --servername --insecure -k --tls-min --max-conns --connect-timeout --handshake-timeout --idle --dead-after --close-timeout --grace --record --plugin --plugin-path --script --eval --no-reload --on-script-error --script-arg --allow --trust-scripts --script-timeout --script-max-string --script-max-memory --script-max-tasks --script-max-queue --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 keygen')
        flags='--count -n --seed --key1 --key2 --key3 --request --rfc6455 --explain --response --raw --verify --json --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 frame')
        commands='encode decode dump'
        flags='--verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 frame encode')
        flags='--in --crlf --replace-invalid --max-message --dialect --type --close --mask --plugin --plugin-path --script --eval --no-reload --on-script-error --script-arg --allow --trust-scripts --script-timeout --script-max-string --script-max-memory --script-max-tasks --script-max-queue --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 frame decode')
        flags='--out --format --crlf --all --replace-invalid --max-message --dialect --plugin --plugin-path --script --eval --no-reload --on-script-error --script-arg --allow --trust-scripts --script-timeout --script-max-string --script-max-memory --script-max-tasks --script-max-queue --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 frame dump')
        args=('file' none)
        flags='--max-message --pcap --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 script')
        commands='check test new'
        flags='--verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 script check')
        args=('file')
        flags='--json --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 script test')
        args=('file')
        flags='--run --watch --script-arg --allow --trust-scripts --script-timeout --script-max-string --script-max-memory --script-max-tasks --script-max-queue --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 script new')
        args=('file' none)
        flags='--kind --meta --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 plugin')
        commands='list info new install remove'
        flags='--verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 plugin list')
        flags='--plugin-path --json --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 plugin info')
        args=('ask plugin' none)
        flags='--plugin-path --json --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 plugin new')
        args=('text' none)
        flags='--dir --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 plugin install')
        args=('file' none)
        flags='--grant --json --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 plugin remove')
        args=('ask plugin-installed' none)
        flags='--verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 wifly')
        commands='setup info scan send emulate'
        flags='--verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 wifly setup')
        flags='--ssid --auth --phrase-file --channel --dhcp --ip --netmask --gateway --dns --baud --flow --dry-run --json --port -p --timeout --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 wifly info')
        flags='--json --port -p --timeout --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 wifly scan')
        flags='--json --port -p --timeout --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 wifly send')
        args=('text')
        flags='--wait --port -p --timeout --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 wifly emulate')
        flags='--link --port --baud --settings --firmware --log --running --network --upgrade --map --listen --dead-after --fault --seed --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 demo')
        args=('text' none)
        flags='--interval --duration --no-module --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 completion')
        args=('words bash zsh fish powershell' none)
        flags='--verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 man')
        args=('dir' none)
        flags='--page --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    'ws76 version')
        flags='--json --verbose -v --quiet -q --log-format --config --help -h'
        ;;
    esac
}

# _ws76_value sets spec, which says what a flag's value may be. It fails where there is none.
_ws76_value() {
    case $1 in
    'ws76 connect --message' | 'ws76 connect -m') spec='text' ;;
    'ws76 connect --in') spec='words lines nul whole hex base64 len32 json' ;;
    'ws76 connect --out') spec='words lines nul raw hex base64 len32 json' ;;
    'ws76 connect --format') spec='text' ;;
    'ws76 connect --max-message') spec='text' ;;
    'ws76 connect --heartbeat') spec='text' ;;
    'ws76 connect --heartbeat-interval') spec='text' ;;
    'ws76 connect --on-eof') spec='words linger close wait ignore' ;;
    'ws76 connect --linger') spec='text' ;;
    'ws76 connect --count' | 'ws76 connect -n') spec='text' ;;
    'ws76 connect --until') spec='text' ;;
    'ws76 connect --expect') spec='text' ;;
    'ws76 connect --timeout') spec='text' ;;
    'ws76 connect --idle') spec='text' ;;
    'ws76 connect --close-timeout') spec='text' ;;
    'ws76 connect --retries') spec='text' ;;
    'ws76 connect --dialect') spec='words hixie-75 hixie-76 rfc6455' ;;
    'ws76 connect --header' | 'ws76 connect -H') spec='text' ;;
    'ws76 connect --origin') spec='text' ;;
    'ws76 connect --protocol') spec='text' ;;
    'ws76 connect --cookie') spec='text' ;;
    'ws76 connect --auth-file') spec='file' ;;
    'ws76 connect --key1') spec='text' ;;
    'ws76 connect --key2') spec='text' ;;
    'ws76 connect --key3') spec='text' ;;
    'ws76 connect --header-order') spec='words random fixed' ;;
    'ws76 connect --via') spec='ask via' ;;
    'ws76 connect --exec-env') spec='text' ;;
    'ws76 connect --proxy') spec='text' ;;
    'ws76 connect --resolve') spec='text' ;;
    'ws76 connect --connect-timeout') spec='text' ;;
    'ws76 connect --dead-after') spec='text' ;;
    'ws76 connect --cacert') spec='file' ;;
    'ws76 connect --cert') spec='file' ;;
    'ws76 connect --key') spec='file' ;;
    'ws76 connect --servername') spec='text' ;;
    'ws76 connect --tls-min') spec='words 1.0 1.1 1.2 1.3' ;;
    'ws76 connect --color') spec='words auto always never' ;;
    'ws76 connect --record') spec='file' ;;
    'ws76 connect --plugin') spec='ask plugin' ;;
    'ws76 connect --plugin-path') spec='text' ;;
    'ws76 connect --script') spec='file' ;;
    'ws76 connect --eval') spec='text' ;;
    'ws76 connect --on-script-error') spec='words pass drop close exit' ;;
    'ws76 connect --script-arg') spec='text' ;;
    'ws76 connect --allow') spec='words exec net listen read write env serial unix stdio fd' ;;
    'ws76 connect --script-timeout') spec='text' ;;
    'ws76 connect --script-max-string') spec='text' ;;
    'ws76 connect --script-max-memory') spec='text' ;;
    'ws76 connect --script-max-tasks') spec='text' ;;
    'ws76 connect --script-max-queue') spec='text' ;;
    'ws76 connect --log-format') spec='words text json' ;;
    'ws76 connect --config') spec='file' ;;
    'ws76 run --max-message') spec='text' ;;
    'ws76 run --close-timeout') spec='text' ;;
    'ws76 run --dialect') spec='words hixie-75 hixie-76 rfc6455' ;;
    'ws76 run --header' | 'ws76 run -H') spec='text' ;;
    'ws76 run --origin') spec='text' ;;
    'ws76 run --protocol') spec='text' ;;
    'ws76 run --cookie') spec='text' ;;
    'ws76 run --auth-file') spec='file' ;;
    'ws76 run --header-order') spec='words random fixed' ;;
    'ws76 run --via') spec='ask via' ;;
    'ws76 run --exec-env') spec='text' ;;
    'ws76 run --proxy') spec='text' ;;
    'ws76 run --resolve') spec='text' ;;
    'ws76 run --connect-timeout') spec='text' ;;
    'ws76 run --dead-after') spec='text' ;;
    'ws76 run --cacert') spec='file' ;;
    'ws76 run --cert') spec='file' ;;
    'ws76 run --key') spec='file' ;;
    'ws76 run --servername') spec='text' ;;
    'ws76 run --tls-min') spec='words 1.0 1.1 1.2 1.3' ;;
    'ws76 run --plugin') spec='ask plugin' ;;
    'ws76 run --plugin-path') spec='text' ;;
    'ws76 run --script-arg') spec='text' ;;
    'ws76 run --allow') spec='words exec net listen read write env serial unix stdio fd' ;;
    'ws76 run --script-timeout') spec='text' ;;
    'ws76 run --script-max-string') spec='text' ;;
    'ws76 run --script-max-memory') spec='text' ;;
    'ws76 run --script-max-tasks') spec='text' ;;
    'ws76 run --script-max-queue') spec='text' ;;
    'ws76 run --log-format') spec='words text json' ;;
    'ws76 run --config') spec='file' ;;
    'ws76 serve --exec') spec='text' ;;
    'ws76 serve --exec-shared') spec='text' ;;
    'ws76 serve --exec-env') spec='text' ;;
    'ws76 serve --static') spec='dir' ;;
    'ws76 serve --metrics') spec='text' ;;
    'ws76 serve --listen') spec='text' ;;
    'ws76 serve --dialect') spec='words hixie-75 hixie-76 rfc6455' ;;
    'ws76 serve --protocol') spec='text' ;;
    'ws76 serve --public-url') spec='text' ;;
    'ws76 serve --binary') spec='words refuse base64 hex latin1' ;;
    'ws76 serve --origin') spec='text' ;;
    'ws76 serve --host') spec='text' ;;
    'ws76 serve --auth-file') spec='file' ;;
    'ws76 serve --tls-cert') spec='file' ;;
    'ws76 serve --tls-key') spec='file' ;;
    'ws76 serve --tls-min') spec='words 1.0 1.1 1.2 1.3' ;;
    'ws76 serve --max-conns') spec='text' ;;
    'ws76 serve --max-message') spec='text' ;;
    'ws76 serve --rate') spec='text' ;;
    'ws76 serve --queue') spec='text' ;;
    'ws76 serve --slow') spec='words drop-oldest drop-newest close' ;;
    'ws76 serve --handshake-timeout') spec='text' ;;
    'ws76 serve --idle') spec='text' ;;
    'ws76 serve --close-timeout') spec='text' ;;
    'ws76 serve --grace') spec='text' ;;
    'ws76 serve --hub') spec='text' ;;
    'ws76 serve --hub-creds') spec='file' ;;
    'ws76 serve --hub-cacert') spec='file' ;;
    'ws76 serve --hub-cert') spec='file' ;;
    'ws76 serve --hub-key') spec='file' ;;
    'ws76 serve --dead-after') spec='text' ;;
    'ws76 serve --record') spec='file' ;;
    'ws76 serve --max-pending') spec='text' ;;
    'ws76 serve --message-timeout') spec='text' ;;
    'ws76 serve --write-timeout') spec='text' ;;
    'ws76 serve --plugin') spec='ask plugin' ;;
    'ws76 serve --plugin-path') spec='text' ;;
    'ws76 serve --script') spec='file' ;;
    'ws76 serve --eval') spec='text' ;;
    'ws76 serve --on-script-error') spec='words pass drop close exit' ;;
    'ws76 serve --script-arg') spec='text' ;;
    'ws76 serve --allow') spec='words exec net listen read write env serial unix stdio fd' ;;
    'ws76 serve --script-timeout') spec='text' ;;
    'ws76 serve --script-max-string') spec='text' ;;
    'ws76 serve --script-max-memory') spec='text' ;;
    'ws76 serve --script-max-tasks') spec='text' ;;
    'ws76 serve --script-max-queue') spec='text' ;;
    'ws76 serve --log-format') spec='words text json' ;;
    'ws76 serve --config') spec='file' ;;
    'ws76 replay --conn') spec='text' ;;
    'ws76 replay --dir') spec='words in out' ;;
    'ws76 replay --out') spec='words lines nul raw hex base64 len32 json' ;;
    'ws76 replay --format') spec='text' ;;
    'ws76 replay --max-message') spec='text' ;;
    'ws76 replay --listen') spec='text' ;;
    'ws76 replay --side') spec='words client server' ;;
    'ws76 replay --host') spec='text' ;;
    'ws76 replay --speed') spec='text' ;;
    'ws76 replay --wait') spec='text' ;;
    'ws76 replay --linger') spec='text' ;;
    'ws76 replay --timeout') spec='text' ;;
    'ws76 replay --close-timeout') spec='text' ;;
    'ws76 replay --dialect') spec='words hixie-75 hixie-76 rfc6455' ;;
    'ws76 replay --header' | 'ws76 replay -H') spec='text' ;;
    'ws76 replay --origin') spec='text' ;;
    'ws76 replay --protocol') spec='text' ;;
    'ws76 replay --cookie') spec='text' ;;
    'ws76 replay --auth-file') spec='file' ;;
    'ws76 replay --key1') spec='text' ;;
    'ws76 replay --key2') spec='text' ;;
    'ws76 replay --key3') spec='text' ;;
    'ws76 replay --header-order') spec='words random fixed' ;;
    'ws76 replay --via') spec='ask via' ;;
    'ws76 replay --exec-env') spec='text' ;;
    'ws76 replay --proxy') spec='text' ;;
    'ws76 replay --resolve') spec='text' ;;
    'ws76 replay --connect-timeout') spec='text' ;;
    'ws76 replay --dead-after') spec='text' ;;
    'ws76 replay --cacert') spec='file' ;;
    'ws76 replay --cert') spec='file' ;;
    'ws76 replay --key') spec='file' ;;
    'ws76 replay --servername') spec='text' ;;
    'ws76 replay --tls-min') spec='words 1.0 1.1 1.2 1.3' ;;
    'ws76 replay --log-format') spec='words text json' ;;
    'ws76 replay --config') spec='file' ;;
    'ws76 bridge --max-pending') spec='text' ;;
    'ws76 bridge --message-timeout') spec='text' ;;
    'ws76 bridge --write-timeout') spec='text' ;;
    'ws76 bridge --file') spec='file' ;;
    'ws76 bridge --from-format') spec='words lines nul hex base64 len32 json' ;;
    'ws76 bridge --to-format') spec='words lines nul hex base64 len32 json' ;;
    'ws76 bridge --binary') spec='words refuse base64 hex latin1' ;;
    'ws76 bridge --max-message') spec='text' ;;
    'ws76 bridge --buffer') spec='text' ;;
    'ws76 bridge --retries') spec='text' ;;
    'ws76 bridge --linger') spec='text' ;;
    'ws76 bridge --from-via') spec='ask via' ;;
    'ws76 bridge --origin') spec='text' ;;
    'ws76 bridge --host') spec='text' ;;
    'ws76 bridge --auth-file') spec='file' ;;
    'ws76 bridge --public-url') spec='text' ;;
    'ws76 bridge --dialect') spec='words hixie-75 hixie-76 rfc6455' ;;
    'ws76 bridge --pass-header') spec='text' ;;
    'ws76 bridge --header' | 'ws76 bridge -H') spec='text' ;;
    'ws76 bridge --to-origin') spec='text' ;;
    'ws76 bridge --to-auth-file') spec='file' ;;
    'ws76 bridge --header-order') spec='words random fixed' ;;
    'ws76 bridge --to-via') spec='ask via' ;;
    'ws76 bridge --exec-env') spec='text' ;;
    'ws76 bridge --proxy') spec='text' ;;
    'ws76 bridge --resolve') spec='text' ;;
    'ws76 bridge --tls-cert') spec='file' ;;
    'ws76 bridge --tls-key') spec='file' ;;
    'ws76 bridge --cacert') spec='file' ;;
    'ws76 bridge --cert') spec='file' ;;
    'ws76 bridge --key') spec='file' ;;
    'ws76 bridge --servername') spec='text' ;;
    'ws76 bridge --tls-min') spec='words 1.0 1.1 1.2 1.3' ;;
    'ws76 bridge --max-conns') spec='text' ;;
    'ws76 bridge --connect-timeout') spec='text' ;;
    'ws76 bridge --handshake-timeout') spec='text' ;;
    'ws76 bridge --idle') spec='text' ;;
    'ws76 bridge --dead-after') spec='text' ;;
    'ws76 bridge --close-timeout') spec='text' ;;
    'ws76 bridge --grace') spec='text' ;;
    'ws76 bridge --record') spec='file' ;;
    'ws76 bridge --plugin') spec='ask plugin' ;;
    'ws76 bridge --plugin-path') spec='text' ;;
    'ws76 bridge --script') spec='file' ;;
    'ws76 bridge --eval') spec='text' ;;
    'ws76 bridge --on-script-error') spec='words pass drop close exit' ;;
    'ws76 bridge --script-arg') spec='text' ;;
    'ws76 bridge --allow') spec='words exec net listen read write env serial unix stdio fd' ;;
    'ws76 bridge --script-timeout') spec='text' ;;
    'ws76 bridge --script-max-string') spec='text' ;;
    'ws76 bridge --script-max-memory') spec='text' ;;
    'ws76 bridge --script-max-tasks') spec='text' ;;
    'ws76 bridge --script-max-queue') spec='text' ;;
    'ws76 bridge --log-format') spec='words text json' ;;
    'ws76 bridge --config') spec='file' ;;
    'ws76 keygen --count' | 'ws76 keygen -n') spec='text' ;;
    'ws76 keygen --seed') spec='text' ;;
    'ws76 keygen --key1') spec='text' ;;
    'ws76 keygen --key2') spec='text' ;;
    'ws76 keygen --key3') spec='text' ;;
    'ws76 keygen --rfc6455') spec='text' ;;
    'ws76 keygen --verify') spec='text' ;;
    'ws76 keygen --log-format') spec='words text json' ;;
    'ws76 keygen --config') spec='file' ;;
    'ws76 frame --log-format') spec='words text json' ;;
    'ws76 frame --config') spec='file' ;;
    'ws76 frame encode --in') spec='words lines nul whole hex base64 len32 json' ;;
    'ws76 frame encode --max-message') spec='text' ;;
    'ws76 frame encode --dialect') spec='words hixie-75 hixie-76 rfc6455' ;;
    'ws76 frame encode --type') spec='text' ;;
    'ws76 frame encode --plugin') spec='ask plugin' ;;
    'ws76 frame encode --plugin-path') spec='text' ;;
    'ws76 frame encode --script') spec='file' ;;
    'ws76 frame encode --eval') spec='text' ;;
    'ws76 frame encode --on-script-error') spec='words pass drop close exit' ;;
    'ws76 frame encode --script-arg') spec='text' ;;
    'ws76 frame encode --allow') spec='words exec net listen read write env serial unix stdio fd' ;;
    'ws76 frame encode --script-timeout') spec='text' ;;
    'ws76 frame encode --script-max-string') spec='text' ;;
    'ws76 frame encode --script-max-memory') spec='text' ;;
    'ws76 frame encode --script-max-tasks') spec='text' ;;
    'ws76 frame encode --script-max-queue') spec='text' ;;
    'ws76 frame encode --log-format') spec='words text json' ;;
    'ws76 frame encode --config') spec='file' ;;
    'ws76 frame decode --out') spec='words lines nul raw hex base64 len32 json' ;;
    'ws76 frame decode --format') spec='text' ;;
    'ws76 frame decode --max-message') spec='text' ;;
    'ws76 frame decode --dialect') spec='words hixie-75 hixie-76 rfc6455' ;;
    'ws76 frame decode --plugin') spec='ask plugin' ;;
    'ws76 frame decode --plugin-path') spec='text' ;;
    'ws76 frame decode --script') spec='file' ;;
    'ws76 frame decode --eval') spec='text' ;;
    'ws76 frame decode --on-script-error') spec='words pass drop close exit' ;;
    'ws76 frame decode --script-arg') spec='text' ;;
    'ws76 frame decode --allow') spec='words exec net listen read write env serial unix stdio fd' ;;
    'ws76 frame decode --script-timeout') spec='text' ;;
    'ws76 frame decode --script-max-string') spec='text' ;;
    'ws76 frame decode --script-max-memory') spec='text' ;;
    'ws76 frame decode --script-max-tasks') spec='text' ;;
    'ws76 frame decode --script-max-queue') spec='text' ;;
    'ws76 frame decode --log-format') spec='words text json' ;;
    'ws76 frame decode --config') spec='file' ;;
    'ws76 frame dump --max-message') spec='text' ;;
    'ws76 frame dump --log-format') spec='words text json' ;;
    'ws76 frame dump --config') spec='file' ;;
    'ws76 script --log-format') spec='words text json' ;;
    'ws76 script --config') spec='file' ;;
    'ws76 script check --log-format') spec='words text json' ;;
    'ws76 script check --config') spec='file' ;;
    'ws76 script test --run') spec='text' ;;
    'ws76 script test --script-arg') spec='text' ;;
    'ws76 script test --allow') spec='words exec net listen read write env serial unix stdio fd' ;;
    'ws76 script test --script-timeout') spec='text' ;;
    'ws76 script test --script-max-string') spec='text' ;;
    'ws76 script test --script-max-memory') spec='text' ;;
    'ws76 script test --script-max-tasks') spec='text' ;;
    'ws76 script test --script-max-queue') spec='text' ;;
    'ws76 script test --log-format') spec='words text json' ;;
    'ws76 script test --config') spec='file' ;;
    'ws76 script new --kind') spec='words hook task test' ;;
    'ws76 script new --log-format') spec='words text json' ;;
    'ws76 script new --config') spec='file' ;;
    'ws76 plugin --log-format') spec='words text json' ;;
    'ws76 plugin --config') spec='file' ;;
    'ws76 plugin list --plugin-path') spec='text' ;;
    'ws76 plugin list --log-format') spec='words text json' ;;
    'ws76 plugin list --config') spec='file' ;;
    'ws76 plugin info --plugin-path') spec='text' ;;
    'ws76 plugin info --log-format') spec='words text json' ;;
    'ws76 plugin info --config') spec='file' ;;
    'ws76 plugin new --dir') spec='dir' ;;
    'ws76 plugin new --log-format') spec='words text json' ;;
    'ws76 plugin new --config') spec='file' ;;
    'ws76 plugin install --log-format') spec='words text json' ;;
    'ws76 plugin install --config') spec='file' ;;
    'ws76 plugin remove --log-format') spec='words text json' ;;
    'ws76 plugin remove --config') spec='file' ;;
    'ws76 wifly --log-format') spec='words text json' ;;
    'ws76 wifly --config') spec='file' ;;
    'ws76 wifly setup --ssid') spec='text' ;;
    'ws76 wifly setup --auth') spec='words open wep wpa1 mixed wpa2' ;;
    'ws76 wifly setup --phrase-file') spec='file' ;;
    'ws76 wifly setup --channel') spec='text' ;;
    'ws76 wifly setup --ip') spec='text' ;;
    'ws76 wifly setup --netmask') spec='text' ;;
    'ws76 wifly setup --gateway') spec='text' ;;
    'ws76 wifly setup --dns') spec='text' ;;
    'ws76 wifly setup --baud') spec='text' ;;
    'ws76 wifly setup --flow') spec='words rtscts none' ;;
    'ws76 wifly setup --port' | 'ws76 wifly setup -p') spec='ask port' ;;
    'ws76 wifly setup --timeout') spec='text' ;;
    'ws76 wifly setup --log-format') spec='words text json' ;;
    'ws76 wifly setup --config') spec='file' ;;
    'ws76 wifly info --port' | 'ws76 wifly info -p') spec='ask port' ;;
    'ws76 wifly info --timeout') spec='text' ;;
    'ws76 wifly info --log-format') spec='words text json' ;;
    'ws76 wifly info --config') spec='file' ;;
    'ws76 wifly scan --port' | 'ws76 wifly scan -p') spec='ask port' ;;
    'ws76 wifly scan --timeout') spec='text' ;;
    'ws76 wifly scan --log-format') spec='words text json' ;;
    'ws76 wifly scan --config') spec='file' ;;
    'ws76 wifly send --wait') spec='text' ;;
    'ws76 wifly send --port' | 'ws76 wifly send -p') spec='ask port' ;;
    'ws76 wifly send --timeout') spec='text' ;;
    'ws76 wifly send --log-format') spec='words text json' ;;
    'ws76 wifly send --config') spec='file' ;;
    'ws76 wifly emulate --link') spec='text' ;;
    'ws76 wifly emulate --port') spec='ask port' ;;
    'ws76 wifly emulate --baud') spec='text' ;;
    'ws76 wifly emulate --settings') spec='file' ;;
    'ws76 wifly emulate --firmware') spec='words 2.15 2.21 2.23 2.32 2.40-CEL 4.00 4.41 4.81' ;;
    'ws76 wifly emulate --log') spec='file' ;;
    'ws76 wifly emulate --network') spec='text' ;;
    'ws76 wifly emulate --map') spec='text' ;;
    'ws76 wifly emulate --listen') spec='text' ;;
    'ws76 wifly emulate --dead-after') spec='text' ;;
    'ws76 wifly emulate --fault') spec='text' ;;
    'ws76 wifly emulate --seed') spec='text' ;;
    'ws76 wifly emulate --log-format') spec='words text json' ;;
    'ws76 wifly emulate --config') spec='file' ;;
    'ws76 demo --interval') spec='text' ;;
    'ws76 demo --duration') spec='text' ;;
    'ws76 demo --log-format') spec='words text json' ;;
    'ws76 demo --config') spec='file' ;;
    'ws76 completion --log-format') spec='words text json' ;;
    'ws76 completion --config') spec='file' ;;
    'ws76 man --page') spec='text' ;;
    'ws76 man --log-format') spec='words text json' ;;
    'ws76 man --config') spec='file' ;;
    'ws76 version --log-format') spec='words text json' ;;
    'ws76 version --config') spec='file' ;;
    *) return 1 ;;
    esac
}

# _ws76_offer offers what the specification $1 says that may be put in for $word.
_ws76_offer() {
    local line
    case $1 in
    words\ *) COMPREPLY+=($(compgen -W "${1#* }" -- "$word")) ;;
    ask\ *)
        local program=${COMP_WORDS[0]/#\~/$HOME}
        while IFS=$'\t' read -r line _; do
            [[ -n $line ]] && COMPREPLY+=("$line")
        done <<<"$("$program" __complete "${1#* }" -- "$word" 2>/dev/null)"
        ;;
    file) _ws76_files -f '' "$word" ;;
    dir) _ws76_files -d '' "$word" ;;
    text) [[ $word == @* ]] && _ws76_files -f @ "${word#@}" ;;
    esac
}

# _ws76_files offers the files (-f) or folders (-d) that begin with $3, each with
# $2 before it.
_ws76_files() {
    local file
    compopt -o filenames 2>/dev/null
    while IFS= read -r file; do
        [[ -n $file ]] && COMPREPLY+=("$2$file")
    done <<<"$(compgen "$1" -- "$3")"
}

_ws76() {
    local path=ws76 flag= only= glued= n=0 i
    local commands flags args spec
    COMPREPLY=()
    # What is being typed: readline cuts words at =, : and @, and puts in only what
    # is behind the last of them.
    local typed=${COMP_LINE:0:COMP_POINT}
    local word=${typed##*[[:space:]]} begin=$COMP_CWORD joined=${COMP_WORDS[COMP_CWORD]}
    [[ $word == --*=* ]] && word=${word#*=}
    [[ $joined == = ]] && joined=
    while [[ $joined != "$word" && $begin -gt 1 && $word == *"${COMP_WORDS[begin-1]}$joined" ]]; do
        joined=${COMP_WORDS[--begin]}$joined
    done
    word=${word#[\'\"]}
    local cut= last=$2
    [[ $last == [=:@] ]] && last=
    cut=${word%"$last"}

    # What has been said before.
    _ws76_command "$path"
    for ((i = 1; i < begin; i++)); do
        local said=${COMP_WORDS[i]}
        if [[ $said == [=@] ]]; then
            [[ $said == = && -z $flag ]] && glued=yes
        elif [[ $said == :* ]]; then
            glued=yes # the next word goes on here
        elif [[ -n $glued && $said != -* ]]; then
            glued=
        elif [[ -n $flag ]]; then
            flag= glued= # this was its value
        elif [[ -n $only ]]; then
            ((n += 1))
        elif [[ $said == -- ]]; then
            only=arguments
        elif [[ $said == -* ]]; then
            glued=
            _ws76_value "$path $said" && flag=$said
        elif [[ " $commands " == *" $said "* ]]; then
            path+=" $said"
            _ws76_command "$path"
        else
            ((n += 1))
        fi
    done

    if [[ -n $flag ]]; then
        _ws76_value "$path $flag"
        _ws76_offer "$spec"
    elif [[ -z $only && $word == -* ]]; then
        _ws76_offer "words $flags"
    else
        [[ -n $commands ]] && _ws76_offer "words $commands"
        # The last argument may be there many times.
        [[ $n -ge ${#args[@]} ]] && n=$((${#args[@]} - 1))
        [[ $n -ge 0 ]] && _ws76_offer "${args[n]}"
    fi
    for i in "${!COMPREPLY[@]}"; do
        COMPREPLY[i]=${COMPREPLY[i]#"$cut"}
    done
    # More follows the beginning of a URL.
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:/,] ]] && compopt -o nospace 2>/dev/null
}

complete -F _ws76 ws76
