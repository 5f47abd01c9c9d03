package event

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Text is bytes that somebody else sent. In JSON it is a string where the bytes
// are valid UTF-8, else {"base64": "..."}: nothing an attacker sends is lost or
// changed on its way.
type Text string

type binaryText struct {
	Base64 string `json:"base64"`
}

// MarshalJSON writes a string, or an object for bytes that are no UTF-8.
func (t Text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(binaryText{Base64: base64.StdEncoding.EncodeToString([]byte(t))})
}

// UnmarshalJSON reads both forms.
func (t *Text) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '{' {
		var b binaryText
		if err := json.Unmarshal(data, &b); err != nil {
			return err
		}
		raw, err := base64.StdEncoding.DecodeString(b.Base64)
		if err != nil {
			return fmt.Errorf("decode text: %w", err)
		}
		*t = Text(raw)
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	*t = Text(s)
	return nil
}

// Clip is t cut to at most n bytes.
func (t Text) Clip(n int) Text {
	if len(t) <= n {
		return t
	}
	return t[:n]
}
