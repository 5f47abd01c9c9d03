// Package all is the table of the applications that fake_app names.
package all

import (
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/app/router"
)

// Apps are the applications by name.
func Apps() map[string]app.Open {
	return map[string]app.Open{
		"router": router.Open,
	}
}
