package apache

import (
	"html"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/web"
)

// reasons are Apache's words on the status line.
var reasons = map[int]string{
	200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
	301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
	408: "Request Timeout", 409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed", 413: "Request Entity Too Large", 414: "Request-URI Too Long",
	415: "Unsupported Media Type", 416: "Requested Range Not Satisfiable", 417: "Expectation Failed", 418: "I'm A Teapot", 421: "Misdirected Request", 422: "Unprocessable Entity",
	423: "Locked", 424: "Failed Dependency", 426: "Upgrade Required", 428: "Precondition Required", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
	500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
	507: "Insufficient Storage",
}

const (
	doctypeOld = `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">` + "\n"
	doctypeNew = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">` + "\n"
)

func (f *Face) doctype() string {
	if f.version >= html401Since {
		return doctypeNew
	}
	return doctypeOld
}

// page is Apache's page for status; location is where a redirect leads.
func (f *Face) page(x *web.Exchange, status int, location string) []byte {
	line := strconv.Itoa(status) + " " + reasons[status]
	return []byte(f.doctype() + "<html><head>\n<title>" + line + "</title>\n</head><body>\n<h1>" + reasons[status] + "</h1>\n" +
		f.words(x.Request, status, location) + "<hr>\n" + f.signature(x) + "</body></html>\n")
}

// signature is the foot of generated pages.
func (f *Face) signature(x *web.Exchange) string {
	return "<address>" + f.options.Server + " Server at " + html.EscapeString(f.hostname(x)) + " Port " + strconv.Itoa(f.port(x)) + "</address>\n"
}

// hostname is what the server calls itself to this client.
func (f *Face) hostname(x *web.Exchange) string {
	if name, _ := web.HostOnly(x.Request.Host); name != "" {
		name = strings.Trim(name, "[]")
		return strings.TrimSuffix(strings.ToLower(name), ".")
	}
	return f.options.Name
}

func (f *Face) port(x *web.Exchange) int {
	if _, port := web.HostOnly(x.Request.Host); port != "" {
		if n, err := strconv.Atoi(port); err == nil && n > 0 {
			return n
		}
	}
	if x.Local.Port() != 0 {
		return int(x.Local.Port())
	}
	return f.usual(x)
}

func (f *Face) usual(x *web.Exchange) int {
	if x.Secure {
		return 443
	}
	return 80
}

// here is scheme and authority of an absolute redirect.
func (f *Face) here(x *web.Exchange) string {
	scheme := "http://"
	if x.Secure {
		scheme = "https://"
	}
	name := f.hostname(x)
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if port := f.port(x); port != f.usual(x) {
		return scheme + name + ":" + strconv.Itoa(port)
	}
	return scheme + name
}

// words are the paragraphs of a page.
func (f *Face) words(r *web.Request, status int, location string) string {
	method, where := html.EscapeString(r.Method), html.EscapeString(r.Path)
	switch status {
	case 301, 302, 307, 308:
		return `<p>The document has moved <a href="` + html.EscapeString(location) + `">here</a>.</p>` + "\n"
	case 303:
		return `<p>The answer to your request is located <a href="` + html.EscapeString(location) + `">here</a>.</p>` + "\n"
	case 400:
		return "<p>Your browser sent a request that this server could not understand.<br />\n" + notes(r) + "</p>\n"
	case 401:
		return "<p>This server could not verify that you\nare authorized to access the document\nrequested.  Either you supplied the wrong\n" +
			"credentials (e.g., bad password), or your\nbrowser doesn't understand how to supply\nthe credentials required.</p>\n"
	case 403:
		if f.version < plainSince {
			return "<p>You don't have permission to access " + where + "\non this server.</p>\n"
		}
		return "<p>You don't have permission to access this resource.</p>\n"
	case 404:
		if f.version < plainSince {
			return "<p>The requested URL " + where + " was not found on this server.</p>\n"
		}
		return "<p>The requested URL was not found on this server.</p>\n"
	case 405:
		if f.version < plainSince {
			return "<p>The requested method " + method + " is not allowed for the URL " + where + ".</p>\n"
		}
		return "<p>The requested method " + method + " is not allowed for this URL.</p>\n"
	case 408:
		return "<p>Server timeout waiting for the HTTP request from the client.</p>\n"
	case 412:
		return "<p>The precondition on the request for the URL " + where + " evaluated to false.</p>\n"
	case 413:
		return "The requested resource does not allow request data with " + method + " requests, or the amount of data provided in\nthe request exceeds the capacity limit.\n"
	case 414:
		return "<p>The requested URL's length exceeds the capacity\nlimit for this server.<br />\n</p>\n"
	case 416:
		return "<p>None of the range-specifier values in the Range\nrequest-header field overlap the current extent\nof the selected resource.</p>\n"
	case 417:
		return "<p>The expectation given in the Expect request-header\nfield could not be met by this server.\nThe client sent<pre>\n    Expect: " +
			html.EscapeString(r.Field("expect")) + "\n</pre>\n</p><p>Only the 100-continue expectation is supported.</p>\n"
	case 501:
		if f.version < plainSince {
			return "<p>" + method + " to " + where + " not supported.<br />\n</p>\n"
		}
		return "<p>" + method + " not supported for current URL.<br />\n</p>\n"
	case 503:
		return "<p>The server is temporarily unable to service your\nrequest due to maintenance downtime or capacity\nproblems. Please try again later.</p>\n"
	}
	return "<p>The server encountered an internal error or\nmisconfiguration and was unable to complete\nyour request.</p>\n" +
		"<p>Please contact the server administrator at \n webmaster@localhost to inform them of the time this error occurred,\n" +
		" and the actions you performed just before this error.</p>\n<p>More information about this error may be available\nin the server error log.</p>\n"
}

// notes says what was wrong with a head.
func notes(r *web.Request) string {
	switch r.Note {
	case "long":
		return "Size of a request header field exceeds server limit."
	case "many":
		return "The number of request header fields exceeds this server's limit."
	case "plain":
		return "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />\n Instead use the HTTPS scheme to access this URL, please.<br />\n"
	}
	return ""
}
