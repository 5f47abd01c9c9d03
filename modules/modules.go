// Package modules is the built-in catalogue, written in decnet's own language:
// archetypes and distros, and modules that a module block calls as
// decnet/NAME. It holds files and no behaviour; schema reads them as
// it reads a user's.
package modules

import "embed"

// FS holds archetypes/*.hcl, distros/*.hcl and decnet/NAME/*.hcl.
//
//go:embed archetypes/*.hcl distros/*.hcl decnet
var FS embed.FS
