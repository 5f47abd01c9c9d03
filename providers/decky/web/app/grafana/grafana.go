// Package grafana is a Grafana behind its login: the health interface, the login
// as JSON, the refusals of its API. Names of fields, cookies, headers and texts
// are those of Grafana 9 (its documentation and a default installation); the
// pages are of our own making.
package grafana

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/web/app"
)

const (
	version = "9.5.15"
	commit  = "44b0d3c2d2"
	idle    = 7 * 24 * time.Hour
)

type board struct{ env app.Env }

// Open makes the Grafana of one decky.
func Open(env app.Env) (app.App, error) { return &board{env}, nil }

// Info implements app.App: it stands behind the decky's web server.
func (b *board) Info() app.Info { return app.Info{} }

// Serve implements app.App.
func (b *board) Serve(v *app.Visit) *app.Reply {
	session, ok := b.env.Sessions.Get(v.Cookie("grafana_session"), v.Now, idle)
	user := session.User
	if !ok {
		user = b.basic(v)
	}
	switch path := v.Path; {
	case path == "/login" && v.Method == "POST":
		return b.login(v)
	case path == "/logout":
		_ = b.env.Sessions.Drop(session.ID) // it ends by itself, later
		return b.headers(app.Redirect("/login")).SetCookie("grafana_session", "", "Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
	case path == "/api/health":
		return b.json(200, map[string]string{"commit": commit, "database": "ok", "version": version})
	case path == "/api/frontend/settings" && user != "":
		return b.json(200, map[string]any{"buildInfo": map[string]string{"version": version, "commit": commit, "edition": "Open Source"}, "defaultDatasource": "Prometheus"})
	case path == "/api/user" && user != "":
		return b.json(200, map[string]any{"id": 1, "email": user + "@localhost", "name": "", "login": user, "theme": "", "orgId": 1, "isGrafanaAdmin": true})
	case path == "/api/datasources" && user != "":
		return b.json(200, []map[string]any{{"id": 1, "name": "Prometheus", "type": "prometheus", "url": "http://localhost:9090", "access": "proxy", "isDefault": true}})
	case strings.HasPrefix(path, "/api/") && user == "":
		return b.json(401, map[string]string{"message": "Unauthorized", "traceID": ""})
	case strings.HasPrefix(path, "/api/"):
		return b.json(404, map[string]string{"message": "Not found", "traceID": ""})
	case path == "/robots.txt":
		r := app.HTML(200, "User-agent: *\nDisallow: /\n")
		r.Type = "text/plain; charset=utf-8"
		return b.headers(r)
	case path == "/metrics":
		r := app.HTML(200, "# HELP grafana_build_info A metric with a constant '1' value labeled by version, revision, branch, and goversion from which Grafana was built\n# TYPE grafana_build_info gauge\ngrafana_build_info{branch=\"HEAD\",edition=\"oss\",goversion=\"go1.20.10\",revision=\""+commit+"\",version=\""+version+"\"} 1\n")
		r.Type = "text/plain; version=0.0.4; charset=utf-8"
		return r
	case strings.HasPrefix(path, "/public/"):
		return b.json(404, map[string]string{"message": "Plugin file not found", "traceID": ""})
	case path == "/login" || path == "/user/password/send-reset-email":
		return b.headers(app.HTML(200, page("")))
	case user == "":
		to := "/login"
		r := b.headers(app.Redirect(to))
		if path != "/" {
			r.SetCookie("redirect_to", strings.NewReplacer("/", "%2F", ";", "%3B", "\r", "", "\n", "", " ", "%20", ",", "%2C").Replace(path), "Path=/; HttpOnly; SameSite=Lax")
		}
		r.Body = []byte("<a href=\"" + to + "\">Found</a>.\n\n")
		return r
	case path == "/" || strings.HasPrefix(path, "/d/") || strings.HasPrefix(path, "/dashboards"):
		return b.headers(app.HTML(200, page(user)))
	}
	return b.headers(app.HTML(404, page(user)))
}

// basic takes a user of the API from the header (RFC 7617).
func (b *board) basic(v *app.Visit) string {
	scheme, rest, _ := strings.Cut(v.Header("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "bearer"):
		v.Attempt("bearer", "", strings.TrimSpace(rest), false)
	case strings.EqualFold(scheme, "basic"):
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		if err != nil {
			return ""
		}
		user, secret, _ := strings.Cut(string(decoded), ":")
		in := b.env.Allowed(user, secret)
		v.Attempt("basic", user, secret, in)
		if in {
			return user
		}
	}
	return ""
}

func (b *board) login(v *app.Visit) *app.Reply {
	var given struct {
		User     string `json:"user"`
		Password string `json:"password"`
	}
	if json.Unmarshal(v.Body, &given) != nil {
		given.User, given.Password = v.Form().Get("user"), v.Form().Get("password")
	}
	if given.User == "" || given.Password == "" {
		return b.json(400, map[string]string{"message": "bad login data", "traceID": ""})
	}
	in := b.env.Allowed(given.User, given.Password)
	v.Attempt("form", given.User, given.Password, in)
	if !in {
		return b.json(401, map[string]string{"message": "Invalid username or password", "traceID": ""})
	}
	session := app.Session{ID: app.Token(16), User: given.User}
	if err := b.env.Sessions.Put(session, v.Now); err != nil {
		b.env.Log.Warn("session is not kept", "error", err)
	}
	return b.json(200, map[string]string{"message": "Logged in", "redirectUrl": "/"}).SetCookie("grafana_session", session.ID, "Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax")
}

func (b *board) headers(r *app.Reply) *app.Reply {
	if r.Type == "text/html" {
		r.Type = "text/html; charset=UTF-8"
	}
	return r.With("Cache-Control", "no-store").With("X-Content-Type-Options", "nosniff").With("X-Frame-Options", "deny").With("X-Xss-Protection", "1; mode=block")
}

func (b *board) json(status int, value any) *app.Reply {
	data, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	r := app.HTML(status, string(data))
	r.Type = "application/json; charset=UTF-8"
	return b.headers(r)
}

func page(user string) string {
	signed := "false"
	if user != "" {
		signed = "true"
	}
	login, err := json.Marshal(user)
	if err != nil {
		login = []byte(`""`)
	}
	return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n<meta name=\"viewport\" content=\"width=device-width\" />\n<title>Grafana</title>\n<base href=\"/\" />\n<link rel=\"icon\" type=\"image/png\" href=\"public/img/fav32.png\" />\n</head>\n<body class=\"theme-dark app-grafana\">\n<div id=\"reactRoot\"></div>\n<script nonce=\"\">\nwindow.grafanaBootData = {\n user: {\"isSignedIn\":" + signed + ",\"login\":" + string(login) + ",\"orgId\":1},\n settings: {\"appSubUrl\":\"\",\"buildInfo\":{\"buildstamp\":1698152530,\"commit\":\"" + commit + "\",\"edition\":\"Open Source\",\"env\":\"production\",\"version\":\"" + version + "\"},\"disableLoginForm\":false},\n navTree: []\n};\n</script>\n</body>\n</html>\n"
}
