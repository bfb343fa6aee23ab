package keygen

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core/hixie"
)

// request answers the request on standard input: a head and, in draft 76, key3.
func (k *keygen) request(ctx context.Context, response bool) error {
	if response {
		if err := k.RefuseBinary("keygen: the bytes of --response"); err != nil {
			return err
		}
	}
	in := &requestReader{r: k.Stdin}
	req, err := in.head(ctx)
	if err != nil {
		return err
	}
	o, tolerated, err := hixie.ReadOpening(&req, hixie.ReadOptions{})
	for _, t := range tolerated {
		k.Log.Debugf("keygen: tolerated: %s", t)
	}
	var bad *hixie.KeyError
	switch {
	case errors.As(err, &bad) && (k.Explain || k.JSON):
		// What is wrong with the keys is what was asked for.
		key1, _ := req.Fields.Get(keyFields[0])
		key2, _ := req.Fields.Get(keyFields[1])
		o = hixie.Opening{Draft: hixie.Draft76, Challenge: hixie.Challenge{Key1: []byte(key1), Key2: []byte(key2)}}
	case err != nil:
		if key, ok := req.Fields.Get("Sec-WebSocket-Key"); ok {
			err = fmt.Errorf("%w; its key is answered by --rfc6455 %q", err, key)
		}
		return app.WithCode(app.ExitHandshake, fmt.Errorf("keygen: the request: %w", err))
	}

	if o.Draft == hixie.Draft75 {
		if !response {
			return app.WithCode(app.ExitHandshake, errors.New("keygen: the request is hixie-75: it has no keys, so there is no answer; --response prints what a server says"))
		}
	} else if o.Challenge.Key3, err = in.key3(ctx); err != nil {
		return err
	}
	if rest := in.rest(); rest > 0 {
		k.Log.Warnf("keygen: %s after the request ignored", plural(rest, "byte"))
	}
	if !response {
		return k.answer(&o.Challenge)
	}
	return k.respond(&o)
}

// respond writes the complete response of a server that takes the first sub-protocol it was offered.
func (k *keygen) respond(o *hixie.Opening) error {
	protocol := ""
	if len(o.Protocols) > 0 {
		protocol = o.Protocols[0]
	}
	resp := o.Response(protocol, "")
	b := hixie.AppendResponse(nil, &resp)
	if o.Draft == hixie.Draft76 {
		answer, err := o.Challenge.Answer()
		if err != nil {
			return badChallenge(err)
		}
		b = append(b, answer[:]...)
	}
	_, err := k.out.Write(b)
	return err
}

// requestReader reads no more than a head and key3 need, but for what comes in
// the same read; so it works at the end of a socket that stays open.
type requestReader struct {
	r    io.Reader
	buf  []byte // what was read
	used int    // bytes of buf that the head and key3 took
}

// more reads once. What holds these bytes is bounded by the limit of a head.
func (in *requestReader) more(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if in.buf == nil {
		in.buf = make([]byte, 0, hixie.MaxHead+4096)
	}
	n, err := in.r.Read(in.buf[len(in.buf):min(len(in.buf)+4096, cap(in.buf))])
	in.buf = in.buf[:len(in.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// head reads the head of a request.
func (in *requestReader) head(ctx context.Context) (hixie.Request, error) {
	for {
		req, n, err := hixie.ParseRequest(in.buf)
		if err == nil {
			in.used = n
			return req, nil
		}
		if err != hixie.ErrIncomplete {
			return req, app.WithCode(app.ExitHandshake, fmt.Errorf("keygen: the request on standard input: %w", err))
		}
		switch err := in.more(ctx); err {
		case nil:
		case io.EOF:
			return req, app.WithCode(app.ExitHandshake, fmt.Errorf("keygen: standard input ends after %s, before the empty line that ends a request", plural(len(in.buf), "byte")))
		default:
			return req, fmt.Errorf("keygen: reading the request: %w", err)
		}
	}
}

// key3 reads the 8 bytes after the head.
func (in *requestReader) key3(ctx context.Context) (key3 [8]byte, err error) {
	for len(in.buf)-in.used < len(key3) {
		switch err := in.more(ctx); err {
		case nil:
		case io.EOF:
			return key3, app.WithCode(app.ExitHandshake, fmt.Errorf("keygen: standard input ends after %d of the 8 bytes of key3 that follow the head", len(in.buf)-in.used))
		default:
			return key3, fmt.Errorf("keygen: reading key3: %w", err)
		}
	}
	in.used += copy(key3[:], in.buf[in.used:])
	return key3, nil
}

// rest returns how many bytes were read beyond what was asked for.
func (in *requestReader) rest() int { return len(in.buf) - in.used }
