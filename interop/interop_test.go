package interop

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/internal/testenv"
)

// A table is one run of peers/matrix: ws76 as server and as client against
// every peer of a dialect.
type table struct {
	dialect string // of ws76 connect
	install []string
	only    string   // names of the peers, a regular expression for matrix
	env     []string // for the peers
	clients []string // those that must appear in the table,
	servers []string // so that a peer which is not found does not go unnoticed
	extra   []string // further arguments of matrix

	// faults are cells that may fail for a documented fault of the peer: "server <- client"
	// to the cases that fail and why.
	faults map[string]fault
}

type fault struct {
	cases string // as matrix prints them
	why   string // with the README that says so
}

// noPeers is a pattern of peer names that matches none.
const noPeers = "^$"

var tables = []table{
	{
		dialect: "hixie-76",
		install: []string{
			"npm-websocket-client", "npm-websocket-driver", "npm-ws",
			"perl-protocol-websocket", "ruby-em-websocket", "ruby-websocket",
		},
		clients: []string{"raw76", "npm-websocket-client", "perl-protocol-websocket", "ruby-websocket"},
		servers: []string{"raw76", "npm-websocket-driver", "npm-ws", "perl-protocol-websocket", "ruby-em-websocket", "ruby-websocket"},
		faults: map[string]fault{
			"ruby-em-websocket <- ws76": {"split", "its README: key3 in segments of its own fails about one time in five, depending on the random bytes"},
		},
	},
	{
		// The peers whose READMEs say "draft 75: yes".
		dialect: "hixie-75",
		install: []string{"npm-websocket-driver", "perl-protocol-websocket", "ruby-em-websocket", "ruby-websocket"},
		only:    "npm-websocket-driver|perl-|ruby-",
		env:     []string{"WS_DRAFT=75"},
		clients: []string{"perl-protocol-websocket", "ruby-websocket"},
		servers: []string{"npm-websocket-driver", "perl-protocol-websocket", "ruby-em-websocket", "ruby-websocket"},
	},
	{
		dialect: "rfc6455",
		install: []string{"rfc6455/npm-ws8"},
		only:    noPeers,
		clients: []string{"npm-ws8"},
		servers: []string{"npm-ws8"},
		extra: []string{
			"--server", "npm-ws8=" + filepath.Join("peers", "rfc6455", "npm-ws8", "server"),
			"--client", "npm-ws8=" + filepath.Join("peers", "rfc6455", "npm-ws8", "client"),
		},
	},
}

func TestMatrix(t *testing.T) {
	testenv.NeedInterop(t)
	for _, tb := range tables {
		t.Run(tb.dialect, func(t *testing.T) {
			python := testenv.Need(t, "python3", "python3")
			for _, peer := range tb.install {
				install(t, peer)
			}
			client := fmt.Sprintf("ws76=WS76='%s' %s --dialect %s URL", ws76(t), filepath.Join("testdata", "echoes"), tb.dialect)
			server := fmt.Sprintf("ws76='%s' serve 127.0.0.1:PORT --echo -q", ws76(t))
			args := []string{filepath.Join("peers", "matrix"), "-v", "--new", "--only", tb.only, "--server", server, "--client", client}
			got := runMatrix(t, tb.env, python, append(args, tb.extra...)...)
			for _, name := range tb.clients {
				checkCell(t, tb, got, "ws76", name)
			}
			for _, name := range tb.servers {
				checkCell(t, tb, got, name, "ws76")
			}
			checkCell(t, tb, got, "ws76", "ws76")
		})
	}
}

// checkCell fails t when a cell of the table is not there, or says anything but
// "ok" or the fault that is known.
func checkCell(t *testing.T, tb table, got map[string]string, server, client string) {
	t.Helper()
	name := server + " <- " + client
	cell, ok := got[name]
	known, excused := tb.faults[name]
	switch {
	case !ok || cell == "-":
		t.Errorf("%s: not in the table", name)
	case cell == "ok":
	case excused && cell == known.cases:
		t.Logf("%s: %s, as known: %s", name, cell, known.why)
	default:
		t.Errorf("%s: %s", name, cell)
	}
}

// runMatrix runs peers/matrix and returns its cells by "server <- client".
func runMatrix(t *testing.T, env []string, python string, args ...string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, python, args...)
	command.Env = append(command.Environ(), env...)
	command.Stdout, command.Stderr = &stdout, &stderr
	command.WaitDelay = patience
	err := command.Run() // status 1 means failed cells, which are in the table
	t.Logf("matrix:\n%s", stdout.String())
	cells := make(map[string]string)
	var clients []string
	for line := range strings.Lines(stdout.String()) {
		row, ok := strings.CutPrefix(line, "| ")
		if !ok || strings.HasPrefix(row, "-") {
			continue
		}
		columns := strings.Split(strings.TrimSuffix(strings.TrimSpace(row), " |"), " | ")
		for i := range columns {
			columns[i] = strings.TrimSpace(columns[i])
		}
		if clients == nil {
			clients = columns
			continue
		}
		for i, cell := range columns[1:] {
			cells[columns[0]+" <- "+clients[i+1]] = cell
		}
	}
	if len(cells) == 0 {
		t.Fatalf("matrix printed no table (%v):\n%s", err, stderr.String())
	}
	return cells
}

// TestPeersAmongThemselves runs the strict peer against itself, which shows that
// python3 and matrix are sound before ws76 is blamed.
func TestPeersAmongThemselves(t *testing.T) {
	testenv.NeedInterop(t)
	python := testenv.Need(t, "python3", "python3")
	if out, errs, err := output(t, "", python, filepath.Join("peers", "raw76.py"), "selftest"); err != nil || out != "raw76 selftest ok\n" {
		t.Fatalf("raw76.py selftest: %q %q %v", out, errs, err)
	}
	got := runMatrix(t, nil, python, filepath.Join("peers", "matrix"), "--only", "^raw76$", "--case", "ascii", "--case", "split")
	if cell := got["raw76 <- raw76"]; cell != "ok" {
		t.Errorf("raw76 with itself: %q", cell)
	}
}

// TestLinger has ws76 connect read to the end of its input with no word about how
// many answers to wait for, as in a pipe: it lingers, and closes properly.
func TestLinger(t *testing.T) {
	testenv.NeedInterop(t)
	python := testenv.Need(t, "python3", "python3")
	port := freePort(t)
	start(t, []int{port}, python, filepath.Join("peers", "raw76.py"), "server", fmt.Sprint(port))
	const text = "one\n\nthree ü\n"
	out, errs, err := output(t, text, ws76(t), "connect", fmt.Sprintf("ws://127.0.0.1:%d/chat", port))
	if out != text || errs != "" || err != nil {
		t.Errorf("%q, %q, %v, want the echo, no word and exit 0", out, errs, err)
	}
}
