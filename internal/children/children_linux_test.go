package children

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("CHILDREN_START") != "" { // TestKilled's: one that starts a program, and is killed
		cmd := exec.Command("/bin/sh", "-c", "echo $$; exec sleep 1000")
		cmd.Stdout = os.Stdout
		p, err := Start(cmd, false)
		if err == nil {
			err = p.Wait()
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// What was started ends with this process, however that ends.
func TestKilled(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "CHILDREN_START=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	parent.Process.Kill()
	parent.Wait()
	for end := time.Now().Add(bound); runs(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("it runs still")
		}
	}
}

// bound is how long something may take that will happen.
const bound = 30 * time.Second

// start runs a line of the shell that writes numbers of processes to files in folder.
func start(t *testing.T, folder, line string, contained bool) *Process {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Dir, cmd.Env = folder, []string{"PATH=" + os.Getenv("PATH")}
	p, err := Start(cmd, contained)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// pidIn waits until a file in folder has a number.
func pidIn(t *testing.T, folder, name string) (pid int) {
	t.Helper()
	for end := time.Now().Add(bound); ; time.Sleep(time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(folder, name))
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && strings.HasSuffix(string(text), "\n") {
			return pid
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not come: %q", name, text)
		}
	}
}

func runs(pid int) bool { return syscall.Kill(pid, 0) == nil && !isZombie(pid) }

// What a contained program has left in whatever way ends with it, in stages; what another
// has left does not.
func TestStrays(t *testing.T) {
	lines := map[string]string{
		"group":         "sleep 1000 & echo $! >pid",
		"session":       "setsid sh -c 'echo $$ >pid; exec sleep 1000' & while [ ! -s pid ]; do sleep 0.01; done",
		"daemon":        "(setsid sh -c 'echo $$ >pid; exec sleep 1000' &) & wait; while [ ! -s pid ]; do sleep 0.01; done",
		"of a daemon":   "setsid sh -c '(setsid sh -c \"echo \\$\\$ >pid; exec sleep 1000\" &); exec sleep 1000' & while [ ! -s pid ]; do sleep 0.01; done",
		"ignores TERM":  "setsid sh -c \"trap '' TERM; echo \\$\\$ >pid; while :; do sleep 1; done\" & while [ ! -s pid ]; do sleep 0.01; done",
		"starts others": "setsid sh -c 'trap \"setsid sleep 1000 & echo \\$! >next; exit\" TERM; echo $$ >pid; while :; do sleep 0.1; done' & while [ ! -s pid ]; do sleep 0.01; done",
	}
	other := t.TempDir()
	stays := start(t, other, "(setsid sh -c 'echo $$ >pid; exec sleep 1000' &) & exec sleep 1000", true)
	stray := pidIn(t, other, "pid")
	var all sync.WaitGroup
	for name, line := range lines {
		all.Go(func() {
			folder := t.TempDir()
			if err := start(t, folder, line, true).Wait(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if runs(pidIn(t, folder, "pid")) {
				t.Errorf("%s: it is there still", name)
			}
			if name == "starts others" && runs(pidIn(t, folder, "next")) {
				t.Errorf("%s: what it has started is there still", name)
			}
		})
	}
	all.Wait()
	if !runs(stray) {
		t.Error("the stray of another has ended, too")
	}
	stays.Kill()
	stays.Wait()
	if runs(stray) {
		t.Error("the stray of one that was killed is there still")
	}
}

// What is not contained keeps what has left its group.
func TestNotContained(t *testing.T) {
	folder := t.TempDir()
	p := start(t, folder, "setsid sh -c 'echo $$ >pid; exec sleep 1000' & while [ ! -s pid ]; do sleep 0.01; done", false)
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	pid := pidIn(t, folder, "pid")
	if !runs(pid) {
		t.Error("it has ended")
	}
	syscall.Kill(pid, syscall.SIGKILL)
	unwatched(t)
}

// One that is killed takes all with it that it has started, contained or not, and at once: nothing is asked to end first, and
// what holds its output open holds up nobody.
func TestKillTakesAll(t *testing.T) {
	for _, contained := range []bool{true, false} {
		folder := t.TempDir()
		cmd := exec.Command("/bin/sh", "-c", "(setsid sh -c 'trap \"echo >told\" TERM; echo $$ >daemon; while :; do sleep 0.1; done' &)"+
			"; setsid sh -c 'trap \"echo >told\" TERM; echo $$ >pid; while :; do sleep 0.1; done'")
		cmd.Dir, cmd.Stdout = folder, new(strings.Builder)
		p, err := Start(cmd, contained)
		if err != nil {
			t.Fatal(err)
		}
		pids := []int{pidIn(t, folder, "pid"), pidIn(t, folder, "daemon")}
		p.Kill()
		waited := make(chan error)
		go func() { waited <- p.Wait() }()
		select {
		case <-waited:
		case <-time.After(bound):
			t.Error("it is waited for still")
		}
		for _, pid := range pids {
			if runs(pid) {
				t.Errorf("contained %v: a process is there still", contained)
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if _, err := os.Stat(filepath.Join(folder, "told")); err == nil {
			t.Errorf("contained %v: it was asked to end", contained)
		}
	}
}

// KillAll takes what runs, with all that it has started. What one has left that has ended stays.
func TestKillAll(t *testing.T) {
	if os.Getenv("CHILDREN_ALONE") == "" { // once something was contained nothing without a mark stays
		cmd := exec.Command(os.Args[0], "-test.run", "^TestKillAll$", "-test.v")
		cmd.Env = append(os.Environ(), "CHILDREN_ALONE=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	leaves := "setsid sh -c 'echo $$ >pid; exec sleep 1000' & env -i /usr/bin/env setsid sh -c 'echo $$ >bare; exec sleep 1000' & while [ ! -s pid ] || [ ! -s bare ]; do sleep 0.01; done"
	before, now := t.TempDir(), t.TempDir()
	if err := start(t, before, leaves, false).Wait(); err != nil {
		t.Fatal(err)
	}
	running := start(t, now, leaves+"; exec sleep 1000", false)
	ends, bare := pidIn(t, now, "pid"), pidIn(t, now, "bare")
	KillAll()
	running.Wait()
	if runs(ends) {
		t.Error("what a program has started that was killed is there still")
	}
	syscall.Kill(bare, syscall.SIGKILL)
	for _, name := range []string{"pid", "bare"} {
		pid := pidIn(t, before, name)
		if !runs(pid) {
			t.Errorf("%s has ended", name)
		}
		syscall.Kill(pid, syscall.SIGKILL)
	}
	unwatched(t)
}

// What lives on of a program is waited for when it ends, though nothing runs any more.
func TestLivesOn(t *testing.T) {
	folder := t.TempDir()
	if err := start(t, folder, "setsid sh -c 'echo $$ >pid; exec sleep 1000' & while [ ! -s pid ]; do sleep 0.01; done", false).Wait(); err != nil {
		t.Fatal(err)
	}
	pid := pidIn(t, folder, "pid")
	syscall.Kill(pid, syscall.SIGKILL)
	for end := time.Now().Add(bound); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is a zombie")
		}
	}
	unwatched(t)
}

// unwatched waits until nobody watches what lives on, which has ended.
func unwatched(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(bound); ; time.Sleep(10 * time.Millisecond) {
		watch.mu.Lock()
		over := watch.stop == nil
		watch.mu.Unlock()
		if over {
			return
		}
		if time.Now().After(end) {
			t.Fatal("somebody watches still")
		}
	}
}

// Strays that end by themselves do not stay as zombies while the program goes on, and who
// waits for a process that this package has not started gets its status.
func TestReaped(t *testing.T) {
	folder := t.TempDir()
	p := start(t, folder, "for i in 1 2 3 4 5; do (setsid sh -c 'echo $$ >>pids' &); done; sleep 0.1; echo $$ >pid; exec sleep 1000", true)
	defer p.Wait()
	defer p.Kill()
	pidIn(t, folder, "pid")
	own := exec.Command("/bin/sh", "-c", "exit 7")
	if err := own.Run(); own.ProcessState.ExitCode() != 7 {
		t.Error(err)
	}
	for end := time.Now().Add(bound); ; time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(folder, "pids"))
		pids := strings.Fields(string(text))
		left := slices.ContainsFunc(pids, func(pid string) bool {
			_, err := os.Stat("/proc/" + pid)
			return err == nil
		})
		if len(pids) == 5 && !left {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("some are there still: %s", pids)
		}
	}
}

// A context that is done ends all of the group.
func TestContext(t *testing.T) {
	folder := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", "sleep 1000 & echo $! >pid; wait")
	cmd.Dir = folder
	p, err := Start(cmd, false)
	if err != nil {
		t.Fatal(err)
	}
	pid := pidIn(t, folder, "pid")
	cancel()
	if err := p.Wait(); err == nil {
		t.Error("no error")
	}
	if runs(pid) {
		t.Error("a process of its group is there still")
	}
}

// TestMany ends many at once.
func TestMany(t *testing.T) {
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			folder := t.TempDir()
			p := start(t, folder, fmt.Sprintf("(setsid sh -c 'echo $$ >pid; exec sleep 1000' &); while [ ! -s pid ]; do sleep 0.01; done; exit %d", i%2), true)
			if err := p.Wait(); (err != nil) != (i%2 == 1) {
				t.Error(err)
			}
			if runs(pidIn(t, folder, "pid")) {
				t.Error("it is there still")
			}
		})
	}
	all.Wait()
}

// While all programs are ended no other is started, and nobody looks for strays.
func TestEnding(t *testing.T) {
	ending.Store(true)
	defer ending.Store(false)
	if p, err := Start(exec.Command("sleep", "60"), true); err != errEnding {
		t.Errorf("got %v, want %v", err, errEnding)
		p.Kill()
		p.Wait()
	}
	(&Process{mark: "none", over: true}).sweepStrays()
	KillAll()
	p, err := Start(exec.Command("true"), true)
	if err != nil {
		t.Fatal(err)
	}
	p.Wait()
}
