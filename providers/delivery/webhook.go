package delivery

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

// Headers of a webhook's request.
const (
	SignatureHeader = "X-Decnet-Signature"
	DeliveryHeader  = "X-Decnet-Delivery"
)

// minKey is the length of a key, in bytes, below which a signature is no proof.
const minKey = 16

// webhook posts a body that a template makes.
type webhook struct {
	sink     schema.Sink
	options  Options
	template *notification.Template // nil: the notification as JSON
}

func newWebhook(s schema.Sink, o Options) (*webhook, error) {
	w := &webhook{sink: s, options: o}
	if s.Body == "" {
		return w, nil
	}
	var err error
	if w.template, err = notification.ParseTemplate(s.Body); err != nil {
		return nil, fmt.Errorf("sink %s: template of the body: %w", s.Name, err)
	}
	return w, nil
}

// Deliver implements Target.
func (w *webhook) Deliver(ctx context.Context, n notification.Notification) (string, error) {
	body, err := w.body(n)
	if err != nil {
		return "", permanent("make body: %w", err)
	}
	r := request{method: w.sink.Method, url: w.sink.URL, header: http.Header{}, body: body, caFile: w.sink.CAFile}
	r.header.Set("Content-Type", "application/json")
	for name, value := range w.sink.Headers {
		r.header.Set(name, value)
	}
	r.header.Set(DeliveryHeader, line(n.ID, 100))
	if w.sink.SecretFile != "" {
		key, err := w.options.secret(w.sink.SecretFile)
		if err != nil {
			return "", err
		}
		if len(key) < minKey {
			return "", retryable("read secret: %s has fewer than %d characters", w.sink.SecretFile, minKey)
		}
		r.secrets = append(r.secrets, key)
		r.header.Set(SignatureHeader, Sign([]byte(key), w.options.Now().Unix(), body))
	}
	if w.sink.TokenFile != "" {
		token, err := w.options.secret(w.sink.TokenFile)
		if err != nil {
			return "", err
		}
		r.secrets = append(r.secrets, token)
		r.header.Set("Authorization", "Bearer "+token)
	}
	a, err := w.options.send(ctx, r)
	return a.summary(r.secrets), err
}

func (w *webhook) body(n notification.Notification) ([]byte, error) {
	if w.template == nil {
		return json.Marshal(n)
	}
	return w.template.Render(n)
}

// Sign is the value of the signature's header: t=SECONDS,v1=HEX, the second
// being the HMAC-SHA256 of SECONDS.BODY. The time is signed, so that a receiver
// can refuse what was recorded and is sent again later.
func Sign(key []byte, seconds int64, body []byte) string {
	t := strconv.FormatInt(seconds, 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
