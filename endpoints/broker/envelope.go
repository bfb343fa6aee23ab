package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/ws76/ws76/core"
)

// Envelope carries a message together with its topic or subject, as a text message of JSON:
// {"topic":"lab/1","data":"21.5"}. Which of Topic and Subject there is depends on the broker; data that is not text is
// in Base64. Reply is the subject to which answers go, where there is one.
type Envelope struct {
	Topic    string  `json:"topic,omitempty"`
	Subject  string  `json:"subject,omitempty"`
	Reply    string  `json:"reply,omitempty"`
	Data     *string `json:"data,omitempty"`
	Base64   []byte  `json:"base64,omitempty"`
	Retained bool    `json:"retained,omitempty"`
}

// Seal returns the message of an envelope with the data of m in it.
func (e Envelope) Seal(m core.Message) (core.Message, error) {
	if m.Kind == core.Text || len(m.Data) == 0 {
		text := string(m.Data)
		e.Data = &text
	} else {
		e.Base64 = m.Data
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return core.Message{}, fmt.Errorf("envelope: %w", err)
	}
	return core.Message{Data: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}, nil
}

// Open reads an envelope and returns what is in it.
func Open(m core.Message) (Envelope, []byte, error) {
	var e Envelope
	dec := json.NewDecoder(bytes.NewReader(m.Data))
	dec.DisallowUnknownFields()
	err := dec.Decode(&e)
	if err == nil {
		if _, end := dec.Token(); end != io.EOF {
			err = errors.New("there is more behind it")
		}
	}
	switch {
	case err != nil:
	case (e.Data == nil) == (e.Base64 == nil):
		err = errors.New(`want either "data" or "base64"`)
	case e.Data != nil:
		return e, []byte(*e.Data), nil
	default:
		return e, e.Base64, nil
	}
	return Envelope{}, nil, fmt.Errorf(`envelope %.80q: %w; want {"topic":"…","data":"…"}`, m.Data, err)
}
