package nginx

import (
	"strconv"
	"strings"
)

// reason is nginx's words for a status: on its line, as the title of its page
// where that differs, and the line below the heading.
type reason struct{ line, title, detail string }

var reasons = map[int]reason{
	200: {line: "OK"},
	201: {line: "Created"},
	202: {line: "Accepted"},
	204: {line: "No Content"},
	206: {line: "Partial Content"},
	301: {line: "Moved Permanently"},
	302: {line: "Moved Temporarily", title: "Found"},
	303: {line: "See Other"},
	304: {line: "Not Modified"},
	307: {line: "Temporary Redirect"},
	308: {line: "Permanent Redirect"},
	400: {line: "Bad Request"},
	401: {line: "Unauthorized", title: "Authorization Required"},
	402: {line: "Payment Required"},
	403: {line: "Forbidden"},
	404: {line: "Not Found"},
	405: {line: "Not Allowed"},
	406: {line: "Not Acceptable"},
	408: {line: "Request Time-out"},
	409: {line: "Conflict"},
	410: {line: "Gone"},
	411: {line: "Length Required"},
	412: {line: "Precondition Failed"},
	413: {line: "Request Entity Too Large"},
	414: {line: "Request-URI Too Large"},
	415: {line: "Unsupported Media Type"},
	416: {line: "Requested Range Not Satisfiable"},
	421: {line: "Misdirected Request"},
	429: {line: "Too Many Requests"},
	494: {line: "Bad Request", detail: "Request Header Or Cookie Too Large"},
	497: {line: "Bad Request", detail: "The plain HTTP request was sent to HTTPS port"},
	500: {line: "Internal Server Error"},
	501: {line: "Not Implemented"},
	502: {line: "Bad Gateway"},
	503: {line: "Service Temporarily Unavailable"},
	504: {line: "Gateway Time-out"},
	505: {line: "HTTP Version Not Supported"},
	507: {line: "Insufficient Storage"},
}

// nginx's own codes for a header that does not fit and for HTTP on the port of
// TLS; the client sees 400.
const (
	statusHeaderTooLarge = 494
	statusPlainHTTP      = 497
)

func visible(status int) int {
	if status == statusHeaderTooLarge || status == statusPlainHTTP {
		return 400
	}
	return status
}

const padding = "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"

// errorPage is nginx's page for status.
func errorPage(status int, server string, padded bool) []byte {
	words, code := reasons[status], strconv.Itoa(visible(status))
	title, heading, detail := words.line, words.line, ""
	if words.title != "" {
		title, heading = words.title, words.title
	}
	if words.detail != "" {
		title, detail = words.detail, "<center>"+words.detail+"</center>\r\n"
	}
	page := "<html>\r\n<head><title>" + code + " " + title + "</title></head>\r\n<body>\r\n<center><h1>" + code + " " + heading + "</h1></center>\r\n" +
		detail + "<hr><center>" + server + "</center>\r\n</body>\r\n</html>\r\n"
	if padded {
		page += strings.Repeat(padding, 6)
	}
	return []byte(page)
}
