package delivery

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

// Caps of a message, in bytes: Slack cuts a text at 40,000 characters and asks
// for 4,000 (docs.slack.dev, chat.postMessage); Mattermost refuses more than
// 16,383.
const (
	slackTitle = 500
	slackBody  = 2500
)

// slack posts to an incoming webhook of Slack, Mattermost, Rocket.Chat or what
// else takes {"text": ...}. The URL is the secret.
type slack struct {
	sink    schema.Sink
	options Options
}

// Deliver implements Target.
func (s *slack) Deliver(ctx context.Context, n notification.Notification) (string, error) {
	target, err := s.options.secret(s.sink.URLFile)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]string{"text": slackText(n)})
	if err != nil {
		return "", permanent("make body: %w", err)
	}
	r := request{url: target, header: http.Header{}, body: body, caFile: s.sink.CAFile, secrets: []string{target}}
	if _, path, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(target, "https://"), "http://"), "/"); ok && path != "" {
		r.secrets = []string{path} // the host is none
	}
	r.header.Set("Content-Type", "application/json")
	a, err := s.options.send(ctx, r)
	return a.summary(r.secrets), err
}

// slackText is the message. What others wrote stands in code, where neither
// marks nor mentions mean anything, and cannot leave it.
func slackText(n notification.Notification) string {
	var b strings.Builder
	b.WriteString("*" + strings.ToUpper(string(n.Severity)) + "* " + code(string(n.Kind)) + " " + code(line(n.Title, slackTitle)))
	var details []string
	for _, f := range facts(n) {
		details = append(details, line(f[0], 100)+": "+line(f[1], 300))
	}
	if n.Body != "" {
		details = append(details, lines(n.Body, slackBody))
	}
	if text := strings.Join(details, "\n"); text != "" {
		b.WriteString("\n```\n" + escapeSlack(cut(text, 2*slackBody)) + "\n```")
	}
	return b.String()
}

func code(text string) string { return "`" + escapeSlack(text) + "`" }

// escapeSlack writes the three characters that Slack has as entities
// (docs.slack.dev, "Formatting message text"), and takes away what would end
// code.
func escapeSlack(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "'").Replace(text)
}
