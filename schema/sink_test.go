package schema_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

// readSink reads the only sink block of a text.
func readSink(t testing.TB, source string) (schema.Sink, hcl.Diagnostics) {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(source), "sync.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	blocks := file.Body.(*hclsyntax.Body).Blocks
	if len(blocks) != 1 {
		t.Fatalf("%d blocks", len(blocks))
	}
	return schema.ReadSink(blocks[0].AsHCLBlock(), nil, []byte(source))
}

func TestReadSink(t *testing.T) {
	got, diags := readSink(t, `sink "mail" {
  type     = "email"
  host     = "127.0.0.1"
  port     = 2525
  tls      = "none"
  from     = "a@example.com"
  to       = ["b@example.com"]
  severity = "warning"
}`)
	want := schema.Sink{Name: "mail", Type: "email", Host: "127.0.0.1", Port: 2525, TLS: "none", From: "a@example.com", To: []string{"b@example.com"}, Severity: notification.Warning}
	if diff := cmp.Diff(want, got); diff != "" || len(diags) > 0 {
		t.Error(diff, diags)
	}
	for source, want := range map[string]string{
		"sink \"a\" {\n  type = \"webhook\"\n  url = \"https://x.example.com\"\n  body = <<EOT\na\n{{ .Nope }}\nEOT\n}": "sync.hcl:6,1-12: The template of the body is wrong",
		"sink \"a\" {\n  kind = \"webhook\"\n}":                 `sync.hcl:2,3-7: There is no argument "kind" in sink "a"`,
		"sink \"a\" {\n  type = \"webhook\"\n  lifecycle {}\n}": "sync.hcl:3,3-12: There is no block \"lifecycle\"",
		"sink \"a\" {\n  type = var.x\n}":                       "sync.hcl:2,10-13: Variables not allowed",
		"sink \"a\" {\n  type = \"slack\"\n  url_file = [1]\n}": "sync.hcl:3,14-17: url_file must be a text",
		"sink \"a\" {\n  type = \"email\"\n  to = [null]\n}":    "sync.hcl:3,8-14: to holds a null",
		"sink \"a\" {\n  type = \"slack\"\n}":                   "sync.hcl:1,1-9: url_file is missing in sink \"a\"",
		"sink \"a\" {\n}":                                       "type is missing in sink \"a\"",
		"sink {\n type = \"file\"\n}":                           "sink needs a name",
	} {
		_, diags := readSink(t, source)
		if !diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("%q: %v, want %s", source, diags, want)
		}
	}
}

// TestEveryFieldOfASinkIsAnArgument holds the struct to the language.
func TestEveryFieldOfASinkIsAnArgument(t *testing.T) {
	arguments := map[string]bool{"name": true}
	for _, b := range schema.Blocks() {
		if b.Type == "sink" {
			for _, a := range b.Arguments {
				arguments[a.Name] = true
			}
		}
	}
	ty := reflect.TypeFor[schema.Sink]()
	for i := range ty.NumField() {
		name, rest, _ := strings.Cut(ty.Field(i).Tag.Get("json"), ",")
		if !arguments[name] || rest != "omitempty" && name != "name" && name != "type" {
			t.Errorf("%s: argument %v, %q", name, arguments[name], rest)
		}
	}
}

func TestRootedMakesEveryFileAbsolute(t *testing.T) {
	s := schema.Sink{Path: "a", SecretFile: "b", URLFile: "/c", PasswordFile: "../d", TokenFile: "e", CAFile: "f"}
	want := schema.Sink{Path: "/x/a", SecretFile: "/x/b", URLFile: "/c", PasswordFile: "/d", TokenFile: "/x/e", CAFile: "/x/f"}
	if diff := cmp.Diff(want, s.Rooted("/x")); diff != "" {
		t.Error(diff)
	}
}

func TestWants(t *testing.T) {
	s := schema.Sink{Severity: notification.Warning, Events: []string{"sync.*", "drift"}, Addresses: []string{"decky.web", "module.dmz"}}
	for _, c := range []struct {
		n    notification.Notification
		want bool
	}{
		{notification.Notification{Kind: notification.Failed, Severity: notification.Error}, true},
		{notification.Notification{Kind: notification.Failed, Severity: notification.Info}, false},
		{notification.Notification{Kind: notification.Stalled, Severity: notification.Error}, false},
		{notification.Notification{Kind: notification.Drifted, Severity: notification.Warning, Address: "decky.web[3].service.ssh"}, true},
		{notification.Notification{Kind: notification.Drifted, Severity: notification.Warning, Address: "decky.website"}, false},
		{notification.Notification{Kind: notification.Drifted, Severity: notification.Warning, Address: "module.dmz[0].decky.a"}, true},
		{notification.Notification{Kind: notification.Test}, true},
	} {
		if s.Wants(c.n) != c.want {
			t.Errorf("%+v: %v", c.n, !c.want)
		}
	}
	if !(schema.Sink{}).Wants(notification.Notification{Kind: notification.Drifted}) {
		t.Error("a sink without filters wants everything")
	}
}

func TestURLsThatNothingIsSentTo(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://x.example.com/a?b=c": true, "http://127.0.0.1:8080/": true, "http://[::1]/": true, "http://localhost/": true, "http://127.9.9.9/": true,
		"http://x.example.com/": false, "http://localhost.example.com/": false, "ftp://x/": false, "https:///x": false, "https:x": false, "x": false,
		"https://u:p@x.example.com/": false, "https://x.example.com/#f": false, "http://0.0.0.0/": false, "http://127.0.0.1.example.com/": false,
		"http://[::ffff:127.0.0.1]/": true, "file:///etc/passwd": false, "http://10.0.0.1/": false, "http://2130706433/": false,
	} {
		if err := schema.CheckURL(url); (err == nil) != ok || err != nil && strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
