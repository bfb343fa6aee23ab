package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// Between any two dialects Copy hands on each message once, whole and in order,
// however the bytes were cut.
func TestCopy(t *testing.T) {
	each(t, func(t *testing.T, from core.Dialect) {
		each(t, func(t *testing.T, to core.Dialect) {
			sender, src := pair(t, &core.DialOptions{Dialect: from}, nil)
			receiver, dst := pair(t, &core.DialOptions{Dialect: to}, nil)
			copied := make(chan error, 1)
			go func() { copied <- core.Copy(context.Background(), dst, src) }()

			random := rand.New(rand.NewPCG(1, 2))
			sizes := []int{0, 1, 5, 125, 126, 255, 256, 257, 1000, 20_000, 70_000}
			text := func(i int) []byte {
				b := fmt.Appendf(nil, "%d ", i)
				if i%7 == 0 {
					b = append(b, "äöü 😀 "...)
				}
				return append(b, bytes.Repeat([]byte("x"), sizes[random.IntN(len(sizes))])...)
			}
			const count = 600
			var want [][]byte
			for i := range count {
				want = append(want, text(i))
			}
			sent := make(chan error, 1)
			go func() {
				batch := sender.Batch()
				for i, p := range want {
					if err := batch.Queue(context.Background(), core.Message{Data: p}); err != nil {
						sent <- err
						return
					}
					if i%10 == 0 {
						batch.Flush(context.Background())
					}
				}
				batch.Flush(context.Background())
				sent <- nil
			}()
			ctx := testContext(t)
			for i, p := range want {
				m, err := receiver.Receive(ctx)
				if err != nil || !bytes.Equal(m.Data, p) {
					t.Fatalf("message %d: %d bytes, %v; want %d", i, len(m.Data), err, len(p))
				}
			}
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			go func() {
				sender.Close(context.Background())
			}()
			var ce *core.CloseError
			if err := <-copied; !errors.As(err, &ce) || !ce.Clean || !ce.ByPeer {
				t.Errorf("Copy ended with %v", err)
			}
			in, out := src.Stats(), dst.Stats()
			if in.MessagesIn != count || out.MessagesOut != count {
				t.Errorf("%d in, %d out", in.MessagesIn, out.MessagesOut)
			}
			src.Close(ctx)
			go receiver.Receive(ctx)
			dst.Close(ctx)
			receiver.Close(ctx)
		})
	})
}

// What is no plain text frame is treated as Receive treats it: in an echo the
// answers are the same whether the frames come at once or a byte at a time.
func TestCopyOddFrames(t *testing.T) {
	var long []byte
	for range 3000 {
		long = hixie.AppendText(long, []byte("hello"))
	}
	cases := []struct{ name, in, out string }{
		{"skipped", "\x00a\xff\x80\x03abc\x00b\xff\x05xyz\xff\x00c\xff\xff\x00", "\x00a\xff\x00b\xff\x00c\xff\xff\x00"},
		{"mended", "\x00a\xff\x00\xc3(\xff\x00b\xff\xff\x00", "\x00a\xff\x00\xef\xbf\xbd(\xff\x00b\xff\xff\x00"},
		{"empty", "\x00\xff\x00\xff\xff\x00", "\x00\xff\x00\xff\xff\x00"},
		{"many", string(long) + "\xff\x00", string(long) + "\xff\x00"},
		{"behind the closing frame", "\x00a\xff\xff\x00\x00late\xff", "\x00a\xff\xff\x00"},
	}
	for _, c := range cases {
		for _, step := range []int{len(c.in), 1, 7} {
			if step == 1 && len(c.in) > 1000 {
				continue
			}
			client, server := streams(t)
			copied := make(chan error, 1)
			go func() {
				conn, err := core.Accept(context.Background(), server, nil)
				if err == nil {
					err = core.Copy(context.Background(), conn, conn)
					conn.Close(context.Background())
				}
				copied <- err
			}()
			if rawHandshake(client) == nil {
				t.Fatal("no answer")
			}
			go func() {
				for in := c.in; in != ""; in = in[min(step, len(in)):] {
					io.WriteString(client, in[:min(step, len(in))])
				}
				client.(*net.TCPConn).CloseWrite()
			}()
			out, err := io.ReadAll(client)
			if string(out) != c.out || err != nil {
				t.Errorf("%s, %d bytes at a time: got %.80q (%d bytes), %v, want %.80q", c.name, step, out, len(out), err, c.out)
			}
			var ce *core.CloseError
			if err := <-copied; !errors.As(err, &ce) || !ce.Clean {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

// The sending side is let go whenever Copy waits, and when it has ended.
func TestCopyLetsOthersSend(t *testing.T) {
	client, server := pair(t, nil, nil)
	ctx, cancel := context.WithCancelCause(testContext(t))
	copied := make(chan error, 1)
	go func() { copied <- core.Copy(ctx, server, server) }()
	for i := range 100 {
		if err := client.Send(ctx, core.Message{Data: []byte("echo")}); err != nil {
			t.Fatal(err)
		}
		if err := server.Send(ctx, core.Message{Data: []byte("push")}); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for range 2 {
			m, err := client.Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			got[string(m.Data)]++
		}
		if got["echo"] != 1 || got["push"] != 1 {
			t.Fatalf("round %d: got %v", i, got)
		}
	}
	enough := errors.New("enough")
	cancel(enough)
	if err := <-copied; !errors.Is(err, enough) {
		t.Errorf("Copy ended with %v", err)
	}
	go client.Receive(testContext(t))
	if err := server.Close(testContext(t)); err != nil {
		t.Error(err)
	}
}
