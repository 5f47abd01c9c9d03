// Package app is the contract of a fake web application: what it is told of a
// request, what it answers, and the sessions that its cookies name. It knows no
// bytes on the wire, no product and no application; those stand in app/<name>
// and in the faces. An application opens no file and no connection.
package app

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/schema/event"
)

// App is one application of one decky. Serve is called for every request that
// the web server itself does not refuse, by many goroutines at once. A nil
// Reply is a path that the application does not know: the web server's own
// error page is sent then.
type App interface {
	Info() Info
	Serve(v *Visit) *Reply
}

// Info is what an application demands of the web server before it.
type Info struct {
	// Face is the product that serves it: "nginx", "apache", "lighttpd",
	// "iis"; empty for whatever the decky has.
	Face string
	// Server is the Server header; empty for the product's own.
	Server string
	// Powered is the X-Powered-By header of what the application makes
	// itself, "" for none.
	Powered string
}

// ErrorPages is implemented by an application that has pages of its own for
// what the web server refuses; nil is the server's own page.
type ErrorPages interface {
	Error(v *Visit, status int) *Reply
}

// Env is what an application is opened with, once per decky and service.
type Env struct {
	decky.Env
	// Users are the accounts that the configuration lets in, secret by name;
	// nobody else gets in, and the answer to a login is always the same.
	Users map[string]string
	// Title is the name that the configuration gives the site, or "".
	Title string
	// Sessions are the decky's own.
	Sessions *Sessions
}

// Allowed tells whether the configuration lets this user in.
func (e *Env) Allowed(user, secret string) bool {
	want, ok := e.Users[user]
	return ok && want == secret
}

// Open makes an application for one decky.
type Open func(env Env) (App, error)

// Field is one header.
type Field struct{ Name, Value string }

// Reply is an application's answer. The face adds what the product adds:
// status line, Date, Server, length, Connection.
type Reply struct {
	Status int    // 200 where it is 0
	Type   string // Content-Type; "text/html" where it is empty
	Header []Field
	// Cookies are the values of Set-Cookie headers, in order.
	Cookies []string
	Body    []byte
}

// HTML is a page with status.
func HTML(status int, body string) *Reply {
	return &Reply{Status: status, Type: "text/html", Body: []byte(body)}
}

// Redirect sends the client to location with status 302.
func Redirect(location string) *Reply {
	return &Reply{Status: 302, Type: "text/html", Header: []Field{{"Location", location}}}
}

// With adds a header.
func (r *Reply) With(name, value string) *Reply {
	r.Header = append(r.Header, Field{name, value})
	return r
}

// SetCookie adds a cookie: name, value and its attributes as they stand on the
// wire ("path=/; HttpOnly").
func (r *Reply) SetCookie(name, value, attributes string) *Reply {
	cookie := name + "=" + value
	if attributes != "" {
		cookie += "; " + attributes
	}
	r.Cookies = append(r.Cookies, cookie)
	return r
}

// Visit is one request as an application sees it. It is good for one Serve.
type Visit struct {
	Method, Path, Query, Host string
	Version                   int // 1001 is HTTP/1.1
	Secure                    bool
	Source                    netip.Addr
	Now                       time.Time
	// Fields are the headers by lower-case name.
	Fields map[string]string
	// Body is the whole body up to the limit of the capture.
	Body []byte

	form  url.Values
	files []File
	read  bool
	notes []event.Body
}

// Header is the value of the header of that name, whatever its case.
func (v *Visit) Header(name string) string { return v.Fields[strings.ToLower(name)] }

// Cookie is the value of a cookie that the client sent, "" for none.
func (v *Visit) Cookie(name string) string {
	for pair := range strings.SplitSeq(v.Fields["cookie"], ";") {
		if key, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && key == name {
			return value
		}
	}
	return ""
}

// Param is the first value of a parameter of the query.
func (v *Visit) Param(name string) string {
	values, _ := url.ParseQuery(v.Query) // what does not parse is left out
	return values.Get(name)
}

// Form are the fields of the body: a form in either encoding, at most 1,000 of
// them. It is never nil.
func (v *Visit) Form() url.Values { v.parse(); return v.form }

// Files are the files of a multipart body, at most 64.
func (v *Visit) Files() []File { v.parse(); return v.files }

func (v *Visit) parse() {
	if v.read {
		return
	}
	v.read = true
	v.form, v.files = ParseBody(v.Fields["content-type"], v.Body)
}

// Attempt puts a login on record, before the answer is sent.
func (v *Visit) Attempt(method, user, secret string, success bool) {
	v.notes = append(v.notes, &event.AuthAttempt{
		Method: method, Username: event.Text(user), Secret: event.Text(secret), SecretKind: "plaintext",
		Success: success, Client: event.Text(v.Fields["user-agent"]).Clip(1024),
	})
}

// Note puts anything else on record, before the answer is sent.
func (v *Visit) Note(body event.Body) { v.notes = append(v.notes, body) }

// Notes is what the application put on record.
func (v *Visit) Notes() []event.Body { return v.notes }
