package notification_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/schema/notification"
)

// doubling escapes what it escaped.
var doubling = `{{ $x := "\"" }}` + strings.Repeat(`{{ $x = json $x }}`, 200)

func TestTemplatesThatAreRefused(t *testing.T) {
	for text, want := range map[string]struct {
		line  int
		error string
	}{
		"{{ .Title":         {1, "unclosed action"},
		"a\n\n{{ .Titel }}": {3, "can't evaluate field Titel"},
		"a\n{{ if .Title }}\n{{ .Revison }}{{ end }}":                   {3, "can't evaluate field Revison"},
		"{{ nope .Title }}":                                             {1, `function "nope" not defined`},
		"\n{{ range 1000000000 }}{{ end }}":                             {2, "range is not allowed"},
		"{{ if true }}{{ range .Fields }}{{ end }}{{ end }}":            {1, "range is not allowed"},
		`{{ with .Title }}{{ else }}{{ range 9 }}{{ end }}{{ end }}`:    {1, "range is not allowed"},
		`{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}`: {0, "not allowed"},
		`{{ block "a" . }}x{{ end }}`:                                   {0, "not allowed"},
		`{{ template "body" . }}`:                                       {1, "template is not allowed"},
		`{{ printf "%1000000d" 1 }}`:                                    {1, "printf is not allowed"},
		`{{ $x := "1" }}{{ $x = .Time.Format $x }}`:                     {1, "method of a computed value is not allowed"},
		`{{ "1" | .Time.Format }}`:                                      {1, "method of a computed value is not allowed"},
		`{{ (.Time).Format (json .Title) }}`:                            {1, "method of a computed value is not allowed"},
		`{{ if eq (len (js .Title)) 1 }}{{ end }}`:                      {1, "js is not allowed"},
		"\n{{ json (print 1) }}":                                        {2, "print is not allowed"},
		doubling:                                                        {1, "more than"},
		`{"text":"{{ .Title }}"}`:                                       {0, "quotation mark in .Title"},
		`{"text":"{{ .Body }}{{ .Body }}"}`:                             {0, "quotation mark in .Body"},
		`[{{ json .Title }},"for {{ .Key }} at {{ .Address }}"]`:        {0, "quotation mark in .Address"},
		`{{ if eq .Kind "drift" }}{"a":"{{ .Address }}"}{{ end }}`:      {0, "quotation mark in .Address"},
		`{"text":"{{ index .Fields "technique" }}"}`:                    {0, "quotation mark in one of .Fields"},
		strings.Repeat("x", 17<<10):                                     {0, "of 16384 allowed"},
	} {
		start := time.Now()
		_, err := notification.ParseTemplate(text)
		if took := time.Since(start); took > time.Second {
			t.Errorf("%.60q: took %s", text, took)
		}
		var wrong *notification.TemplateError
		if !errors.As(err, &wrong) || wrong.Line != want.line || !strings.Contains(err.Error(), want.error) {
			t.Errorf("%.60q: %v, want line %d: %s", text, err, want.line, want.error)
		}
	}
}

func TestJSONOfHostileTextIsJSON(t *testing.T) {
	for _, fine := range []string{`{"s":"{{ .Sync }} {{ .Revision }}","t":{{ json .Title }}}`, "decnet says {{ .Title }}: {{ .Body }}"} {
		if _, err := notification.ParseTemplate(fine); err != nil {
			t.Errorf("%s: %v", fine, err)
		}
	}
	tmpl, err := notification.ParseTemplate(`{"a":{{ json .Title }},"all":{{ json . }},"f":{{ json .Fields }}}`)
	if err != nil {
		t.Fatal(err)
	}
	n := notification.Notification{Title: "\"}\n\x00\xff\u2028", Time: time.Unix(0, 0)}
	body, err := tmpl.Render(n)
	if err != nil || !json.Valid(body) {
		t.Errorf("%s, %v", body, err)
	}
	n.Title = strings.Repeat("x", 300<<10)
	if _, err := tmpl.Render(n); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a huge title: %v", err)
	}
}

func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{`{{ json .Title }}`, `{{ .Fields.x | printf "%s" }}`, `{{ with $x := .Body }}{{ $x }}{{ end }}`, `{{ slice .Title 0 1 }}`, "{{/* c */}}"} {
		f.Add(seed, "title")
	}
	f.Fuzz(func(t *testing.T, text, title string) {
		tmpl, err := notification.ParseTemplate(text)
		var wrong *notification.TemplateError
		if err != nil {
			if !errors.As(err, &wrong) || wrong.Line < 0 || wrong.Line > strings.Count(text, "\n")+1 {
				t.Errorf("%v", err)
			}
			return
		}
		n := notification.Sample(notification.Test)
		n.Title = title
		if body, err := tmpl.Render(n); err == nil && len(body) > notification.MaxRendered {
			t.Errorf("%d bytes", len(body))
		}
	})
}

func TestSeveritiesRise(t *testing.T) {
	for _, c := range []struct {
		s, least notification.Severity
		want     bool
	}{
		{"info", "", true}, {"info", "info", true}, {"info", "warning", false}, {"error", "warning", true}, {"warning", "error", false},
	} {
		if c.s.AtLeast(c.least) != c.want {
			t.Errorf("%s at least %s: %v", c.s, c.least, !c.want)
		}
	}
}
