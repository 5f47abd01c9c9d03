package face_test

import (
	"testing"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/web/face"
	"github.com/decnet/decnet/providers/decky/web/site"
)

func TestChoiceOfAProduct(t *testing.T) {
	debian := decky.Host{OS: "linux", Distro: "debian", Packages: map[string]string{"nginx": "1.22.1"}}
	rocky := decky.Host{OS: "linux", Distro: "rocky9", Packages: map[string]string{"httpd": "2.4.62"}}
	windows := decky.Host{OS: "windows"}
	for name, c := range map[string]struct {
		host           decky.Host
		header, wanted string
		want           face.Choice
	}{
		"the host's":                  {debian, "", "", face.Choice{Product: site.Nginx, Server: "nginx/1.22.1"}},
		"what the configuration says": {debian, "apache/2.2.3 (CentOS)", "", face.Choice{Product: site.Apache, Server: "apache/2.2.3 (CentOS)"}},
		"a name of its own":           {debian, "Jetty(10.0.18)", "", face.Choice{Product: site.Nginx, Server: "Jetty(10.0.18)"}},
		"what an application wants":   {debian, "", "lighttpd", face.Choice{Product: site.Lighttpd, Server: "lighttpd/1.4.69"}},
		"an application and a name":   {debian, "KeyHelp", "apache", face.Choice{Product: site.Apache, Server: "KeyHelp"}},
		"red hat's":                   {rocky, "", "", face.Choice{Product: site.Apache, Server: "Apache/2.4.62 (Rocky Linux)"}},
		"windows":                     {windows, "", "", face.Choice{Product: site.IIS, Server: "Microsoft-IIS/10.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := face.Choose(c.host, c.header, c.wanted)
			if got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			if _, err := face.New(face.Options{Choice: got, Host: c.host, Site: site.New()}); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := face.New(face.Options{Choice: face.Choice{Product: "thttpd"}}); err == nil {
		t.Error("a product that is none has a face")
	}
}
