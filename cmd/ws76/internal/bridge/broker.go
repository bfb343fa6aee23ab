package bridge

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/endpoints/broker"
	"github.com/ws76/ws76/endpoints/mqtt"
	"github.com/ws76/ws76/endpoints/nats"
	"github.com/ws76/ws76/internal/tcplimit"
)

// brokerKind is one kind of broker: MQTT, NATS.
type brokerKind struct {
	schemes []string
	secure  []string // of these, those that begin with TLS
	refused string   // bytes that mean something in its topics
	check   func(rawURL string) error
	open    func(context.Context, string, *broker.Options) (relay.Endpoint, error)
}

func brokers() []brokerKind {
	return []brokerKind{
		{mqtt.Schemes(), []string{"mqtts"}, "+#", mqtt.Check, func(ctx context.Context, raw string, o *broker.Options) (relay.Endpoint, error) {
			return mqtt.Open(ctx, raw, o)
		}},
		{nats.Schemes(), []string{"nats+tls"}, "*> ", nats.Check, func(ctx context.Context, raw string, o *broker.Options) (relay.Endpoint, error) {
			return nats.Open(ctx, raw, o)
		}},
	}
}

// brokerSide returns how to open the broker of a URL; nil: it is none.
func (s *span) brokerSide(side, raw string) (kind *brokerKind, open func(context.Context, string) (relay.Endpoint, error), err error) {
	scheme, _, _ := strings.Cut(raw, ":")
	all := brokers()
	i := slices.IndexFunc(all, func(k brokerKind) bool { return slices.Contains(k.schemes, scheme) })
	if i < 0 {
		return nil, nil, nil
	}
	kind = &all[i]
	if err := kind.check(raw); err != nil {
		return nil, nil, app.Usage(err)
	}
	o := broker.Options{
		ConnectTimeout: s.o.Reach.ConnectTimeout, MaxMessage: s.o.Hold.MaxMessage, Dial: tcplimit.New(s.DeadAfter).Dial,
		Note: func(text string) { s.Log.Warnf("%s%s", s.prefix, text) },
		Lost: func(n uint64, why string) { s.front.Drops.Add(s.prefix+side, n, why) },
	}
	if slices.Contains(kind.secure, scheme) {
		if o.TLS, err = s.clientTLS(); err != nil {
			return nil, nil, err
		}
	}
	return kind, func(ctx context.Context, raw string) (relay.Endpoint, error) {
		e, err := kind.open(ctx, raw, &o)
		var refused *broker.RefusedError
		switch {
		case errors.As(err, &refused):
			return nil, app.WithCode(app.ExitHandshake, err)
		case err != nil && !errors.Is(err, context.DeadlineExceeded):
			return nil, app.WithCode(app.ExitConnect, err)
		case err != nil:
			return nil, err
		}
		return e, nil
	}, nil
}

// brokerTo fills in a TO that is a broker, and reports whether it is one.
func (s *span) brokerTo(t *toSide, raw string) (bool, error) {
	kind, open, err := s.brokerSide("TO", raw)
	if kind == nil {
		return false, err
	}
	if t.template, err = bridge.ParseTemplate(raw); err != nil {
		return true, app.Usagef("%q: %w", t.text, err)
	}
	t.text, t.steady = broker.Redacted(raw), true
	t.open = func(ctx context.Context, who *bridge.Client) (relay.Endpoint, error) {
		address, err := t.template.Expand(who.Values(), kind.refused)
		if err != nil {
			return nil, &bridge.AddressError{Err: err}
		}
		return open(ctx, address)
	}
	return true, nil
}

// brokerFrom is FROM where it is a broker; nil: it is none.
func (s *span) brokerFrom(raw string) (*fromSide, error) {
	kind, open, err := s.brokerSide("FROM", raw)
	if kind == nil {
		return nil, err
	}
	s.steady = true // what a buffer has is acknowledged, and need not have arrived
	return s.fromOpening(func(ctx context.Context, _ *bridge.Client) (relay.Endpoint, error) { return open(ctx, raw) }), nil
}
