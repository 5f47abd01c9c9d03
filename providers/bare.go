package providers

import "github.com/decnet/decnet/schema"

// Bare is what of a decky's configuration its base bears: neither what belongs
// to its network as a whole, nor what it is called in the configuration, nor
// what only its services claim to be. A change of
// the rest leaves the base as it is.
func Bare(c schema.Decky) schema.Decky {
	c.Network.Pool, c.Network.HostIP = "", ""
	c.Archetype, c.Host.Address = "", ""
	c.Host.Distro, c.Host.Title, c.Host.Kernel, c.Host.Build, c.Host.Machine, c.Host.Packages = "", "", "", "", "", nil
	c.Host.Zone, c.Host.Persist = "", ""
	return c
}
