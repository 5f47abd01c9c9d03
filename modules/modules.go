// Package modules is the built-in catalogue, written in decnet's own language:
// archetypes and distros. It holds files and no behaviour; schema reads them as
// it reads a user's.
package modules

import "embed"

// FS holds archetypes/*.hcl and distros/*.hcl.
//
//go:embed archetypes/*.hcl distros/*.hcl
var FS embed.FS
