// Package router is the web interface of a home router: Basic authentication
// before everything (RFC 7617), a status page and a form for the firmware whose
// upload is captured. It is no real product's interface; the pages are of our
// own making.
package router

import (
	"encoding/base64"
	"fmt"
	"html"
	"strings"

	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/web/app"
)

// router is one decky's.
type router struct {
	env    app.Env
	realm  string
	serial string
	models string
}

// Open makes the router of one decky: model and serial number are the host's.
func Open(env app.Env) (app.App, error) {
	p := persona.New(env.Host)
	models := []string{"AC1200", "N300", "AC1750", "AX1800"}
	model := models[p.Number("router/model", 0, int64(len(models)-1))]
	realm := env.Title
	if realm == "" {
		realm = "Wireless Router " + model
	}
	return &router{env: env, realm: realm, models: model, serial: fmt.Sprintf("%013d", p.Number("router/serial", 1e12, 9e12))}, nil
}

// Info implements app.App: such devices run lighttpd.
func (r *router) Info() app.Info { return app.Info{Face: "lighttpd", Server: "lighttpd/1.4.39"} }

// Serve implements app.App.
func (r *router) Serve(v *app.Visit) *app.Reply {
	if !r.admitted(v) {
		return app.HTML(401, page("401 Unauthorized", "<h1>401 Unauthorized</h1>\n<p>Authorization required.</p>")).With("WWW-Authenticate", fmt.Sprintf("Basic realm=%q", r.realm))
	}
	switch {
	case v.Path == "/" || v.Path == "/index.html" || v.Path == "/status.html":
		return app.HTML(200, r.status())
	case v.Path == "/firmware.html" && v.Method == "POST":
		if len(v.Files()) == 0 {
			return app.HTML(200, page("Firmware", "<p>No file was chosen.</p>"))
		}
		return app.HTML(200, page("Firmware", "<p>The image does not belong to this device. Nothing was changed.</p>"))
	case v.Path == "/firmware.html":
		return app.HTML(200, page("Firmware", `<form method="post" enctype="multipart/form-data"><input type="file" name="image"><input type="submit" value="Upgrade"></form>`))
	case v.Path == "/reboot.cgi":
		return app.HTML(200, page("Restart", "<p>The device restarts. This takes about a minute.</p>"))
	}
	return nil
}

// admitted checks the header and puts what it says on record.
func (r *router) admitted(v *app.Visit) bool {
	scheme, rest, _ := strings.Cut(v.Header("Authorization"), " ")
	if !strings.EqualFold(scheme, "basic") {
		return false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil {
		return false
	}
	user, secret, _ := strings.Cut(string(decoded), ":")
	in := r.env.Allowed(user, secret)
	v.Attempt("basic", user, secret, in)
	return in
}

func (r *router) status() string {
	host := r.env.Host
	var b strings.Builder
	b.WriteString("<h1>" + html.EscapeString(r.realm) + "</h1>\n<table>\n")
	for _, row := range [][2]string{
		{"Model", r.models}, {"Serial number", r.serial}, {"Firmware", "1.0.4.84"}, {"LAN address", host.IP}, {"MAC address", strings.ToUpper(host.MAC)}, {"Host name", host.Hostname},
	} {
		fmt.Fprintf(&b, "<tr><td>%s</td><td>%s</td></tr>\n", row[0], html.EscapeString(row[1]))
	}
	b.WriteString("</table>\n<p><a href=\"/firmware.html\">Firmware</a> <a href=\"/reboot.cgi\">Restart</a></p>")
	return page("Status", b.String())
}

func page(title, body string) string {
	return "<!DOCTYPE html>\n<html>\n<head><title>" + title + "</title></head>\n<body>\n" + body + "\n</body>\n</html>\n"
}
