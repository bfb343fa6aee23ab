// Command natsd is a NATS server with a stream LOSS of loss.>, in the folder DIR. With LOG
// it writes down what the stream has got, the first word of each message a line, from where
// the file ends.
//
//	natsd HOST:PORT DIR [LOG]
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func main() {
	host, port, err := net.SplitHostPort(os.Args[1])
	check(err)
	n, err := strconv.Atoi(port)
	check(err)
	s, err := server.NewServer(&server.Options{Host: host, Port: n, JetStream: true, StoreDir: os.Args[2], NoLog: true, NoSigs: true})
	check(err)
	go follow(s)
	s.Start()
	s.WaitForShutdown()
}

// follow makes the stream and writes down what comes, over a connection within the process.
func follow(s *server.Server) {
	for !s.ReadyForConnections(time.Second) {
	}
	c, err := nats.Connect("", nats.InProcessServer(s))
	check(err)
	js, err := jetstream.New(c)
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "LOSS", Subjects: []string{"loss.>"}})
	check(err)
	fmt.Println("ready")
	if len(os.Args) < 4 {
		return
	}
	before, err := os.ReadFile(os.Args[3])
	if !os.IsNotExist(err) {
		check(err)
	}
	f, err := os.OpenFile(os.Args[3], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	check(err)
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: uint64(bytes.Count(before, []byte("\n"))) + 1})
	check(err)
	_, err = consumer.Consume(func(m jetstream.Msg) {
		number, _, _ := bytes.Cut(m.Data(), []byte(" "))
		_, err := fmt.Fprintf(f, "%s\n", number)
		check(err)
	})
	check(err)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
