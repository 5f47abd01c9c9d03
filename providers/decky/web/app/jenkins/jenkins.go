// Package jenkins is a Jenkins that asks for a login before everything: its
// headers, the redirect to the login, the login itself and, behind it, the script
// console, whose scripts are recorded and never run. Names of fields, cookies,
// headers and texts are those of Jenkins 2.4 (its documentation and a default
// installation); the pages are of our own making.
package jenkins

import (
	"fmt"
	"html"
	"net/url"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/schema/event"
)

const (
	version = "2.426.3"
	idle    = 30 * time.Minute
)

type server struct {
	env     app.Env
	session string // X-Jenkins-Session, of this start
	cookie  string
}

// Open makes the Jenkins of one decky.
func Open(env app.Env) (app.App, error) {
	p := persona.New(env.Host)
	id := strings.ReplaceAll(p.UUID("jenkins"), "-", "")
	return &server{env: env, session: id[:8], cookie: "JSESSIONID." + id[8:16]}, nil
}

// Info implements app.App: Jenkins brings its own Jetty.
func (s *server) Info() app.Info { return app.Info{Server: "Jetty(10.0.18)"} }

// Serve implements app.App.
func (s *server) Serve(v *app.Visit) *app.Reply {
	switch v.Path {
	case "/login", "/loginError":
		return s.login(v, v.Path == "/loginError")
	case "/j_spring_security_check", "/j_acegi_security_check":
		return s.check(v)
	case "/robots.txt":
		r := app.HTML(200, "# we don't want robots to click \"build\" links\nUser-agent: *\nDisallow: /\n")
		r.Type = "text/plain"
		return r
	case "/oops":
		return s.headers(app.HTML(404, page("Oops!", "<h1>Oops!</h1>")))
	case "/whoAmI/", "/whoAmI":
		return s.headers(app.HTML(200, page("Who Am I", "<h1>Who Am I?</h1>\n<table><tr><td>Name:</td><td>anonymous</td></tr><tr><td>IsAuthenticated?:</td><td>true</td></tr></table>")))
	}
	session, ok := s.env.Sessions.Get(v.Cookie(s.cookie), v.Now, idle)
	if !ok || session.User == "" {
		return s.forbidden(v)
	}
	return s.inside(v, session)
}

// headers are those of every page of Jenkins itself.
func (s *server) headers(r *app.Reply) *app.Reply {
	if r.Type == "text/html" {
		r.Type = "text/html;charset=utf-8"
	}
	return r.With("X-Content-Type-Options", "nosniff").With("Expires", "Thu, 01 Jan 1970 00:00:00 GMT").With("Cache-Control", "no-cache,no-store,must-revalidate").
		With("X-Hudson-Theme", "default").With("Referrer-Policy", "same-origin").With("Cross-Origin-Opener-Policy", "same-origin").
		With("X-Hudson", "1.395").With("X-Jenkins", version).With("X-Jenkins-Session", s.session)
}

// forbidden sends everybody to the login, by a page: Jenkins answers 403.
func (s *server) forbidden(v *app.Visit) *app.Reply {
	from := v.Path
	if v.Query != "" {
		from += "?" + v.Query
	}
	to := "/login?from=" + url.QueryEscape(from)
	shown := html.EscapeString(to)
	r := app.HTML(403, "<html><head><meta http-equiv='refresh' content='1;url="+shown+"'/><script id='redirect' data-redirect-url='"+shown+"' src='/static/"+s.session+"/scripts/redirect.js'></script></head><body style='background-color:white; color:white;'>\n\n\nAuthentication required\n<!--\n-->\n\n</body></html>")
	r.Type = "text/html;charset=utf-8"
	return r.With("X-Content-Type-Options", "nosniff").With("Expires", "Thu, 01 Jan 1970 00:00:00 GMT").With("Cache-Control", "no-cache,no-store,must-revalidate").
		With("X-Hudson", "1.395").With("X-Jenkins", version).With("X-Jenkins-Session", s.session).SetCookie(s.cookie, "node0"+app.Letters(25, "0123456789abcdefghijklmnopqrstuvwxyz")+".node0", "Path=/; HttpOnly")
}

func (s *server) login(v *app.Visit, failed bool) *app.Reply {
	message, status := "", 200
	if failed {
		message, status = "<div class=\"app-sign-in-register__error\">Invalid username or password</div>\n", 401
	}
	r := app.HTML(status, page("Sign in [Jenkins]", "<h1>Sign in to Jenkins</h1>\n"+message+"<form method=\"post\" name=\"login\" action=\"j_spring_security_check\">\n<label for=\"j_username\">Username</label><input autocorrect=\"off\" autocomplete=\"off\" name=\"j_username\" id=\"j_username\" autofocus=\"autofocus\" type=\"text\" autocapitalize=\"off\" aria-label=\"Username\">\n<label for=\"j_password\">Password</label><input name=\"j_password\" id=\"j_password\" type=\"password\" aria-label=\"Password\">\n<input name=\"from\" type=\"hidden\" value=\""+html.EscapeString(v.Param("from"))+"\">\n<input type=\"checkbox\" id=\"remember_me\" name=\"remember_me\"><label for=\"remember_me\">Keep me signed in</label>\n<button type=\"submit\" name=\"Submit\" class=\"jenkins-button jenkins-button--primary\">Sign in</button>\n</form>"))
	r = s.headers(r).With("X-Frame-Options", "sameorigin").With("X-Instance-Identity", s.identity())
	if _, ok := s.env.Sessions.Get(v.Cookie(s.cookie), v.Now, idle); !ok {
		r.SetCookie(s.cookie, "node0"+app.Letters(25, "0123456789abcdefghijklmnopqrstuvwxyz")+".node0", "Path=/; HttpOnly")
	}
	return r
}

// identity looks like the base64 of an RSA public key, as long as one.
func (s *server) identity() string {
	text := "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"
	for i := 0; len(text) < 384; i++ {
		for _, c := range s.env.Derive(fmt.Sprintf("jenkins/identity/%d", i)) {
			text += string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[c&63])
		}
	}
	return text[:384] + "IDAQAB"
}

func (s *server) check(v *app.Visit) *app.Reply {
	f := v.Form()
	user, secret := f.Get("j_username"), f.Get("j_password")
	if v.Method != "POST" {
		return s.headers(app.Redirect("/loginError"))
	}
	in := s.env.Allowed(user, secret)
	v.Attempt("form", user, secret, in)
	if !in {
		return s.plain(app.Redirect("/loginError"))
	}
	session := app.Session{ID: "node0" + app.Letters(25, "0123456789abcdefghijklmnopqrstuvwxyz") + ".node0", User: user, Values: map[string]string{"crumb": app.Token(32)}}
	if err := s.env.Sessions.Put(session, v.Now); err != nil {
		s.env.Log.Warn("session is not kept", "error", err)
	}
	to := f.Get("from")
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
		to = "/"
	}
	return s.plain(app.Redirect(to)).SetCookie(s.cookie, session.ID, "Path=/; HttpOnly")
}

func (s *server) plain(r *app.Reply) *app.Reply {
	return r.With("X-Content-Type-Options", "nosniff").With("Expires", "Thu, 01 Jan 1970 00:00:00 GMT").With("Cache-Control", "no-cache,no-store,must-revalidate")
}

// inside is what a user sees.
func (s *server) inside(v *app.Visit, session app.Session) *app.Reply {
	crumb := session.Values["crumb"]
	body := "<h1>Dashboard [Jenkins]</h1>\n<p>" + html.EscapeString(session.User) + "</p>\n<table><tr><td><a href=\"/job/nightly-build/\">nightly-build</a></td></tr><tr><td><a href=\"/job/deploy-intranet/\">deploy-intranet</a></td></tr></table>\n<p><a href=\"/manage/\">Manage Jenkins</a> <a href=\"/script\">Script Console</a> <a href=\"/logout\">log out</a></p>"
	switch path := strings.TrimSuffix(v.Path, "/"); {
	case path == "" || path == "/manage" || strings.HasPrefix(path, "/job/"):
	case path == "/logout":
		_ = s.env.Sessions.Drop(session.ID) // it ends by itself, later
		return s.plain(app.Redirect("/"))
	case path == "/crumbIssuer/api/json":
		r := app.HTML(200, `{"_class":"hudson.security.csrf.DefaultCrumbIssuer","crumb":"`+crumb+`","crumbRequestField":"Jenkins-Crumb"}`)
		r.Type = "application/json;charset=utf-8"
		return s.headers(r)
	case path == "/script" || path == "/scriptText":
		if script := v.Form().Get("script"); v.Method == "POST" && script != "" {
			v.Note(&event.Command{Line: event.Text(script).Clip(event.MaxText), Mode: "script", Known: true, User: session.User})
			if path == "/scriptText" {
				r := app.HTML(200, "")
				r.Type = "text/plain;charset=utf-8"
				return s.headers(r)
			}
		}
		body = "<h1>Script Console</h1>\n<p>Type in an arbitrary Groovy script and execute it on the server.</p>\n<form action=\"script\" method=\"post\"><textarea name=\"script\"></textarea><input type=\"hidden\" name=\"Jenkins-Crumb\" value=\"" + crumb + "\"><button>Run</button></form>"
		if v.Method == "POST" {
			body += "\n<h2>Result</h2>\n<pre></pre>"
		}
	case len(v.Files()) > 0:
		body = "<h1>Error</h1>\n<p>Hudson plugin must be a .hpi or .jpi file</p>"
	default:
		return s.headers(app.HTML(404, page("Not Found", "<h1>Not Found</h1>")))
	}
	return s.headers(app.HTML(200, page("Dashboard [Jenkins]", body+"\n<footer>Jenkins "+version+"</footer>"))).With("X-Frame-Options", "sameorigin")
}

func page(title, body string) string {
	return "<!DOCTYPE html><html lang=\"en-US\"><head data-rooturl=\"\" data-resurl=\"/static\" data-version=\"" + version + "\"><title>" + title + "</title><meta name=\"ROBOTS\" content=\"NOFOLLOW\"></head><body>\n" + body + "\n</body></html>\n"
}
