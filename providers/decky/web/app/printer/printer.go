// Package printer is the embedded web server of an office laser printer: status,
// supplies, counters, and settings behind Basic authentication (RFC 7617) with a
// firmware form whose uploads are captured. The pages are of our own making.
package printer

import (
	"encoding/base64"
	"fmt"
	"html"
	"strings"

	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/web/app"
)

type device struct {
	env           app.Env
	model, serial string
	toner, pages  int64
}

// Open makes the printer of one decky: its model, serial number and counters are
// the host's.
func Open(env app.Env) (app.App, error) {
	p := persona.New(env.Host)
	models := []string{"HP LaserJet 400 M401dn", "HP LaserJet P3010 Series", "HP Color LaserJet CP2025dn", "HP LaserJet 600 M602"}
	d := &device{env: env, model: env.Title, toner: p.Number("printer/toner", 4, 96), pages: p.Number("printer/pages", 8_000, 240_000)}
	if d.model == "" {
		d.model = models[p.Number("printer/model", 0, int64(len(models)-1))]
	}
	d.serial = fmt.Sprintf("VNB3%06d", p.Number("printer/serial", 100_000, 999_999))
	return d, nil
}

// Info implements app.App: the engine of such devices.
func (d *device) Info() app.Info { return app.Info{Server: "Virata-EmWeb/R6_2_1"} }

// Serve implements app.App.
func (d *device) Serve(v *app.Visit) *app.Reply {
	switch v.Path {
	case "/", "/index.htm", "/index.html", "/hp/device/this.LCDispatcher", "/info_deviceStatus.html":
		return d.page("Device Status", d.table([][2]string{{"Status", "Ready"}, {"Black Cartridge", fmt.Sprintf("%d%%", d.toner)}, {"Tray 2", "OK"}, {"Pages", fmt.Sprint(d.printed(v))}}))
	case "/info_configuration.html":
		return d.page("Device Information", d.table([][2]string{{"Product Name", d.model}, {"Device Serial Number", d.serial}, {"Host Name", d.env.Host.Hostname}, {"IP Address", d.env.Host.IP}, {"Hardware Address", strings.ToUpper(d.env.Host.MAC)}, {"Firmware Datecode", "20130415"}}))
	case "/info_suppliesStatus.html":
		return d.page("Supplies Status", d.table([][2]string{{"Black Cartridge", fmt.Sprintf("%d%%", d.toner)}, {"Pages remaining", fmt.Sprint(d.toner * 68)}}))
	case "/info_eventLog.html":
		return d.page("Event Log", "<p>There are no events.</p>")
	case "/favicon.ico":
		return nil
	case "/set_config_deviceInfo.html", "/set_config_networkIPv4.html", "/set_config_password.html", "/set_config_firmware.html":
		if !d.admitted(v) {
			r := d.page("401 Unauthorized", "<h1>401 Unauthorized</h1>")
			r.Status = 401
			return r.With("WWW-Authenticate", `Basic realm="`+strings.ReplaceAll(d.model, `"`, "")+`"`)
		}
		body := `<form method="post" enctype="multipart/form-data"><input type="file" name="firmware"><input type="submit" value="Apply"></form>`
		if v.Method == "POST" {
			body = "<p>The changes have been made successfully.</p>"
			if len(v.Files()) > 0 {
				body = "<p>The file is not a firmware image for this device.</p>"
			}
		}
		return d.page("Settings", body)
	}
	return nil
}

// printed grows over the days.
func (d *device) printed(v *app.Visit) int64 {
	p := persona.New(d.env.Host)
	return d.pages + int64(v.Now.Sub(p.Boot(v.Now)).Hours())*p.Number("printer/rate", 1, 9)
}

func (d *device) admitted(v *app.Visit) bool {
	scheme, rest, _ := strings.Cut(v.Header("Authorization"), " ")
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil || !strings.EqualFold(scheme, "basic") {
		return false
	}
	user, secret, _ := strings.Cut(string(decoded), ":")
	in := d.env.Allowed(user, secret)
	v.Attempt("basic", user, secret, in)
	return in
}

func (d *device) table(rows [][2]string) string {
	var b strings.Builder
	b.WriteString("<table class=\"mainContentArea\">\n")
	for _, row := range rows {
		fmt.Fprintf(&b, "<tr><td>%s:</td><td>%s</td></tr>\n", row[0], html.EscapeString(row[1]))
	}
	b.WriteString("</table>")
	return b.String()
}

func (d *device) page(title, body string) *app.Reply {
	r := app.HTML(200, "<html>\n<head>\n<title>"+html.EscapeString(d.model)+"&nbsp;&nbsp;&nbsp;"+html.EscapeString(d.env.Host.IP)+"</title>\n<meta http-equiv=\"content-type\" content=\"text/html; charset=utf-8\">\n</head>\n<body>\n<h1>"+html.EscapeString(d.model)+"</h1>\n<h2>"+title+"</h2>\n<p><a href=\"/info_deviceStatus.html\">Status</a> <a href=\"/info_configuration.html\">Information</a> <a href=\"/info_suppliesStatus.html\">Supplies</a> <a href=\"/set_config_deviceInfo.html\">Settings</a></p>\n"+body+"\n</body>\n</html>\n")
	r.Type = "text/html; charset=UTF-8"
	return r.With("Cache-Control", "no-cache").With("Pragma", "no-cache")
}
