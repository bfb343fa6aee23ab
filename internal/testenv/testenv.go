// Package testenv is for tests that need more than Go: programs of other packages, and time. On a developer's machine
// they are skipped with a reason; in CI, which installs what they need, they fail. And it has what the tests of several
// packages need of the system.
package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// CI reports whether nothing may be skipped for want of a program: the environment has WS76_CI.
func CI() bool { return os.Getenv("WS76_CI") != "" }

// Interop reports whether the tests against other implementations are to run, which take minutes and install packages:
// in CI, and where the environment has WS76_INTEROP, as under make interop.
func Interop() bool { return CI() || os.Getenv("WS76_INTEROP") != "" }

// NeedInterop skips t unless Interop.
func NeedInterop(t testing.TB) {
	t.Helper()
	if !Interop() {
		t.Skip("skipped: takes minutes and installs packages; run it with make interop")
	}
}

// Need returns the path of a program. Where there is none, t is skipped, or fails
// in CI. debian is the Debian package to install it from.
func Need(t testing.TB, program, debian string) string {
	t.Helper()
	path := Look(program)
	if path == "" {
		Missing(t, fmt.Sprintf("%s is not installed (Debian package %s)", program, debian))
	}
	return path
}

// Look returns the path of a program, "" where there is none.
func Look(program string) string {
	// Servers are not on the PATH of a user who is not root.
	for _, dir := range []string{"", "/usr/sbin", "/usr/local/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	return ""
}

// Condition is what scripts of package testscript may ask, for its Params: needs:PROGRAM holds where there is the
// program. In CI, where a script that asks would be skipped unseen, it is an error that there is none.
func Condition(cond string) (bool, error) {
	program, ok := strings.CutPrefix(cond, "needs:")
	if !ok || program == "" {
		return false, fmt.Errorf("unknown condition %q", cond)
	}
	there := Look(program) != ""
	if !there && CI() {
		return false, fmt.Errorf("%s is not installed, and WS76_CI is set", program)
	}
	return there, nil
}

// Missing skips t for a reason, or fails it in CI.
func Missing(t testing.TB, reason string) {
	t.Helper()
	if CI() {
		t.Fatalf("missing, and WS76_CI is set: %s", reason)
	}
	t.Skipf("skipped: %s", reason)
}
