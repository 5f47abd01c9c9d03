package server_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/web/app/all"
	"github.com/decnet/decnet/providers/decky/web/server"
)

// TestTheProgramIsTheOneThatAnswers holds what ps shows to what the Server
// header says, for every application.
func TestTheProgramIsTheOneThatAnswers(t *testing.T) {
	host := servicetest.Host()
	env := decky.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now, Host: host, Name: "http", Derive: persona.Derive(host), Store: servicetest.NewStore(0)}
	alone := map[string]bool{"tomcat": true, "jenkins": true, "printer": true, "grafana": true}
	for name := range all.Apps() {
		h, err := server.New(server.Arguments{FakeApp: name}, env)
		if err != nil {
			t.Fatal(err)
		}
		want := h.Choice.Product
		if alone[name] {
			want = name
		}
		if got := server.Program(server.Arguments{FakeApp: name}, host); got != want {
			t.Errorf("%s is run by %q, want %q", name, got, want)
		}
	}
	for header, want := range map[string]string{"": "nginx", "Apache/2.4.57": "apache", "lighttpd/1.4": "lighttpd", "Microsoft-IIS/10.0": "iis"} {
		if got := server.Program(server.Arguments{ServerHeader: header}, host); got != want {
			t.Errorf("%q is run by %q, want %q", header, got, want)
		}
	}
}
