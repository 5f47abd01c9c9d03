package web

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/schema/event"
)

// names of form fields that hold a user and a secret, by how often login pages
// use them.
var (
	userFields   = []string{"username", "user", "login", "log", "email", "user_login", "userid", "uname", "name", "j_username", "pma_username", "account"}
	secretFields = []string{"password", "pass", "passwd", "pwd", "user_pass", "j_password", "pma_password", "secret"}
)

// credentials are the attempts to log in that a request carries. None is ever
// right: whoever has accounts, an application, records its logins itself.
func credentials(r *Request, body []byte) []*event.AuthAttempt {
	var found []*event.AuthAttempt
	agent := event.Text(r.Field("user-agent")).Clip(1024)
	if a := authorization(r.Field("authorization")); a != nil {
		a.Client = agent
		found = append(found, a)
	}
	var forms []url.Values
	if len(body) > 0 {
		form, _ := app.ParseBody(r.Field("content-type"), body)
		forms = append(forms, form)
	}
	if r.Query != "" {
		query, _ := app.ParseBody("application/x-www-form-urlencoded", []byte(r.Query))
		forms = append(forms, query)
	}
	for _, form := range forms {
		if a := login(form); a != nil {
			a.Client = agent
			found = append(found, a)
		}
	}
	return found
}

// authorization reads the header of that name (RFC 7617, RFC 6750, RFC 7616).
func authorization(header string) *event.AuthAttempt {
	scheme, rest, ok := strings.Cut(header, " ")
	if !ok {
		return nil
	}
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "basic":
		decoded, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			if decoded, err = base64.RawStdEncoding.DecodeString(rest); err != nil {
				return &event.AuthAttempt{Method: "basic", Secret: event.Text(rest)}
			}
		}
		user, secret, _ := strings.Cut(string(decoded), ":")
		return &event.AuthAttempt{Method: "basic", Username: event.Text(user), Secret: event.Text(secret), SecretKind: "plaintext"}
	case "bearer":
		return &event.AuthAttempt{Method: "bearer", Secret: event.Text(rest), SecretKind: "http_bearer"}
	case "digest":
		return &event.AuthAttempt{Method: "digest", Username: event.Text(digestUser(rest)), Secret: event.Text(rest), SecretKind: "http_digest_md5"}
	}
	return nil
}

func digestUser(parameters string) string {
	_, after, ok := strings.Cut(parameters, `username="`)
	if !ok {
		return ""
	}
	user, _, _ := strings.Cut(after, `"`)
	return user
}

// login reads a form with a secret in it; a query string is one too.
func login(values url.Values) *event.AuthAttempt {
	lower := map[string]string{}
	for k, v := range values {
		lower[strings.ToLower(k)] = v[0]
	}
	secret, ok := first(lower, secretFields)
	if !ok {
		return nil
	}
	user, _ := first(lower, userFields)
	return &event.AuthAttempt{Method: "form", Username: event.Text(user), Secret: event.Text(secret), SecretKind: "plaintext"}
}

func first(values map[string]string, names []string) (string, bool) {
	for _, n := range names {
		if v, ok := values[n]; ok {
			return v, true
		}
	}
	return "", false
}
