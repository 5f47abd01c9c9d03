// Package nas is the web interface of a network storage of the DiskStation kind:
// the desktop's page, the interface at /webapi/ with its numbered refusals, and a
// share to upload to. Paths, names of parameters and the numbers of errors are
// those that the vendor documents for its file interface; the pages are of our
// own making.
package nas

import (
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/web/app"
)

const idle = 15 * time.Minute

type station struct {
	env   app.Env
	name  string
	model string
}

// Open makes the storage of one decky.
func Open(env app.Env) (app.App, error) {
	p := persona.New(env.Host)
	models := []string{"DS218+", "DS920+", "DS1621+", "RS1221+"}
	s := &station{env: env, name: env.Title, model: models[p.Number("nas/model", 0, int64(len(models)-1))]}
	if s.name == "" {
		s.name = env.Host.Hostname
	}
	return s, nil
}

// Info implements app.App.
func (s *station) Info() app.Info { return app.Info{Face: "nginx", Server: "nginx"} }

// Serve implements app.App.
func (s *station) Serve(v *app.Visit) *app.Reply {
	switch {
	case v.Path == "/" || v.Path == "/index.cgi" || v.Path == "/webman/index.cgi":
		r := app.HTML(200, "<!DOCTYPE html>\n<html lang=\"enu\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"application-name\" content=\""+html.EscapeString(s.name)+"\">\n<title>"+html.EscapeString(s.name)+"&nbsp;-&nbsp;Synology&nbsp;"+html.EscapeString(s.model)+"</title>\n<link rel=\"icon\" href=\"webman/resources/images/icon_dsm_32.png\">\n</head>\n<body>\n<div id=\"sds-login\"><form><input type=\"text\" name=\"username\" autocomplete=\"username\"><input type=\"password\" name=\"passwd\" autocomplete=\"current-password\"></form></div>\n</body>\n</html>\n")
		r.Type = "text/html; charset=\"UTF-8\""
		return s.headers(r).With("Cache-control", "no-store").With("P3P", `CP="IDC DSP COR ADM DEVi TAIi PSA PSD IVAi IVDi CONi HIS OUR IND CNT"`)
	case v.Path == "/webapi/query.cgi":
		return s.answer(map[string]any{"data": map[string]any{
			"SYNO.API.Auth":         map[string]any{"path": "entry.cgi", "minVersion": 1, "maxVersion": 7},
			"SYNO.FileStation.Info": map[string]any{"path": "entry.cgi", "minVersion": 1, "maxVersion": 2},
			"SYNO.FileStation.List": map[string]any{"path": "entry.cgi", "minVersion": 1, "maxVersion": 2, "requestFormat": "JSON"},
		}, "success": true})
	case v.Path == "/webapi/auth.cgi" || v.Path == "/webapi/entry.cgi" || strings.HasPrefix(v.Path, "/webapi/entry.cgi/"):
		return s.api(v)
	case v.Path == "/webman/login.cgi":
		return s.login(v)
	case strings.HasPrefix(v.Path, "/webman/"), strings.HasPrefix(v.Path, "/webapi/"):
		return s.refused(102)
	}
	return nil
}

func (s *station) headers(r *app.Reply) *app.Reply {
	return r.With("X-Content-Type-Options", "nosniff").With("X-XSS-Protection", "1; mode=block").With("X-Frame-Options", "SAMEORIGIN").
		With("Content-Security-Policy", "base-uri 'self'; connect-src ws: wss: *; default-src 'self' 'unsafe-eval' data: blob:; frame-ancestors 'self';")
}

// parameter is of the query or of the form.
func parameter(v *app.Visit, name string) string {
	if value := v.Param(name); value != "" {
		return value
	}
	return v.Form().Get(name)
}

func (s *station) api(v *app.Visit) *app.Reply {
	name, method := parameter(v, "api"), parameter(v, "method")
	if name == "SYNO.API.Auth" && method == "login" {
		return s.login(v)
	}
	id := parameter(v, "_sid")
	if id == "" {
		id = v.Cookie("id")
	}
	session, ok := s.env.Sessions.Get(id, v.Now, idle)
	switch {
	case name == "":
		return s.refused(101)
	case method == "logout":
		_ = s.env.Sessions.Drop(id) // it ends by itself, later
		return s.answer(map[string]any{"success": true})
	case !strings.HasPrefix(name, "SYNO."):
		return s.refused(102)
	case !ok || session.User == "":
		return s.refused(119)
	case name == "SYNO.FileStation.Info":
		return s.answer(map[string]any{"data": map[string]any{"hostname": s.env.Host.Hostname, "is_manager": true, "support_sharing": true}, "success": true})
	case name == "SYNO.FileStation.List":
		var shares []map[string]any
		for _, share := range []string{"backup", "homes", "office", "public", "scans"} {
			shares = append(shares, map[string]any{"isdir": true, "name": share, "path": "/" + share})
		}
		return s.answer(map[string]any{"data": map[string]any{"offset": 0, "shares": shares, "total": len(shares)}, "success": true})
	case name == "SYNO.FileStation.Upload" && len(v.Files()) > 0:
		return s.answer(map[string]any{"data": map[string]any{"blSkip": false, "file": v.Files()[0].Name, "pid": 4000 + v.Now.Unix()%20000, "progress": 1}, "success": true})
	}
	return s.refused(103)
}

// login is the same by both of its addresses; 400 is a wrong account or
// password.
func (s *station) login(v *app.Visit) *app.Reply {
	user, secret := parameter(v, "account"), parameter(v, "passwd")
	if user == "" {
		user = parameter(v, "username")
	}
	if user == "" && secret == "" {
		return s.refused(101)
	}
	in := s.env.Allowed(user, secret)
	v.Attempt("form", user, secret, in)
	if !in {
		return s.refused(400)
	}
	session := app.Session{ID: app.Letters(86, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"), User: user}
	if err := s.env.Sessions.Put(session, v.Now); err != nil {
		s.env.Log.Warn("session is not kept", "error", err)
	}
	return s.answer(map[string]any{"data": map[string]any{"did": app.Letters(43, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"), "is_portal_port": false, "sid": session.ID}, "success": true}).
		SetCookie("id", session.ID, fmt.Sprintf("expires=%s GMT; path=/; HttpOnly", v.Now.Add(idle).UTC().Format("Mon, 02-Jan-2006 15:04:05")))
}

func (s *station) refused(code int) *app.Reply {
	return s.answer(map[string]any{"error": map[string]any{"code": code}, "success": false})
}

func (s *station) answer(value any) *app.Reply {
	data, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	r := app.HTML(200, string(data)+"\n")
	r.Type = "application/json; charset=\"UTF-8\""
	return s.headers(r).With("Cache-control", "no-store")
}
