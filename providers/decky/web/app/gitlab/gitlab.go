// Package gitlab is a GitLab that shows nothing without a login: redirects to
// the login, its form with the token of the session, the refusals of its API.
// Names of fields, cookies, headers and texts are those of GitLab 16 (its
// documentation); the pages are of our own making.
package gitlab

import (
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/web/app"
)

const idle = 7 * 24 * time.Hour

type forge struct{ env app.Env }

// Open makes the GitLab of one decky.
func Open(env app.Env) (app.App, error) { return &forge{env}, nil }

// Info implements app.App: Omnibus puts its nginx in front.
func (g *forge) Info() app.Info { return app.Info{Face: "nginx", Server: "nginx"} }

// Serve implements app.App.
func (g *forge) Serve(v *app.Visit) *app.Reply {
	session, ok := g.env.Sessions.Get(v.Cookie("_gitlab_session"), v.Now, idle)
	in := ok && session.User != ""
	switch path := strings.TrimSuffix(v.Path, "/"); {
	case path == "/users/sign_in":
		return g.signIn(v, session, ok)
	case path == "/users/sign_out":
		_ = g.env.Sessions.Drop(session.ID) // it ends by itself, later
		return g.headers(v, app.Redirect(g.base(v)+"/users/sign_in"))
	case strings.HasPrefix(path, "/api/"):
		return g.api(v, path, in)
	case path == "/-/health" || path == "/-/liveness" || path == "/-/readiness":
		return g.Error(v, 404) // not of this address
	case path == "/robots.txt":
		r := app.HTML(200, "User-Agent: *\nDisallow: /autocomplete/users\nDisallow: /search\nDisallow: /admin\nDisallow: /profile\nDisallow: /dashboard\nDisallow: /users\nDisallow: /help\nDisallow: /s/\n")
		r.Type = "text/plain"
		return r
	case strings.HasSuffix(path, "/info/refs") || strings.HasSuffix(path, "/git-upload-pack") || strings.HasSuffix(path, "/git-receive-pack"):
		return g.git(v)
	case !in && path == "":
		return g.headers(v, app.Redirect(g.base(v)+"/users/sign_in"))
	case !in && (path == "/explore" || strings.HasPrefix(path, "/dashboard") || strings.HasPrefix(path, "/admin") || strings.HasPrefix(path, "/help") || strings.HasPrefix(path, "/-/") || strings.Count(path, "/") <= 2):
		session = g.start(v, session, ok)
		r := g.headers(v, app.Redirect(g.base(v)+"/users/sign_in"))
		return g.cookie(r, v, session)
	case in && (path == "" || path == "/explore" || strings.HasPrefix(path, "/dashboard")):
		return g.headers(v, app.HTML(200, frame("Projects · Dashboard · GitLab", "<h1>Projects</h1>\n<p>"+html.EscapeString(session.User)+"</p>\n<ul><li><a href=\"/infra/ansible\">infra / ansible</a></li><li><a href=\"/web/intranet\">web / intranet</a></li></ul>")))
	}
	return g.Error(v, 404)
}

func (g *forge) base(v *app.Visit) string {
	scheme := "http"
	if v.Secure {
		scheme = "https"
	}
	if v.Host == "" {
		return scheme + "://" + g.env.Host.IP
	}
	return scheme + "://" + v.Host
}

// requestID looks like a ULID of now.
func requestID(now time.Time) string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	ms, stamp := now.UnixMilli(), make([]byte, 10)
	for i := 9; i >= 0; i-- {
		stamp[i] = alphabet[ms&31]
		ms >>= 5
	}
	return string(stamp) + app.Letters(16, alphabet)
}

// headers are those of every page of Rails behind workhorse.
func (g *forge) headers(v *app.Visit, r *app.Reply) *app.Reply {
	if r.Type == "text/html" {
		r.Type = "text/html; charset=utf-8"
	}
	id := requestID(v.Now)
	return r.With("Cache-Control", "no-cache").With("X-Content-Type-Options", "nosniff").With("X-Download-Options", "noopen").With("X-Frame-Options", "SAMEORIGIN").
		With("X-Gitlab-Meta", `{"correlation_id":"`+id+`","version":"1"}`).With("X-Permitted-Cross-Domain-Policies", "none").With("X-Request-Id", id).
		With("X-Runtime", fmt.Sprintf("0.0%05d", 31000+v.Now.Nanosecond()%40000)).With("X-Ua-Compatible", "IE=edge").With("X-Xss-Protection", "1; mode=block").
		With("Strict-Transport-Security", "max-age=63072000").With("Referrer-Policy", "strict-origin-when-cross-origin")
}

// start makes a session for a guest who has none.
func (g *forge) start(v *app.Visit, session app.Session, ok bool) app.Session {
	if ok {
		return session
	}
	session = app.Session{ID: app.Token(16), Values: map[string]string{"token": app.Letters(86, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")}}
	g.keep(v, session)
	return session
}

func (g *forge) keep(v *app.Visit, session app.Session) {
	if err := g.env.Sessions.Put(session, v.Now); err != nil {
		g.env.Log.Warn("session is not kept", "error", err)
	}
}

func (g *forge) cookie(r *app.Reply, v *app.Visit, session app.Session) *app.Reply {
	attributes := "path=/; expires=" + v.Now.Add(2*time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05") + " GMT; HttpOnly"
	if v.Secure {
		attributes = strings.Replace(attributes, "; HttpOnly", "; secure; HttpOnly; SameSite=None", 1)
	}
	return r.SetCookie("_gitlab_session", session.ID, attributes)
}

func (g *forge) signIn(v *app.Visit, session app.Session, ok bool) *app.Reply {
	session = g.start(v, session, ok)
	message, status := "", 200
	if v.Method == "POST" {
		f := v.Form()
		user, secret := f.Get("user[login]"), f.Get("user[password]")
		if f.Get("authenticity_token") != session.Values["token"] {
			v.Attempt("form", user, secret, false)
			return g.cookie(g.headers(v, app.HTML(422, frame("The change you requested was rejected (422)", "<h1>422</h1>\n<h3>The change you requested was rejected.</h3>\n<p>Make sure you have access to the thing you tried to change.</p>"))), v, session)
		}
		in := g.env.Allowed(user, secret)
		v.Attempt("form", user, secret, in)
		if in {
			_ = g.env.Sessions.Drop(session.ID) // it gets another name
			session.ID, session.User = app.Token(16), user
			g.keep(v, session)
			return g.cookie(g.headers(v, app.Redirect(g.base(v)+"/")), v, session)
		}
		message, status = "<div class=\"gl-alert gl-alert-danger\" data-testid=\"alert-danger\">Invalid login or password.</div>\n", 200
	}
	token := session.Values["token"]
	body := message + "<h1>GitLab Community Edition</h1>\n<form class=\"gl-p-5\" aria-live=\"assertive\" id=\"new_user\" action=\"/users/sign_in\" accept-charset=\"UTF-8\" method=\"post\"><input type=\"hidden\" name=\"authenticity_token\" value=\"" + token + "\" autocomplete=\"off\" />\n<label for=\"user_login\">Username or primary email</label><input class=\"form-control gl-form-input js-username-field\" autocomplete=\"username\" autofocus=\"autofocus\" autocapitalize=\"off\" autocorrect=\"off\" required=\"required\" data-testid=\"username-field\" type=\"text\" name=\"user[login]\" id=\"user_login\" />\n<label for=\"user_password\">Password</label><input class=\"form-control gl-form-input\" autocomplete=\"current-password\" required=\"required\" data-testid=\"password-field\" type=\"password\" name=\"user[password]\" id=\"user_password\" />\n<input name=\"user[remember_me]\" type=\"hidden\" value=\"0\" autocomplete=\"off\" /><input type=\"checkbox\" value=\"1\" name=\"user[remember_me]\" id=\"user_remember_me\" />\n<button type=\"submit\" class=\"gl-button btn btn-block btn-md btn-confirm js-sign-in-button\" data-testid=\"sign-in-button\">Sign in</button>\n</form>"
	r := app.HTML(status, strings.Replace(frame("Sign in · GitLab", body), "<head>", "<head>\n<meta name=\"csrf-param\" content=\"authenticity_token\" />\n<meta name=\"csrf-token\" content=\""+token+"\" />", 1))
	return g.cookie(g.headers(v, r), v, session)
}

// api refuses what has no token; a token that is sent goes on record.
func (g *forge) api(v *app.Visit, path string, in bool) *app.Reply {
	status, body := 401, `{"message":"401 Unauthorized"}`
	if token := v.Header("Private-Token"); token != "" {
		v.Attempt("token", "", token, false)
	}
	switch {
	case path == "/api/v4/projects":
		status, body = 200, "[]"
	case path == "/api/v4/version" && in:
		status, body = 200, `{"version":"16.7.4","revision":"fe18f2fb5f2"}`
	case !strings.HasPrefix(path, "/api/v4"):
		status, body = 404, `{"error":"404 Not Found"}`
	}
	r := app.HTML(status, body)
	r.Type = "application/json"
	return g.headers(v, r).With("Vary", "Origin")
}

// git asks clients of the version control for a login.
func (g *forge) git(v *app.Visit) *app.Reply {
	r := app.HTML(401, "HTTP Basic: Access denied. If a password was provided for Git authentication, the password was incorrect or you're required to use a token instead of a password. If a token was provided, it was either incorrect, expired, or improperly scoped.")
	r.Type = "text/plain; charset=utf-8"
	return g.headers(v, r).With("Www-Authenticate", `Basic realm="GitLab"`)
}

// Error implements app.ErrorPages.
func (g *forge) Error(v *app.Visit, status int) *app.Reply {
	texts := map[int][2]string{
		404: {"The page could not be found or you don't have permission to view it.", "The resource that you are attempting to access does not exist or you don't have the necessary permissions to view it."},
		500: {"Whoops, something went wrong on our end.", "Try refreshing the page, or going back and attempting the action again."},
	}
	text, ok := texts[status]
	if !ok {
		return nil
	}
	return g.headers(v, app.HTML(status, frame(fmt.Sprintf("%s (%d)", text[0], status), fmt.Sprintf("<h1>%d</h1>\n<h3>%s</h3>\n<p>%s</p>\n<p>Please contact your GitLab administrator if you think this is a mistake.</p>", status, text[0], text[1]))))
}

func frame(title, body string) string {
	return "<!DOCTYPE html>\n<html class=\"gl-light ui-indigo\" lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>" + html.EscapeString(title) + "</title>\n<meta content=\"GitLab\" property=\"og:site_name\">\n</head>\n<body class=\"login-page\">\n" + body + "\n</body>\n</html>\n"
}
