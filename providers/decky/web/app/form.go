package app

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
)

// Limits of a form.
const (
	maxFields = 1000
	maxFiles  = 64
)

// File is one file of a multipart body (RFC 7578).
type File struct {
	Field string // of the form
	Name  string // as the client calls it: hostile text
	Type  string
	Data  []byte
}

// ParseBody reads a body of one of the two types of forms; anything else has no
// fields. What is broken is left out.
func ParseBody(contentType string, body []byte) (url.Values, []File) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind, _, _ = strings.Cut(contentType, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		return urlencoded(string(body)), nil
	case "multipart/form-data":
		return parts(body, parameters["boundary"])
	}
	return url.Values{}, nil
}

func urlencoded(body string) url.Values {
	values := url.Values{}
	n := 0
	for pair := range strings.SplitSeq(body, "&") {
		if n++; n > maxFields {
			break
		}
		key, value, _ := strings.Cut(pair, "=")
		k, err := url.QueryUnescape(key)
		if err != nil || k == "" {
			continue
		}
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
		values.Add(k, value)
	}
	return values
}

func parts(body []byte, boundary string) (url.Values, []File) {
	values := url.Values{}
	var files []File
	if boundary == "" || len(boundary) > 256 {
		return values, nil
	}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for n := 0; n < maxFields; n++ {
		part, err := reader.NextRawPart()
		if err != nil {
			break
		}
		// A torn last part is kept as far as it came.
		data, _ := io.ReadAll(part)
		name := part.FormName()
		if file, is := fileName(part.Header.Get("Content-Disposition")); is && len(files) < maxFiles {
			files = append(files, File{Field: name, Name: file, Type: part.Header.Get("Content-Type"), Data: data})
		} else if !is && name != "" {
			values.Add(name, string(data))
		}
	}
	return values, files
}

// fileName is the name as sent: the library's own strips directories, and they
// are what tells an attack.
func fileName(disposition string) (string, bool) {
	_, parameters, err := mime.ParseMediaType(disposition)
	if err != nil {
		return "", false
	}
	name, ok := parameters["filename"]
	return name, ok
}
