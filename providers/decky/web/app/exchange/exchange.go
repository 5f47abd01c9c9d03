// Package exchange is Outlook on the web of an Exchange 2016 behind IIS: the
// redirects to the login, the form, and the addresses that ask for Windows
// authentication, whose answers are captured in the form that hashcat reads.
// Paths, names of fields, cookies and headers are Exchange's (Microsoft's
// documentation, [MS-NLMP] for the authentication); the pages are of our own
// making.
package exchange

import (
	"fmt"
	"html"
	"net/url"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/web/app"
)

const (
	build = "15.1.2507.35"
	idle  = 15 * time.Minute
)

type mail struct {
	env app.Env
	p   *persona.Persona
}

// Open makes the Exchange of one decky.
func Open(env app.Env) (app.App, error) { return &mail{env, persona.New(env.Host)}, nil }

// Info implements app.App.
func (m *mail) Info() app.Info { return app.Info{Face: "iis", Powered: "ASP.NET"} }

// integrated are the virtual directories that ask for Windows authentication.
var integrated = []string{"/autodiscover", "/ews", "/mapi", "/rpc", "/oab", "/powershell", "/microsoft-server-activesync", "/api"}

// Serve implements app.App.
func (m *mail) Serve(v *app.Visit) *app.Reply {
	path := strings.ToLower(v.Path)
	switch {
	case path == "/" || path == "/default.aspx":
		return m.headers(v, m.redirect("https://"+m.host(v)+"/owa/"))
	case path == "/owa" || path == "/ecp":
		r := m.redirect("https://" + m.host(v) + path + "/")
		r.Status = 301
		return m.headers(v, r)
	case path == "/owa/auth/logon.aspx":
		return m.headers(v, m.form(v))
	case path == "/owa/auth.owa":
		return m.headers(v, m.login(v))
	case path == "/owa/logoff.owa" || path == "/owa/auth/logoff.aspx":
		_ = m.env.Sessions.Drop(v.Cookie("cadata")) // it ends by itself, later
		return m.headers(v, m.redirect("/owa/auth/logon.aspx?replaceCurrent=1"))
	case path == "/owa/healthcheck.htm" || path == "/ews/healthcheck.htm" || path == "/ecp/healthcheck.htm":
		r := app.HTML(200, "200 OK<br/>"+m.fqdn())
		return m.headers(v, r)
	case strings.HasPrefix(path, "/owa/") || strings.HasPrefix(path, "/ecp/"):
		if session, ok := m.env.Sessions.Get(v.Cookie("cadata"), v.Now, idle); ok && session.User != "" {
			return m.headers(v, app.HTML(200, frame("Mail - "+html.EscapeString(session.User)+" - Outlook", "<p>Outlook</p>\n<p>Your mailbox appears to be unavailable. Try to access it again in 10 seconds.</p>")))
		}
		to := "https://" + m.host(v) + v.Path
		return m.headers(v, m.redirect("https://"+m.host(v)+"/owa/auth/logon.aspx?url="+url.QueryEscape(to)+"&reason=0"))
	}
	for _, root := range integrated {
		if _, ok := app.Under(path, root); ok {
			return m.headers(v, m.windows(v, path))
		}
	}
	return nil
}

func (m *mail) host(v *app.Visit) string {
	if v.Host == "" {
		return m.env.Host.IP
	}
	return v.Host
}

func (m *mail) fqdn() string {
	name := strings.ToUpper(m.env.Host.Hostname)
	if m.env.Host.Domain != "" {
		name += "." + m.env.Host.Domain
	}
	return name
}

// headers are those of every answer of the front end.
func (m *mail) headers(v *app.Visit, r *app.Reply) *app.Reply {
	if r.Type == "text/html" {
		r.Type = "text/html; charset=utf-8"
	}
	id := app.Token(16)
	r.With("request-id", id[:8]+"-"+id[8:12]+"-"+id[12:16]+"-"+id[16:20]+"-"+id[20:]).With("X-FEServer", strings.ToUpper(m.env.Host.Hostname))
	if strings.HasPrefix(strings.ToLower(v.Path), "/owa/") {
		r.With("X-OWA-Version", build)
	}
	return r
}

func (m *mail) redirect(to string) *app.Reply {
	r := app.Redirect(to)
	r.Body = []byte("<html><head><title>Object moved</title></head><body>\r\n<h2>Object moved to <a href=\"" + html.EscapeString(to) + "\">here</a>.</h2>\r\n</body></html>\r\n")
	return r.With("X-Frame-Options", "SAMEORIGIN")
}

// form is the page of the login; reason 2 is a login that was wrong.
func (m *mail) form(v *app.Visit) *app.Reply {
	to := v.Param("url")
	if to == "" {
		to = "https://" + m.host(v) + "/owa/"
	}
	message := ""
	if v.Param("reason") == "2" {
		message = "<div id=\"signInErrorDiv\" class=\"signInError\" role=\"alert\">The user name or password you entered isn't correct. Try entering it again.</div>\n"
	}
	r := app.HTML(200, frame("Outlook", message+"<form action=\"/owa/auth.owa\" method=\"POST\" name=\"logonForm\" enctype=\"application/x-www-form-urlencoded\" autocomplete=\"off\">\n<input type=\"hidden\" name=\"destination\" value=\""+html.EscapeString(to)+"\">\n<input type=\"hidden\" name=\"flags\" value=\"4\">\n<input type=\"hidden\" name=\"forcedownlevel\" value=\"0\">\n<label for=\"username\">Domain\\user name:</label><input id=\"username\" name=\"username\" class=\"signInInputText\" role=\"textbox\">\n<label for=\"password\">Password:</label><input id=\"password\" name=\"password\" value=\"\" type=\"password\" class=\"signInInputText\">\n<div class=\"signinTxt\">sign in</div>\n<input name=\"isUtf8\" type=\"hidden\" value=\"1\">\n</form>\n<link rel=\"shortcut icon\" href=\"/owa/auth/"+build[:strings.LastIndexByte(build, '.')]+"/themes/resources/favicon.ico\" type=\"image/x-icon\">"))
	return r.With("Cache-Control", "no-cache, no-store").With("Pragma", "no-cache").With("Expires", "-1").With("X-Frame-Options", "SAMEORIGIN")
}

func (m *mail) login(v *app.Visit) *app.Reply {
	f := v.Form()
	user, secret, to := f.Get("username"), f.Get("password"), f.Get("destination")
	if v.Method != "POST" || user == "" {
		return m.redirect("https://" + m.host(v) + "/owa/auth/logon.aspx?url=" + url.QueryEscape(to) + "&reason=0")
	}
	name := user[strings.LastIndexByte(user, '\\')+1:]
	name, _, _ = strings.Cut(name, "@")
	in := m.env.Allowed(user, secret) || m.env.Allowed(name, secret)
	v.Attempt("form", user, secret, in)
	if !in {
		return m.redirect("https://" + m.host(v) + "/owa/auth/logon.aspx?url=" + url.QueryEscape(to) + "&reason=2")
	}
	session := app.Session{ID: app.Letters(88, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"), User: name}
	if err := m.env.Sessions.Put(session, v.Now); err != nil {
		m.env.Log.Warn("session is not kept", "error", err)
	}
	if !strings.HasPrefix(to, "https://"+m.host(v)+"/") {
		to = "https://" + m.host(v) + "/owa/"
	}
	r := m.redirect(to)
	for _, cookie := range [][2]string{{"cadata", session.ID}, {"cadataTTL", app.Letters(24, "abcdefghijklmnopqrstuvwxyz0123456789+/")}, {"cadataKey", app.Letters(344, "abcdefghijklmnopqrstuvwxyz0123456789+/")}, {"cadataIV", app.Letters(344, "abcdefghijklmnopqrstuvwxyz0123456789+/")}, {"cadataSig", app.Letters(344, "abcdefghijklmnopqrstuvwxyz0123456789+/")}} {
		r.SetCookie(cookie[0], cookie[1], "path=/; secure; HttpOnly")
	}
	return r
}

func frame(title, body string) string {
	return "<!DOCTYPE HTML>\r\n<html>\r\n<head>\r\n<meta http-equiv=\"X-UA-Compatible\" content=\"IE=10\" />\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; CHARSET=utf-8\">\r\n<meta name=\"Robots\" content=\"NOINDEX, NOFOLLOW\">\r\n<title>" + title + "</title>\r\n</head>\r\n<body class=\"signInBg\">\r\n" + strings.ReplaceAll(body, "\n", "\r\n") + "\r\n</body>\r\n</html>\r\n"
}

// unauthorized asks for one of the schemes that an address accepts.
func (m *mail) unauthorized(path string) *app.Reply {
	r := &app.Reply{Status: 401}
	if !strings.HasPrefix(path, "/microsoft-server-activesync") {
		r.With("WWW-Authenticate", "Negotiate").With("WWW-Authenticate", "NTLM")
	}
	if strings.HasPrefix(path, "/autodiscover") || strings.HasPrefix(path, "/microsoft") {
		r.With("WWW-Authenticate", fmt.Sprintf("Basic realm=%q", strings.ToLower(m.fqdn())))
	}
	return r
}
