package demo

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
)

// sensorDevice publishes readings in draft 76, as a board with sensors does.
type sensorDevice struct {
	e        *reach.Env
	url      string
	dialer   core.Dialer // nil: TCP
	interval time.Duration
}

// reading is one message of the device.
type reading struct {
	ID    string  `json:"id"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// run publishes until ctx ends, over one connection after the other.
func (d *sensorDevice) run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := d.connect(ctx)
		if ctx.Err() != nil {
			return nil
		}
		d.e.Log.Warnf("device: %v; connecting again", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
	return nil
}

// connect publishes over one connection, until it or ctx ends.
func (d *sensorDevice) connect(ctx context.Context) error {
	conn, err := core.Dial(ctx, d.url, &core.DialOptions{Dialect: core.Hixie76, Dialer: d.dialer, Trace: d.e.Trace("client")})
	if err != nil {
		return err
	}
	d.e.Log.Infof("device: connected")
	ctx, cancel := context.WithCancelCause(ctx)
	received := make(chan struct{})
	go func() {
		defer close(received)
		cancel(d.display(ctx, conn))
	}()
	defer func() {
		cancel(nil)
		<-received
		// The closing handshake has its own bound; ctx may be over.
		conn.Close(context.WithoutCancel(ctx))
	}()
	tick := time.NewTicker(d.interval)
	defer tick.Stop()
	start := time.Now()
	for {
		for _, r := range readings(time.Since(start)) {
			text, err := json.Marshal(r)
			if err != nil {
				return err
			}
			if err := d.send(ctx, conn, text); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// send finishes what it has begun when ctx ends: a cut frame would leave no way to close the connection properly.
func (d *sensorDevice) send(ctx context.Context, conn *core.Conn, text []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), core.DefaultCloseTimeout)
	defer cancel()
	return conn.Send(ctx, core.Message{Data: text})
}

// display shows what is sent to the device.
func (d *sensorDevice) display(ctx context.Context, conn *core.Conn) error {
	for {
		m, err := conn.Receive(ctx)
		if err != nil {
			return err
		}
		d.e.Log.Warnf("device: its display shows %q", m.Data)
	}
}

// readings are those of a room in the sun with clouds passing: slow curves that hang together, and a little noise.
func readings(at time.Duration) []reading {
	wave := func(period, phase float64) float64 { return math.Sin(2*math.Pi*at.Seconds()/period + phase) }
	noise := func(size float64) float64 { return size * (2*rand.Float64() - 1) }
	round := func(x, step float64) float64 { return math.Round(x/step) * step }
	sun := 0.5 + 0.35*wave(47, 0) + 0.15*wave(13, 1)
	temperature := 21 + 1.8*wave(120, -0.5) + 0.8*sun
	return []reading{
		{"temperature", tidy(round(temperature+noise(0.05), 0.1)), "C"},
		{"humidity", tidy(round(46-2.2*(temperature-21)+1.5*wave(75, 2)+noise(0.3), 0.1)), "%"},
		{"light", round(120+680*sun+noise(12), 1), "lx"},
	}
}

// tidy takes off what binary fractions leave behind a tenth.
func tidy(x float64) float64 { return math.Round(x*10) / 10 }
