// Package keygen is ws76 keygen: challenges of draft 76, their answers, and what is wrong with keys.
package keygen

import (
	"bufio"
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
)

// Command is ws76 keygen.
func Command(e *app.Env) *cli.Command {
	const given, output = "A given challenge", "Output"
	return e.Command(cli.Command{
		Name:  "keygen",
		Usage: "make a challenge, or answer one",
		UsageText: `ws76 keygen                                         a fresh challenge and its answer
ws76 keygen -n 1000 > challenges.tsv                many, one a line
ws76 keygen --key1 '4 @1  46546xW%0l 1 5' --key2 '12998 5 Y3 1  .P00' --key3 '^n:ds[4U'
ws76 keygen --key1 '1 2 3' --explain                what is wrong with a key
ws76 keygen --request --response < request.bin > response.bin
ws76 keygen --rfc6455 dGhlIHNhbXBsZSBub25jZQ==      the Sec-WebSocket-Accept of RFC 6455`,
		Description: "Without a given challenge it makes one as section 4.1 of draft 76 says. " +
			"With -n each line has key1, key2, key3 in hex and the answer in hex, separated by tabs.\n\n" +
			`--json prints one object a line: "version" (1), "key1" and "key2" with "value", "digits", "spaces", "part" or "error" and "causes", ` +
			`"key3" and "answer" in hex, "answer_text" where it is printable, "verified" with --verify; ` +
			`with --rfc6455 "version", "key", "accept" and "verified".`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "count", Aliases: []string{"n"}, Usage: "make `N` challenges, a line each", DefaultText: "one, on labelled lines"},
			&cli.Uint64Flag{Name: "seed", Usage: "make the same challenges each time for the same `N`, for tests", DefaultText: "none, they differ"},
			&cli.StringFlag{Name: "key1", Category: given, Usage: "value of Sec-WebSocket-Key1, `KEY`"},
			&cli.StringFlag{Name: "key2", Category: given, Usage: "value of Sec-WebSocket-Key2, `KEY`"},
			&cli.StringFlag{Name: "key3", Category: given, Usage: "the 8 `BYTES` after the head: 8 characters, hex:16 digits or base64:…"},
			&cli.BoolFlag{Name: "request", Category: given, Usage: "read a whole request from standard input: the head and 8 bytes", DisableDefaultText: true},
			&cli.StringFlag{Name: "rfc6455", Category: given, Usage: "answer `KEY`, the Sec-WebSocket-Key of an RFC 6455 client"},
			&cli.BoolFlag{Name: "explain", Category: output, Usage: "show how the answer comes about, or what is wrong with a key", DisableDefaultText: true},
			&cli.BoolFlag{Name: "response", Category: output, Usage: "with --request: the complete response of a server, as bytes", DisableDefaultText: true},
			&cli.BoolFlag{Name: "raw", Category: output, Usage: "the 16 bytes of the answer and nothing else", DisableDefaultText: true},
			&cli.StringFlag{Name: "verify", Category: output, Usage: "compare the answer with `HEX|TEXT` (32 digits, 16 characters or base64:…): ok, or exit 4"},
			&cli.BoolFlag{Name: "json", Category: output, Usage: "print a JSON object a line", DisableDefaultText: true},
		},
		Action: func(c *cli.Context) error { return run(c.Context, e, read(c)) },
	}, app.ExitHandshake)
}

// Options are what the command line says. Of texts and numbers nil is one that is not there.
type Options struct {
	Args             []string
	Count            *int
	Seed             *uint64
	Key1, Key2, Key3 *string
	Request          bool // of standard input
	RFC6455          *string

	Explain, Response, Raw, JSON bool
	Verify                       *string
}

func read(c *cli.Context) *Options {
	return &Options{
		Args: c.Args().Slice(), Count: given(c.IsSet("count"), c.Int("count")), Seed: given(c.IsSet("seed"), c.Uint64("seed")),
		Key1: given(c.IsSet("key1"), c.String("key1")), Key2: given(c.IsSet("key2"), c.String("key2")), Key3: given(c.IsSet("key3"), c.String("key3")),
		Request: c.Bool("request"), RFC6455: given(c.IsSet("rfc6455"), c.String("rfc6455")),
		Explain: c.Bool("explain"), Response: c.Bool("response"), Raw: c.Bool("raw"), JSON: c.Bool("json"),
		Verify: given(c.IsSet("verify"), c.String("verify")),
	}
}

// given is the value of a flag, nil where it is not there.
func given[T any](isSet bool, value T) *T {
	if !isSet {
		return nil
	}
	return &value
}

func run(ctx context.Context, e *app.Env, o *Options) error {
	k := &keygen{Env: e, Options: o, out: bufio.NewWriterSize(e.Stdout, 128<<10)}
	err := k.run(ctx)
	if flushed := k.out.Flush(); err == nil && flushed != nil {
		err = fmt.Errorf("keygen: writing: %w", flushed)
	}
	return err
}

// keygen is one run of the command. What it writes to out is checked when that is flushed.
type keygen struct {
	*app.Env
	*Options
	out *bufio.Writer
}

func (k *keygen) run(ctx context.Context) error {
	if err := k.check(); err != nil {
		return err
	}
	if k.Raw {
		if err := k.RefuseBinary("keygen: the 16 bytes of --raw"); err != nil {
			return err
		}
	}
	switch {
	case k.RFC6455 != nil:
		return k.accept(*k.RFC6455)
	case k.Request:
		return k.request(ctx, k.Response)
	case k.Key1 != nil || k.Key2 != nil || k.Key3 != nil:
		return k.given()
	}
	return k.generate(ctx)
}

// check refuses flags that contradict each other, or have nothing to work on.
func (o *Options) check() error {
	if err := app.NoArguments("keygen", o.Args, "a key goes behind --key1 or --key2, in quotes"); err != nil {
		return err
	}
	there := map[string]bool{
		"count": o.Count != nil, "seed": o.Seed != nil, "key1": o.Key1 != nil, "key2": o.Key2 != nil, "key3": o.Key3 != nil,
		"request": o.Request, "rfc6455": o.RFC6455 != nil,
		"explain": o.Explain, "response": o.Response, "raw": o.Raw, "json": o.JSON, "verify": o.Verify != nil,
	}
	isSet := func(names ...string) (set []string) {
		for _, name := range names {
			if there[name] {
				set = append(set, "--"+name)
			}
		}
		return set
	}
	keys := isSet("key1", "key2", "key3")
	given := isSet("request", "rfc6455")
	if len(keys) > 0 {
		given = append(given, keys[0])
	}
	if len(given) > 1 {
		return app.Usagef("keygen: %s and %s both give a challenge; use one of them", given[0], given[1])
	}
	if fresh := isSet("count", "seed"); len(given) > 0 && len(fresh) > 0 {
		return app.Usagef("keygen: %s is for fresh challenges, but %s gives one", fresh[0], given[0])
	}
	if how := isSet("raw", "verify"); len(given) == 0 && len(how) > 0 {
		return app.Usagef("keygen: %s needs a challenge: --key1, --key2 and --key3, or --request", how[0])
	}
	if o.Response && !o.Request {
		return app.Usagef("keygen: --response needs the --request that it answers")
	}
	if len(keys) > 0 && len(keys) < 3 && !o.Explain {
		return app.Usagef("keygen: a challenge is --key1, --key2 and --key3, got only %s; --explain can do with one key", strings.Join(keys, " and "))
	}
	if o.RFC6455 != nil && (o.Explain || o.Raw) {
		return app.Usagef("keygen: --rfc6455 has one line to print: %s does not go with it", isSet("explain", "raw")[0])
	}
	if o.Count != nil && *o.Count < 1 {
		return app.Usagef("keygen: -n %d: want at least 1", *o.Count)
	}
	if o.Count != nil && o.Explain {
		return app.Usagef("keygen: --explain is for one challenge, -n for many")
	}
	forms := isSet("explain", "response", "raw", "json")
	if !o.JSON {
		forms = append(forms, isSet("verify")...)
	}
	if len(forms) > 1 || len(forms) == 1 && forms[0] == "--json" && o.Response {
		return app.Usagef("keygen: %s and %s print different things; use one of them", forms[0], forms[1])
	}
	return nil
}

// given answers the challenge of --key1, --key2 and --key3.
func (k *keygen) given() error {
	var challenge hixie.Challenge
	challenge.Key1, challenge.Key2 = bytesOf(k.Key1), bytesOf(k.Key2)
	if k.Key3 != nil {
		b, err := flags.ParseBytes(*k.Key3, len(challenge.Key3))
		if err != nil {
			return app.Usagef("keygen: --key3: %w", err)
		}
		challenge.Key3 = [8]byte(b)
	}
	if k.Explain && (k.Key1 == nil || k.Key2 == nil || k.Key3 == nil) {
		var err error
		for i, key := range []*string{k.Key1, k.Key2} {
			if key != nil {
				err = both(err, k.explainKey(keyFields[i], []byte(*key)))
			}
		}
		return badChallenge(err)
	}
	return k.answer(&challenge)
}

func bytesOf(text *string) []byte {
	if text == nil {
		return nil
	}
	return []byte(*text)
}

// keyFields are the fields of a challenge's keys.
var keyFields = [2]string{"Sec-WebSocket-Key1", "Sec-WebSocket-Key2"}

// answer prints the answer to a challenge in the form asked for.
func (k *keygen) answer(challenge *hixie.Challenge) error {
	answer, err := challenge.Answer()
	switch {
	case k.JSON:
		return k.reportJSON(challenge)
	case k.Explain:
		return k.explainChallenge(challenge)
	case err != nil:
		return badChallenge(err)
	case k.Verify != nil:
		return k.compare(challenge, answer)
	case k.Raw:
		k.out.Write(answer[:])
	default:
		k.writeAnswer(answer)
	}
	return nil
}

// badChallenge is the error of a challenge that has no answer.
func badChallenge(err error) error {
	if err == nil {
		return nil
	}
	return app.WithCode(app.ExitHandshake, fmt.Errorf("keygen: %w", err))
}

// both joins two errors, either of which may be nil, on one line.
func both(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return fmt.Errorf("%w; %w", a, b)
}

func (k *keygen) writeAnswer(answer [16]byte) {
	fmt.Fprintf(k.out, "Answer: hex %x\n", answer)
	if printable(answer[:]) {
		fmt.Fprintf(k.out, "Answer: text %s\n", answer)
	}
}

// compare is --verify.
func (k *keygen) compare(challenge *hixie.Challenge, answer [16]byte) error {
	b, err := flags.ParseBytes(*k.Verify, len(answer))
	if err != nil {
		return app.Usagef("keygen: --verify: %w", err)
	}
	if got := [16]byte(b); got != answer {
		text := fmt.Sprintf("keygen: the answer is hex %x, not hex %x", answer, got)
		if mistake := likelyMistake(challenge, got); mistake != "" {
			text += ": " + mistake
		}
		return app.WithCode(app.ExitHandshake, errors.New(text))
	}
	fmt.Fprintln(k.out, "ok")
	return nil
}

// generate makes fresh challenges.
func (k *keygen) generate(ctx context.Context) error {
	source, err := k.source()
	if err != nil {
		return err
	}
	g := hixie.NewGenerator(source)
	if k.Count != nil {
		return k.generateMany(ctx, g, *k.Count)
	}
	challenge, err := g.Next()
	if err != nil {
		return err
	}
	if k.Explain || k.JSON {
		return k.answer(&challenge)
	}
	answer, err := challenge.Answer()
	if err != nil {
		return err
	}
	fmt.Fprintf(k.out, "%s: %s\n%s: %s\nKey3: hex %x\n", keyFields[0], challenge.Key1, keyFields[1], challenge.Key2, challenge.Key3)
	k.writeAnswer(answer)
	return nil
}

// source returns where the randomness of fresh challenges comes from.
func (k *keygen) source() (io.Reader, error) {
	var seed [32]byte
	if k.Seed != nil {
		k.Log.Warnf("keygen: --seed %d makes the same challenges each time; for tests only", *k.Seed)
		binary.LittleEndian.PutUint64(seed[:], *k.Seed)
	} else if _, err := crand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("keygen: reading the system's randomness: %w", err)
	}
	return rand.NewChaCha8(seed), nil
}

// generateMany writes n challenges, one a line. It allocates nothing for each.
func (k *keygen) generateMany(ctx context.Context, g *hixie.Generator, n int) error {
	var line []byte
	for i := range n {
		if i%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		challenge, err := g.Next()
		if err != nil {
			return err
		}
		if k.JSON {
			if err := k.reportJSON(&challenge); err != nil {
				return err
			}
			continue
		}
		answer, err := challenge.Answer()
		if err != nil {
			return err
		}
		line = appendLine(line[:0], &challenge, &answer)
		if _, err := k.out.Write(line); err != nil {
			return fmt.Errorf("keygen: writing: %w", err)
		}
	}
	return nil
}

// appendLine appends a challenge and its answer: key1, key2, key3 and answer in
// hex, with tabs between. No key of the draft has a tab.
func appendLine(dst []byte, challenge *hixie.Challenge, answer *[16]byte) []byte {
	dst = append(dst, challenge.Key1...)
	dst = append(dst, '\t')
	dst = append(dst, challenge.Key2...)
	dst = append(dst, '\t')
	dst = hex.AppendEncode(dst, challenge.Key3[:])
	dst = append(dst, '\t')
	dst = hex.AppendEncode(dst, answer[:])
	return append(dst, '\n')
}

// accept answers a key of RFC 6455.
func (k *keygen) accept(key string) error {
	if !rfc6455.ValidKey(key) {
		text := fmt.Sprintf("keygen: --rfc6455 %q: a Sec-WebSocket-Key is 16 bytes in base64, 24 characters that end in ==", key)
		if strings.Contains(key, " ") {
			text += "; a key with spaces is one of draft 76, see --key1"
		}
		return app.WithCode(app.ExitHandshake, errors.New(text))
	}
	accept := rfc6455.AcceptKey(key)
	report := acceptReport{Version: app.ReportVersion, Key: key, Accept: accept}
	var wrong error
	if k.Verify != nil {
		verified := *k.Verify == accept
		report.Verified = &verified
		if !verified {
			wrong = app.WithCode(app.ExitHandshake, fmt.Errorf("keygen: the accept value is %s, not %q", accept, *k.Verify))
		}
	}
	switch {
	case k.JSON:
		k.writeJSON(report)
	case k.Verify == nil:
		fmt.Fprintln(k.out, accept)
	case wrong == nil:
		fmt.Fprintln(k.out, "ok")
	}
	return wrong
}

// printable reports whether b is ASCII that a terminal shows as it is.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
