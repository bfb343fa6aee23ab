package frame

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/internal/testenv"
)

// BenchmarkPipe runs the built command between two pipes and cat next to it, in
// turn, on the same bytes. What counts is
//
//	×cat       how many times as fast as cat it is, the median of the rounds
//	cpu-s/GB   processor time of the command for a gigabyte of input
//	×cat-cpu   that as a multiple of cat's
//
// One operation is a visit of each with 256 MiB; -benchtime 5x gives five rounds.
func BenchmarkPipe(b *testing.B) {
	cat := testenv.Need(b, "cat", "coreutils")
	ws76 := filepath.Join(b.TempDir(), "ws76")
	if out, err := exec.Command("go", "build", "-o", ws76, "../..").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	const ascii, mixed = "the quick brown fox jumps over ", "żółć naïve 日本語 Ω≈ç√ 🙂🚀 plain words and more "
	for _, c := range []struct {
		name string
		text string
		line int // bytes, with its newline
	}{
		{"line=16", ascii, 16}, {"line=100", ascii, 100}, {"line=1024", ascii, 1024}, {"line=65536", ascii, 65536}, {"line=100,not-ascii", mixed, 100},
	} {
		line := bytes.Repeat([]byte(c.text), c.line/len(c.text)+1)[:c.line-1]
		for !utf8.Valid(line) {
			line = line[:len(line)-1]
		}
		lines := bytes.Repeat(append(line, '\n'), max(1, 1<<20/(len(line)+1)))
		frames := hixie.AppendFrames(nil, lines, '\n')
		b.Run("encode/"+c.name, func(b *testing.B) { benchPipe(b, cat, lines, ws76, "frame", "encode") })
		b.Run("decode/"+c.name, func(b *testing.B) { benchPipe(b, cat, frames, ws76, "frame", "decode") })
	}
}

func benchPipe(b *testing.B, cat string, block []byte, command ...string) {
	rounds := (256 << 20) / len(block)
	gb := float64(rounds*len(block)) / 1e9
	b.SetBytes(int64(rounds * len(block)))
	var faster, cpu, cpuRatio []float64
	for i := range b.N {
		visits := [][]string{{cat}, command}
		var wall, used [2]time.Duration
		for k := range 2 {
			which := (i + k) % 2 // who goes first alternates
			if which == 0 {
				b.StopTimer()
			}
			wall[which], used[which] = throughPipes(b, block, rounds, visits[which])
			b.StartTimer()
		}
		faster = append(faster, wall[0].Seconds()/wall[1].Seconds())
		cpu = append(cpu, used[1].Seconds()/gb)
		cpuRatio = append(cpuRatio, used[1].Seconds()/used[0].Seconds())
	}
	median := func(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }
	b.ReportMetric(median(faster), "×cat")
	b.ReportMetric(median(cpu), "cpu-s/GB")
	b.ReportMetric(median(cpuRatio), "×cat-cpu")
}

// throughPipes feeds a command with block, rounds times, and drains its output. It
// returns the time until all was drained and the command's processor time.
func throughPipes(b *testing.B, block []byte, rounds int, command []string) (wall, cpu time.Duration) {
	stdin, feed, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	drain, stdout, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	defer drain.Close()
	widenPipe(feed) // for cat, too
	// Fd makes our ends blocking, as those of the commands are: the poller of the
	// runtime would take part in the measurement.
	feed.Fd()
	drain.Fd()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, os.Stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	stdin.Close()
	stdout.Close()
	fed := make(chan error, 1)
	go func() {
		defer feed.Close()
		for range rounds {
			if _, err := feed.Write(block); err != nil {
				fed <- err
				return
			}
		}
		fed <- nil
	}()
	buf := make([]byte, 1<<20)
	for err = nil; err == nil; {
		_, err = drain.Read(buf)
	}
	wall = time.Since(start)
	if err := <-fed; err != nil {
		b.Fatal(fmt.Errorf("feeding %q: %w", command, err))
	}
	if err := cmd.Wait(); err != nil || cmd.ProcessState.ExitCode() != 0 {
		b.Fatal(fmt.Errorf("%q: %w", command, err))
	}
	if err != io.EOF {
		b.Fatal(err)
	}
	return wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
