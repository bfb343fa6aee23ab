package keygen

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/core/hixie"
)

// challengeReport is what keygen --json prints for a challenge.
type challengeReport struct {
	Version    int       `json:"version"`
	Key1       keyReport `json:"key1"`
	Key2       keyReport `json:"key2"`
	Key3       string    `json:"key3"`                  // hex
	Answer     string    `json:"answer,omitempty"`      // hex; not there if a key is bad
	AnswerText string    `json:"answer_text,omitempty"` // where all of it is printable
	Verified   *bool     `json:"verified,omitempty"`    // with --verify
}

// keyReport is a key: with its part, or with what is wrong with it.
type keyReport struct {
	Value  string   `json:"value"`
	Digits string   `json:"digits"`
	Spaces int      `json:"spaces"`
	Part   *uint32  `json:"part,omitempty"`
	Error  string   `json:"error,omitempty"`
	Causes []string `json:"causes,omitempty"`
}

// acceptReport is what keygen --json --rfc6455 prints.
type acceptReport struct {
	Version  int    `json:"version"`
	Key      string `json:"key"`
	Accept   string `json:"accept"`
	Verified *bool  `json:"verified,omitempty"`
}

func newKeyReport(key []byte) keyReport {
	r := keyReport{Value: string(key), Digits: digitsOf(key), Spaces: strings.Count(string(key), " ")}
	parsed, err := hixie.ParseKey(key)
	var bad *hixie.KeyError
	if errors.As(err, &bad) {
		r.Error, r.Causes = reason(bad), likelyCauses(bad)
		return r
	}
	part := parsed.Part()
	r.Part = &part
	return r
}

// reportJSON prints a challenge as an object on a line. The error is for bad keys and for --verify.
func (k *keygen) reportJSON(c *hixie.Challenge) error {
	r := challengeReport{
		Version: app.ReportVersion,
		Key1:    newKeyReport(c.Key1),
		Key2:    newKeyReport(c.Key2),
		Key3:    hex.EncodeToString(c.Key3[:]),
	}
	answer, err := c.Answer()
	if err != nil {
		k.writeJSON(r)
		return badChallenge(err)
	}
	r.Answer = hex.EncodeToString(answer[:])
	if printable(answer[:]) {
		r.AnswerText = string(answer[:])
	}
	if k.Verify == nil {
		k.writeJSON(r)
		return nil
	}
	b, err := flags.ParseBytes(*k.Verify, len(answer))
	if err != nil {
		return app.Usagef("keygen: --verify: %w", err)
	}
	verified := [16]byte(b) == answer
	r.Verified = &verified
	k.writeJSON(r)
	if !verified {
		return app.SilentError(app.ExitHandshake)
	}
	return nil
}

// writeJSON prints a report as a line. Reports always encode; if out fails, so does its flush.
func (k *keygen) writeJSON(report any) {
	enc := json.NewEncoder(k.out)
	enc.SetEscapeHTML(false) // keys have <, > and &
	enc.Encode(report)
}
