package http_test

import (
	"fmt"
	"strings"
)

// probe is what a client sends before it waits.
type probe struct {
	name string
	data string
}

const agentChrome = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36\r\n"

// get is a request for target with further header lines.
func get(target string, lines ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: a.example\r\n" + strings.Join(lines, "\r\n") + strings.Repeat("\r\n", min(len(lines), 1)) + "\r\n"
}

// probes are sent to the real product and to ours. modified is the file's
// Last-Modified and etag its ETag at the server in question.
func probes(modified, etag, file string) []probe {
	var all []probe
	add := func(name, data string) { all = append(all, probe{name, data}) }
	for _, m := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "PROPFIND", "FOO", "get", "G3T", "A_B", "-"} {
		add("method "+m, m+" / HTTP/1.1\r\nHost: a\r\n\r\n")
		add("method "+m+" missing", m+" /missing HTTP/1.1\r\nHost: a\r\n\r\n")
	}
	for _, t := range []string{
		"/", "/" + file, "/" + file + "/", "/" + file + "?a=b", "/?x", "/?", "/#f", "/./", "//", "/a/../", "/a/..", "/..", "/../etc/passwd", "/a/../../b", "/%2e%2e/etc/passwd", "/%2e/",
		"/%00", "/%", "/%4", "/%zz", "/%2f", "/%252e", "/a%20b", "/%3f", "/%23", "/.git/config", "/a\\b", "/..;/", "/cgi-bin/.%2e/%2e%2e/bin/sh", "/" + strings.Repeat("a", 300), "/" + strings.Repeat("a", 2000), "/" + strings.Repeat("a", 8000), "/" + strings.Repeat("a", 8300),
		"http://b.example/", "http://b.example", "http://b.example?x", "http://b.example:80/missing", "http://b_c/", "http://[::1]/", "http://", "ftp://b/", "//b.example/", "*", "a", "/\x01", "/\x7f", "/\xc3\xa9", "/a b", "/ ", "?x",
	} {
		add("target "+clip(t), get(t))
	}
	for _, v := range []string{"HTTP/1.0", "HTTP/1.1", "HTTP/1.2", "HTTP/1.9", "HTTP/1.99", "HTTP/1.999", "HTTP/1.9999", "HTTP/2.0", "HTTP/0.9", "HTTP/11.1", "HTTP/1", "HTTP/", "HTTP", "http/1.1", "HTTP/1.1 ", "HTTP/1.1 x", "HTTP/a.b", "", "FTP/1.0"} {
		add("version "+v, "GET / "+v+"\r\nHost: a\r\n\r\n")
	}
	for _, h := range []string{"Connection: close", "Connection: keep-alive", "Connection: Keep-Alive, foo", "connection: CLOSE"} {
		add("1.1 "+h, get("/", h))
		add("1.0 "+h, "GET / HTTP/1.0\r\n"+h+"\r\n\r\n")
	}
	for _, h := range []string{"", "a b", "a/b", "a:80", "a..b", ".", "[::1]:80", "a\tb", "A", "a:b:c", ":80"} {
		add("host "+h, "GET / HTTP/1.1\r\nHost: "+h+"\r\n\r\n")
	}
	for _, r := range []string{"bytes=0-9", "bytes=5-", "bytes=-5", "bytes=0-9,20-29", "bytes=900-", "bytes=9-5", "bytes=0-0,-1", "bytes=-0", "bytes=-9999", "bytes=0-999999", "bytes=0-600,0-600", "bytes=x", "bytes= 1 - 3 ", "items=0-9", "bytes=", "bytes=1-2,x", "BYTES=1-2", "bytes=99999999999999999999-"} {
		add("range "+r, get("/", "Range: "+r))
	}
	for _, c := range []string{
		"If-Modified-Since: " + modified, "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "If-Modified-Since: rubbish", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT",
		"If-Unmodified-Since: " + modified, "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "If-None-Match: " + etag, "If-None-Match: W/" + etag, "If-None-Match: \"x\", " + etag, "If-None-Match: *", "If-None-Match: \"x\"",
		"If-Match: " + etag, "If-Match: \"x\"", "If-Match: *", "If-Match: W/" + etag,
		"Range: bytes=0-1\r\nIf-Range: " + etag, "Range: bytes=0-1\r\nIf-Range: \"x\"", "Range: bytes=0-1\r\nIf-Range: " + modified, "If-None-Match: " + etag + "\r\nAccept-Encoding: gzip",
	} {
		add("conditional "+c, get("/", c))
	}
	for _, e := range []string{"gzip", "gzip, deflate", "deflate", "br, gzip;q=0.5", "gzip;q=0", "xgzip", "GZIP", "gzip;q=1.0", "gzip;q=0.001", "gzip;q=2", "gzip;x", "*"} {
		add("encoding "+e, get("/", "Accept-Encoding: "+e))
	}
	add("encoding via", get("/", "Accept-Encoding: gzip", "Via: 1.1 p"))
	add("encoding range", get("/", "Accept-Encoding: gzip", "Range: bytes=0-9"))
	add("encoding head", strings.Replace(get("/", "Accept-Encoding: gzip"), "GET", "HEAD", 1))
	add("encoding missing", get("/missing", "Accept-Encoding: gzip"))
	add("encoding missing chrome", get("/missing", "Accept-Encoding: gzip", strings.TrimSpace(agentChrome)))
	for _, a := range []string{"Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 5.1)", "Mozilla/4.0 (compatible; MSIE 6.0; X) Opera 8", "curl/7.88.1", "Gecko/2010 Chrome/1", "Chrome/1", "MSIE "} {
		add("agent "+a, get("/missing", "User-Agent: "+a))
	}
	for _, h := range []string{"X: a\r\nX: b", "Host: b", "Content-Length: 0\r\nContent-Length: 0", "Content-Length: -1", "Content-Length: x", "Content-Length: 99999999999999999999", "Content-Length: +1", "Content-Length:",
		"Transfer-Encoding: gzip", "Transfer-Encoding: chunked\r\nContent-Length: 1", "Bad Name: x", ": x", "X y", "X", " folded", "X: a\x00b", "X_y: z", "X\x80: z", "X: \x80", "Authorization: Basic YTpi", "Authorization: Basic YTpi\r\nAuthorization: x", "Expect: 100-continue", "Upgrade: h2c", "\rX: y", "X: a\r\r"} {
		add("header "+h, get("/", h))
	}
	add("header long", get("/", "X: "+strings.Repeat("a", 7000)))
	add("header too long", get("/", "X: "+strings.Repeat("a", 9000)))
	add("headers many", get("/", strings.TrimSuffix(strings.Repeat("X: "+strings.Repeat("a", 96)+"\r\n", 400), "\r\n")))
	add("headers some", get("/", strings.TrimSuffix(strings.Repeat("X: "+strings.Repeat("a", 96)+"\r\n", 100), "\r\n")))
	for _, b := range []string{"0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n", "zz\r\n", "3\r\nabcd\r\n", "fffffffffffffffff\r\n", "3\nabc\n0\n\n"} {
		add("chunked "+b, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+b)
		add("chunked get "+b, "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+b)
	}
	add("chunked 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	add("post form", "POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 17\r\n\r\nuser=a&password=b")
	add("post expect", "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
	add("get expect body", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
	add("post huge", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n")
	add("post missing", "POST /missing HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
	add("pipelined", strings.Repeat(get("/"), 3)+get("/missing", "Connection: close"))
	add("pipelined post", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"+get("/missing", "Connection: close"))
	add("pipelined after close", get("/", "Connection: close")+get("/"))
	add("1.1 without host", "GET / HTTP/1.1\r\n\r\n")
	add("1.0 without host", "GET / HTTP/1.0\r\n\r\n")
	add("0.9", "GET /\r\n")
	add("0.9 lf", "GET /\n")
	add("0.9 missing", "GET /missing\r\n")
	add("0.9 post", "POST /\r\n")
	add("bare lf", "GET / HTTP/1.1\nHost: a\n\n")
	add("leading breaks", strings.Repeat("\r\n", 5)+get("/"))
	add("spaces", "GET   /   HTTP/1.1   \r\nHost: a\r\n\r\n")
	add("tab", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n")
	add("tls", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+strings.Repeat("\x5a", 64))
	add("ssh", "SSH-2.0-OpenSSH_9.2\r\n")
	add("nul", strings.Repeat("\x00", 32))
	add("rtsp", "OPTIONS rtsp://a/ RTSP/1.0\r\n\r\n")
	add("h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	add("redis", "*1\r\n$4\r\nPING\r\n")
	add("head version", "HEAD / HTTP/9.1\r\n\r\n")
	return all
}

func clip(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("%s... (%d)", s[:20], len(s))
	}
	return s
}
