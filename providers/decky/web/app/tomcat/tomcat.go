// Package tomcat is an Apache Tomcat 7 as CentOS 7 ships it: its error pages, the
// manager behind Basic authentication (RFC 7617) and the deployment of web
// archives, which are captured and never unpacked. Headers, cookies and texts are
// Tomcat's (its documentation and a default installation); the pages are of our
// own making.
package tomcat

import (
	"encoding/base64"
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/web/app"
)

const (
	product = "Apache Tomcat/7.0.76"
	idle    = 30 * time.Minute
)

type container struct{ env app.Env }

// Open makes the Tomcat of one decky.
func Open(env app.Env) (app.App, error) { return &container{env}, nil }

// Info implements app.App: the connector is the web server.
func (c *container) Info() app.Info { return app.Info{Server: "Apache-Coyote/1.1"} }

// Serve implements app.App.
func (c *container) Serve(v *app.Visit) *app.Reply {
	switch v.Method {
	case "GET", "HEAD", "POST", "PUT":
	default:
		return c.Error(v, 405)
	}
	for _, application := range []string{"/manager", "/host-manager", "/docs", "/examples"} {
		rest, ok := app.Under(v.Path, application)
		switch {
		case !ok:
			continue
		case rest == "":
			return app.Redirect(application + "/")
		case application == "/manager" || application == "/host-manager":
			return c.manager(v, application, rest)
		case rest == "/":
			return app.HTML(200, page(product, "<h1>"+product+"</h1>"))
		}
	}
	switch v.Path {
	case "/", "/index.jsp":
		r := app.HTML(200, page(product, "<h1>"+product+"</h1>\n<h2>If you're seeing this, you've successfully installed Tomcat. Congratulations!</h2>\n<p><a href=\"/docs/\">Documentation</a> <a href=\"/examples/\">Examples</a> <a href=\"/manager/status\">Server Status</a> <a href=\"/manager/html\">Manager App</a> <a href=\"/host-manager/html\">Host Manager</a></p>"))
		r.Type = "text/html;charset=ISO-8859-1"
		return r
	}
	return c.Error(v, 404)
}

// descriptions are those of the statuses that Tomcat 7 answers with.
var descriptions = map[int][2]string{
	400: {"Bad Request", "The request sent by the client was syntactically incorrect."},
	401: {"Unauthorized", "This request requires HTTP authentication."},
	403: {"Forbidden", "Access to the specified resource has been forbidden."},
	404: {"Not Found", "The requested resource is not available."},
	405: {"Method Not Allowed", "The specified HTTP method is not allowed for the requested resource."},
	500: {"Internal Server Error", "The server encountered an internal error that prevented it from fulfilling this request."},
}

// Error implements app.ErrorPages.
func (c *container) Error(v *app.Visit, status int) *app.Reply {
	text, ok := descriptions[status]
	if !ok {
		return nil
	}
	message := text[0]
	if status == 404 {
		message = html.EscapeString(v.Path)
	}
	r := app.HTML(status, fmt.Sprintf("<html><head><title>%s - Error report</title></head><body><h1>HTTP Status %d - %s</h1><HR size=\"1\" noshade=\"noshade\"><p><b>type</b> Status report</p><p><b>message</b> <u>%s</u></p><p><b>description</b> <u>%s</u></p><HR size=\"1\" noshade=\"noshade\"><h3>%s</h3></body></html>", product, status, message, message, text[1], product))
	r.Type = "text/html;charset=utf-8"
	if status == 405 {
		r.With("Allow", "POST, GET, OPTIONS, HEAD")
	}
	return r.With("Content-Language", "en")
}

// manager is the manager application: Basic authentication, then its pages and
// its text interface.
func (c *container) manager(v *app.Visit, application, rest string) *app.Reply {
	realm := "Tomcat Manager Application"
	if application == "/host-manager" {
		realm = "Tomcat Host Manager Application"
	}
	user, in := c.admitted(v)
	if !in {
		r := app.HTML(401, page("401 Unauthorized", "<h1>401 Unauthorized</h1>\n<p>You are not authorized to view this page. If you have not changed any configuration files, please examine the file <tt>conf/tomcat-users.xml</tt> in your installation. That file must contain the credentials to let you use this webapp.</p>"))
		r.Type = "text/html;charset=ISO-8859-1"
		return private(r).With("WWW-Authenticate", "Basic realm=\""+realm+"\"")
	}
	switch {
	case strings.HasPrefix(rest, "/text/"):
		return c.text(v, rest)
	case rest == "/" || rest == "/html" || rest == "/html/" || rest == "/status":
		return c.list(v, user, application, "OK")
	case rest == "/html/upload":
		message := "FAIL - Deploy Upload Failed, Exception: org.apache.tomcat.util.http.fileupload.FileUploadException: the request was rejected because no multipart boundary was found"
		if files := v.Files(); len(files) > 0 {
			message = "FAIL - War file " + files[0].Name + " could not be deployed: java.util.zip.ZipException: error in opening zip file"
		}
		return c.list(v, user, application, message)
	case strings.HasPrefix(rest, "/html/"):
		return c.list(v, user, application, "OK")
	}
	return c.Error(v, 404)
}

func private(r *app.Reply) *app.Reply {
	return r.With("Cache-Control", "private").With("Expires", "Thu, 01 Jan 1970 00:00:00 UTC")
}

func (c *container) admitted(v *app.Visit) (string, bool) {
	scheme, rest, _ := strings.Cut(v.Header("Authorization"), " ")
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil || !strings.EqualFold(scheme, "basic") {
		return "", false
	}
	user, secret, _ := strings.Cut(string(decoded), ":")
	in := c.env.Allowed(user, secret)
	v.Attempt("basic", user, secret, in)
	return user, in
}

// text is the interface for scripts.
func (c *container) text(v *app.Visit, rest string) *app.Reply {
	answer := "FAIL - Unknown command " + rest[len("/text"):] + "\n"
	switch rest {
	case "/text/list":
		answer = "OK - Listed applications for virtual host localhost\n/:running:0:ROOT\n/manager:running:1:manager\n/host-manager:running:0:host-manager\n/docs:running:0:docs\n/examples:running:0:examples\n"
	case "/text/serverinfo":
		host := c.env.Host
		answer = "OK - Server info\nTomcat Version: " + product + "\nOS Name: Linux\nOS Version: " + host.Kernel + "\nOS Architecture: amd64\nJVM Version: 1.8.0_352-b08\nJVM Vendor: Red Hat, Inc.\n"
	case "/text/deploy":
		answer = "FAIL - Invalid parameters supplied for command [/deploy]\n"
		if path := v.Param("path"); path != "" {
			answer = "FAIL - Failed to deploy application at context path " + path + "\n"
		}
	}
	r := app.HTML(200, answer)
	r.Type = "text/plain;charset=utf-8"
	return private(r)
}

func (c *container) list(v *app.Visit, user, application, message string) *app.Reply {
	id := v.Cookie("JSESSIONID")
	session, ok := c.env.Sessions.Get(id, v.Now, idle)
	if !ok {
		session = app.Session{ID: strings.ToUpper(app.Token(16)), User: user, Values: map[string]string{"nonce": strings.ToUpper(app.Token(16))}}
		if err := c.env.Sessions.Put(session, v.Now); err != nil {
			c.env.Log.Warn("session is not kept", "error", err)
		}
	}
	nonce := "org.apache.catalina.filters.CSRF_NONCE=" + session.Values["nonce"]
	var rows strings.Builder
	for _, a := range [][2]string{{"/", "Welcome to Tomcat"}, {"/docs", "Tomcat Documentation"}, {"/examples", "Servlet and JSP Examples"}, {"/host-manager", "Tomcat Host Manager Application"}, {"/manager", "Tomcat Manager Application"}} {
		fmt.Fprintf(&rows, "<tr><td><a href=\"%s\">%s</a></td><td>%s</td><td>true</td><td><a href=\"%s/html/undeploy?path=%s&amp;%s\">Undeploy</a></td></tr>\n", a[0], a[0], a[1], application, a[0], nonce)
	}
	r := app.HTML(200, page("/manager", "<h1>Tomcat Web Application Manager</h1>\n<p>Message: <pre>"+html.EscapeString(message)+"</pre></p>\n<table>\n"+rows.String()+"</table>\n<form action=\""+application+"/html/upload?"+nonce+"\" method=\"post\" enctype=\"multipart/form-data\"><input type=\"file\" name=\"deployWar\" size=\"40\"><input type=\"submit\" value=\"Deploy\"></form>\n<p>"+product+"</p>"))
	r.Type = "text/html;charset=utf-8"
	if !ok {
		r.SetCookie("JSESSIONID", session.ID, "Path="+application+"/; HttpOnly")
	}
	return private(r)
}

func page(title, body string) string {
	return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>" + title + "</title>\n</head>\n<body>\n" + body + "\n</body>\n</html>\n"
}
