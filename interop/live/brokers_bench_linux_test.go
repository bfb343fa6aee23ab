package live

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"github.com/ws76/ws76/core"
)

// plainURL makes the test binary the program that bridges to brokers are compared
// with: see plainClient.
const plainURL = "WS76_PLAIN_CLIENT"

func init() {
	if url := os.Getenv(plainURL); url != "" {
		if err := plainClient(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// plainClient is what one would write by hand: it takes a TCP connection and publishes
// each line on the topic "bench" with the usual library, mqtt0:, mqtt1: or nats:.
func plainClient(url string) error {
	kind, addr, _ := strings.Cut(url, ":")
	var publish func(line []byte) error
	switch kind {
	case "nats":
		nc, err := natsgo.Connect("nats://" + addr)
		if err != nil {
			return err
		}
		publish = func(line []byte) error { return nc.Publish("bench", line) }
	case "mqtt0", "mqtt1":
		client := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + addr).SetClientID("plain"))
		if token := client.Connect(); token.Wait() && token.Error() != nil {
			return token.Error()
		}
		qos := kind[4] - '0'
		publish = func(line []byte) error {
			return client.Publish("bench", qos, false, bytes.Clone(line)).Error()
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "bridging ws://%s/\n", l.Addr())
	c, err := l.Accept()
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(c); lines.Scan(); {
		if err := publish(lines.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkBroker has a device of draft 76 publish messages of 125 bytes through
// ws76 bridge, and lines of that length through plainClient, in turn, with a
// subscriber that counts what arrives: msg/s and cpu-ns/msg are the bridge's, x-plain
// is the ratio of its processor time to the plain client's, medians over -benchtime
// rounds (use -benchtime 5x).
func BenchmarkBroker(b *testing.B) {
	for _, c := range []struct {
		kind, url string
		messages  int64
	}{
		{"mqtt0", "mqtt://ADDR/?pub=bench", 200_000},
		{"mqtt1", "mqtt://ADDR/?pub=bench&qos=1", 50_000},
		{"nats", "nats://ADDR/?pub=bench", 500_000},
	} {
		b.Run(c.kind, func(b *testing.B) {
			addr, arrived := startBroker(b, c.kind)
			var rates, costs, plainRates, ratios []float64
			for b.Loop() {
				plain := exec.Command(os.Args[0])
				plain.Env = append(os.Environ(), plainURL+"="+c.kind+":"+addr)
				plainRate, plainCost := brokerLoad(b, plain, false, arrived, c.messages)
				rate, cost := brokerLoad(b, ws76(b, "bridge", "ws://127.0.0.1:0", strings.Replace(c.url, "ADDR", addr, 1)), true, arrived, c.messages)
				rates, costs = append(rates, rate), append(costs, cost)
				plainRates, ratios = append(plainRates, plainRate), append(ratios, cost/plainCost)
			}
			for unit, values := range map[string][]float64{"msg/s": rates, "cpu-ns/msg": costs, "plain-msg/s": plainRates, "x-plain": ratios} {
				slices.Sort(values)
				b.ReportMetric(values[len(values)/2], unit)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// startBroker starts a broker and a subscriber, which counts.
func startBroker(b *testing.B, kind string) (addr string, arrived *atomic.Int64) {
	arrived = new(atomic.Int64)
	if kind == "nats" {
		s := startNATS(b, server.Options{})
		nc, err := natsgo.Connect(s.ClientURL())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(nc.Close)
		if _, err := nc.Subscribe("bench", func(*natsgo.Msg) { arrived.Add(1) }); err != nil {
			b.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			b.Fatal(err)
		}
		return s.Addr().String(), arrived
	}
	m := startMosquitto(b)
	client := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + m.addr).SetClientID("counting"))
	for _, step := range []func() paho.Token{
		client.Connect,
		func() paho.Token {
			return client.Subscribe("bench", kind[4]-'0', func(paho.Client, paho.Message) { arrived.Add(1) })
		},
	} {
		if token := step(); token.Wait() && token.Error() != nil {
			b.Fatal(token.Error())
		}
	}
	b.Cleanup(func() { client.Disconnect(100) })
	return m.addr, arrived
}

// brokerLoad sends messages through a program, at most 1000 ahead of what has arrived
// behind the broker, and returns how many a second arrived, and the program's
// processor time for one in ns.
func brokerLoad(b *testing.B, cmd *exec.Cmd, isWebSocket bool, arrived *atomic.Int64, messages int64) (rate, cost float64) {
	const ahead, batch = 1000, 100
	addr := started(b, cmd)
	defer stop(b, cmd)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	text := bytes.Repeat([]byte("x"), 125)
	var send func() error
	if isWebSocket {
		device, err := core.Dial(ctx, "ws://"+addr+"/", nil)
		if err != nil {
			b.Fatal(err)
		}
		defer device.Close(ctx)
		out := device.Batch()
		send = func() error {
			for range batch {
				if err := out.Queue(ctx, core.Message{Data: text}); err != nil {
					return err
				}
			}
			return out.Flush(ctx)
		}
	} else {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		lines := bytes.Repeat(append(text, '\n'), batch)
		send = func() error { _, err := c.Write(lines); return err }
	}
	before, used, begin := arrived.Load(), processorTime(b, cmd.Process.Pid), time.Now()
	for sent := int64(0); ; {
		switch come := arrived.Load() - before; {
		case come >= messages:
			rate = float64(messages) / time.Since(begin).Seconds()
			return rate, float64(processorTime(b, cmd.Process.Pid)-used) / float64(messages)
		case ctx.Err() != nil:
			b.Fatalf("%d of %d messages have arrived, %d were sent", come, messages, sent)
		case sent < messages && sent-come <= ahead-batch:
			if err := send(); err != nil {
				b.Fatal(err)
			}
			sent += batch
		default:
			time.Sleep(20 * time.Microsecond)
		}
	}
}

// processorTime is what a process has used so far, from /proc.
func processorTime(b *testing.B, pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	ticks := 0
	for _, field := range fields[11:13] { // utime and stime, proc(5)
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100)
}
