// Package phpmyadmin is a phpMyAdmin in front of a database: the cookie login
// with its token, the refusal of the database and, behind the login, a list of
// databases and an SQL box whose queries are recorded. Names of fields, cookies
// and headers are those of phpMyAdmin 5.2 (its documentation and a default
// installation); the pages are of our own making.
package phpmyadmin

import (
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/schema/event"
)

const (
	version = "5.2.1"
	idle    = 24 * time.Minute // LoginCookieValidity
)

type admin struct{ env app.Env }

// Open makes the phpMyAdmin of one decky.
func Open(env app.Env) (app.App, error) { return &admin{env}, nil }

// Info implements app.App.
func (a *admin) Info() app.Info { return app.Info{Powered: "PHP/8.2.7"} }

// roots are where it is looked for.
var roots = []string{"/phpmyadmin", "/phpMyAdmin", "/pma", ""}

// Serve implements app.App.
func (a *admin) Serve(v *app.Visit) *app.Reply {
	for _, root := range roots {
		rest, ok := app.Under(v.Path, root)
		if !ok && root != "" {
			continue
		}
		if rest == "" && root != "" {
			r := app.Redirect(root + "/")
			r.Status = 301
			return r
		}
		switch rest {
		case "/", "/index.php":
			return a.index(v, root)
		case "/README", "/ChangeLog", "/doc/html/index.html":
			r := app.HTML(200, "phpMyAdmin - Readme\n===================\n\nVersion "+version+"\n")
			r.Type = "text/plain"
			return r
		}
		return nil
	}
	return nil
}

func (a *admin) index(v *app.Visit, root string) *app.Reply {
	id := v.Cookie("phpMyAdmin")
	session, ok := a.env.Sessions.Get(id, v.Now, idle)
	fresh := !ok
	if fresh {
		session = app.Session{ID: app.Letters(26, "0123456789abcdefghijklmnopqrstuv"), Values: map[string]string{"token": app.Token(16)}}
		a.keep(session, v)
	}
	switch {
	case strings.Contains(v.Query, "route=/logout") || v.Param("old_usr") != "":
		_ = a.env.Sessions.Drop(session.ID) // it ends by itself, later
		return a.headers(v, app.Redirect(root+"/index.php?route=/"))
	case session.User != "":
		return a.headers(v, app.HTML(200, a.inside(v, session)))
	}
	message, status := "", 200
	if f := v.Form(); v.Method == "POST" && f.Has("pma_username") {
		user, secret := f.Get("pma_username"), f.Get("pma_password")
		in := a.env.Allowed(user, secret)
		v.Attempt("form", user, secret, in)
		if in {
			session.User = user
			_ = a.env.Sessions.Drop(session.ID) // it gets another name
			session.ID = app.Letters(26, "0123456789abcdefghijklmnopqrstuv")
			a.keep(session, v)
			return a.cookies(a.headers(v, app.Redirect(root+"/index.php?route=/")), session, v)
		}
		using := "YES"
		if secret == "" {
			using = "NO"
		}
		message = "<div class=\"alert alert-danger\" role=\"alert\">\n<code>mysqli::real_connect(): (HY000/1045): Access denied for user '" + html.EscapeString(user) + "'@'localhost' (using password: " + using + ")</code></div>"
		if user == "" || secret == "" {
			message = "<div class=\"alert alert-danger\" role=\"alert\">Login without a password is forbidden by configuration (see AllowNoPassword)</div>"
		}
	}
	r := a.headers(v, app.HTML(status, a.form(session, root, message)))
	if fresh {
		a.cookies(r, session, v)
	}
	return r
}

func (a *admin) keep(session app.Session, v *app.Visit) {
	if err := a.env.Sessions.Put(session, v.Now); err != nil {
		a.env.Log.Warn("session is not kept", "error", err)
	}
}

func (a *admin) cookies(r *app.Reply, session app.Session, v *app.Visit) *app.Reply {
	attributes := "path=/; HttpOnly; SameSite=Strict"
	if v.Secure {
		attributes = "path=/; secure; HttpOnly; SameSite=Strict"
	}
	expires := v.Now.Add(30*24*time.Hour).UTC().Format("Mon, 02-Jan-2006 15:04:05") + " GMT"
	return r.SetCookie("pma_lang", "en", "expires="+expires+"; Max-Age=2592000; "+attributes).SetCookie("phpMyAdmin", session.ID, attributes)
}

// headers are those of every page.
func (a *admin) headers(v *app.Visit, r *app.Reply) *app.Reply {
	if r.Type == "text/html" {
		r.Type = "text/html; charset=utf-8"
	}
	return r.With("X-ob_mode", "1").With("X-Frame-Options", "DENY").With("Referrer-Policy", "no-referrer").
		With("Content-Security-Policy", "default-src 'self' ;script-src 'self' 'unsafe-inline' 'unsafe-eval' ;style-src 'self' 'unsafe-inline' ;img-src 'self' data:  *.tile.openstreetmap.org;object-src 'none';").
		With("X-XSS-Protection", "1; mode=block").With("X-Content-Type-Options", "nosniff").With("X-Permitted-Cross-Domain-Policies", "none").With("X-Robots-Tag", "noindex, nofollow").
		With("Expires", v.Now.UTC().Format("Mon, 02 Jan 2006 15:04:05")+" GMT").With("Cache-Control", "no-store, no-cache, must-revalidate,  pre-check=0, post-check=0, max-age=0").With("Pragma", "no-cache").
		With("Vary", "Accept-Encoding")
}

func (a *admin) form(session app.Session, root, message string) string {
	return frame("phpMyAdmin", "<div class=\"container\">\n<h1>Welcome to <bdo dir=\"ltr\" lang=\"en\">phpMyAdmin</bdo></h1>\n"+message+
		"<form method=\"post\" id=\"login_form\" action=\""+root+"/index.php?route=/\" name=\"login_form\" class=\"disableAjax hide login js-show\">\n"+
		"<input type=\"hidden\" name=\"set_session\" value=\""+session.ID+"\">\n<label for=\"input_username\">Username:</label> <input type=\"text\" name=\"pma_username\" id=\"input_username\" value=\"\" class=\"form-control\" autocomplete=\"username\" spellcheck=\"false\">\n"+
		"<label for=\"input_password\">Password:</label> <input type=\"password\" name=\"pma_password\" id=\"input_password\" value=\"\" class=\"form-control\" autocomplete=\"current-password\" spellcheck=\"false\">\n"+
		"<input type=\"hidden\" name=\"server\" value=\"1\">\n<input class=\"btn btn-primary\" value=\"Log in\" type=\"submit\" id=\"input_go\">\n<input type=\"hidden\" name=\"lang\" value=\"en\"><input type=\"hidden\" name=\"token\" value=\""+session.Values["token"]+"\">\n</form>\n</div>")
}

func frame(title, body string) string {
	return "<!doctype html>\n<html lang=\"en\" dir=\"ltr\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"robots\" content=\"noindex,nofollow\">\n<link rel=\"icon\" href=\"favicon.ico\" type=\"image/x-icon\">\n<script src=\"js/dist/common.js?v=" + version + "\"></script>\n<title>" + html.EscapeString(title) + "</title>\n</head>\n<body id=\"loginform\">\n" + body + "\n</body>\n</html>\n"
}

// inside is what a user sees: databases, and what an SQL query answers.
func (a *admin) inside(v *app.Visit, session app.Session) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<h1>Server: localhost</h1>\n<p>User: %s@localhost</p>\n<ul>\n", html.EscapeString(session.User))
	for _, name := range []string{"information_schema", "mysql", "performance_schema", "sys", "intranet"} {
		b.WriteString("<li><a href=\"index.php?route=/database/structure&amp;db=" + name + "\">" + name + "</a></li>\n")
	}
	b.WriteString("</ul>\n<form method=\"post\" action=\"index.php?route=/sql\"><textarea name=\"sql_query\" rows=\"6\"></textarea><input type=\"hidden\" name=\"token\" value=\"" + session.Values["token"] + "\"><input type=\"submit\" value=\"Go\"></form>\n")
	if query := v.Form().Get("sql_query"); query != "" {
		v.Note(&event.Command{Line: event.Text(query).Clip(event.MaxText), Mode: "query", Known: true, User: session.User})
		b.WriteString("<div class=\"alert alert-success\" role=\"alert\">MySQL returned an empty result set (i.e. zero rows). (Query took 0.0004 seconds.)</div>\n<pre>" + html.EscapeString(query) + "</pre>\n")
	}
	return frame("localhost | phpMyAdmin "+version, b.String())
}
