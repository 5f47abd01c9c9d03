// Package all is the table of the applications that fake_app names.
package all

import (
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/app/exchange"
	"github.com/decnet/decnet/providers/decky/web/app/gitlab"
	"github.com/decnet/decnet/providers/decky/web/app/grafana"
	"github.com/decnet/decnet/providers/decky/web/app/jenkins"
	"github.com/decnet/decnet/providers/decky/web/app/nas"
	"github.com/decnet/decnet/providers/decky/web/app/phpmyadmin"
	"github.com/decnet/decnet/providers/decky/web/app/printer"
	"github.com/decnet/decnet/providers/decky/web/app/router"
	"github.com/decnet/decnet/providers/decky/web/app/tomcat"
	"github.com/decnet/decnet/providers/decky/web/app/wordpress"
)

// Apps are the applications by name.
func Apps() map[string]app.Open {
	return map[string]app.Open{
		"exchange-owa": exchange.Open,
		"gitlab":       gitlab.Open,
		"grafana":      grafana.Open,
		"jenkins":      jenkins.Open,
		"nas":          nas.Open,
		"phpmyadmin":   phpmyadmin.Open,
		"printer":      printer.Open,
		"router":       router.Open,
		"tomcat":       tomcat.Open,
		"wordpress":    wordpress.Open,
	}
}
