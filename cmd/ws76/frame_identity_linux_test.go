package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestFrameIdentity pipes random lines of text through two processes, encode and
// decode. The same comes out, and neither keeps more of it than some blocks.
// WS76_IDENTITY_MIB makes it more than 192 MiB.
func TestFrameIdentity(t *testing.T) {
	const most = 128 << 20 // resident bytes of a process, the race detector's own among them
	mib := int64(192)
	if text := os.Getenv("WS76_IDENTITY_MIB"); text != "" {
		var err error
		if mib, err = strconv.ParseInt(text, 10, 32); err != nil {
			t.Fatal(err)
		}
	}
	encode, decode := selfCommand(t, "frame", "encode"), selfCommand(t, "frame", "decode")
	between, err := encode.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	decode.Stdin = between
	in, err := encode.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := decode.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []*exec.Cmd{encode, decode} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	sent, got := sha256.New(), sha256.New()
	peaks := make(chan []int64, 1)
	go func() {
		defer in.Close()
		feedLines(io.MultiWriter(in, sent), mib<<20)
		peaks <- []int64{peakMemory(encode), peakMemory(decode)} // both wait for the end
	}()
	if _, err := io.Copy(got, out); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []*exec.Cmd{decode, encode} {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", cmd.Args, err)
		}
	}
	for _, kib := range <-peaks {
		if kib <= 0 || kib > most>>10 {
			t.Errorf("%d KiB resident, want %d at most", kib, most>>10)
		}
	}
	if !bytes.Equal(sum(sent), sum(got)) {
		t.Error("what came out is not what went in")
	}
}

// peakMemory is the most that a process, which runs, has had resident, in KiB; 0 if it
// is not known. The resource usage of a process that has ended has its parent's peak,
// too, from before it became another program.
func peakMemory(cmd *exec.Cmd) int64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(status), "\nVmHWM:")
	var kib int64
	fmt.Sscan(rest, &kib)
	return kib
}

func sum(h hash.Hash) []byte { return h.Sum(nil) }

// feedLines writes about n bytes of lines of many lengths, ASCII and not.
func feedLines(w io.Writer, n int64) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"", "a", "on", "temperature 21.4", "grüße", "日本語", "😀", "\x00", "{\"id\":1}"}
	var block []byte
	for written := int64(0); written < n; {
		block = block[:0]
		for len(block) < 1<<16 {
			for range random.IntN(1 << random.IntN(9)) {
				block = append(block, pieces[random.IntN(len(pieces))]...)
			}
			block = append(block, '\n')
		}
		k, err := w.Write(block)
		if err != nil {
			return
		}
		written += int64(k)
	}
}

// selfCommand is ws76 with args, played by the test binary.
func selfCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &exec.Cmd{Path: self, Args: append([]string{"ws76"}, args...), Stderr: os.Stderr}
}
