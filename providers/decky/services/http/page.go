package http

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/base64"
	"strconv"
	"strings"
)

//go:embed data/index-1.18.html
var welcome118 string

//go:embed data/index-1.21.2.html
var welcome121 string

//go:embed data/index.gz.b64
var packedIndex string

//go:embed data/404.gz.b64
var packed404 string

//go:embed data/404-padded.gz.b64
var packed404Padded string

// reasons are nginx's words: its status lines and, where they differ, the
// titles of its pages (index 1).
var reasons = map[int][2]string{
	200: {"OK"},
	206: {"Partial Content"},
	304: {"Not Modified"},
	400: {"Bad Request"},
	404: {"Not Found"},
	405: {"Not Allowed"},
	412: {"Precondition Failed"},
	413: {"Request Entity Too Large"},
	414: {"Request-URI Too Large"},
	416: {"Requested Range Not Satisfiable"},
	494: {"Bad Request", "Request Header Or Cookie Too Large"},
	501: {"Not Implemented"},
	505: {"HTTP Version Not Supported"},
}

// statusHeaderTooLarge is nginx's own code for a header that does not fit; the
// client sees 400.
const statusHeaderTooLarge = 494

func visible(status int) int {
	if status == statusHeaderTooLarge {
		return 400
	}
	return status
}

const padding = "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"

// errorPage is nginx's page for status.
func errorPage(status int, server string, padded bool) []byte {
	words, code := reasons[status], strconv.Itoa(visible(status))
	title, detail := words[0], ""
	if words[1] != "" {
		title, detail = words[1], "<center>"+words[1]+"</center>\r\n"
	}
	var b bytes.Buffer
	b.WriteString("<html>\r\n<head><title>" + code + " " + title + "</title></head>\r\n<body>\r\n<center><h1>" + code + " " + words[0] + "</h1></center>\r\n" +
		detail + "<hr><center>" + server + "</center>\r\n</body>\r\n</html>\r\n")
	if padded {
		b.WriteString(strings.Repeat(padding, 6))
	}
	return b.Bytes()
}

// welcome is the page of a fresh installation of that version.
func welcome(server string) string {
	_, version, _ := strings.Cut(server, "nginx/")
	version, _, _ = strings.Cut(version, " ")
	numbers := [3]int{}
	for i, s := range strings.SplitN(version, ".", 3) {
		numbers[i], _ = strconv.Atoi(s)
	}
	if version != "" && (numbers[0] < 1 || numbers[0] == 1 && (numbers[1] < 21 || numbers[1] == 21 && numbers[2] < 2)) {
		return welcome118
	}
	return welcome121
}

// pack is body as nginx's gzip filter sends it. The recorded pages come out
// exact; for others the bytes are valid but those of Go's deflate.
func pack(body []byte) []byte {
	for _, recorded := range []string{packedIndex, packed404, packed404Padded} {
		data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(recorded))
		if err != nil {
			continue
		}
		if r, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
			var plain bytes.Buffer
			if _, err := plain.ReadFrom(r); err == nil && bytes.Equal(plain.Bytes(), body) {
				return data
			}
		}
	}
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	w.OS = 3 // Unix
	if _, err := w.Write(body); err != nil {
		return body
	}
	if err := w.Close(); err != nil {
		return body
	}
	packed := b.Bytes()
	packed[8] = 4 // XFL of zlib's level 1
	return packed
}
