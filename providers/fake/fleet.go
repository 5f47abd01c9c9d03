package fake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// Fleet describes a configuration for tests: one network, deckies in it with
// one service for each slug, and one rule.
type Fleet struct {
	Name     string // of the configuration; "fleet" by default
	Runtime  string // native by default
	Deckies  int
	Services []string
	Subnet   string // "10.66" by default: the first two bytes
	// Edit may change each configuration before it is sealed.
	Network func(*schema.Network)
	Decky   func(index int, d *schema.Decky)
	Service func(index int, s *schema.Service)
}

// Desired is the fleet as the schema would resolve it.
func (f Fleet) Desired() *schema.Desired {
	if f.Name == "" {
		f.Name = "fleet"
	}
	if f.Runtime == "" {
		f.Runtime = providers.RuntimeNative
	}
	if f.Subnet == "" {
		f.Subnet = "10.66"
	}
	network := schema.Network{
		Name: f.Name + "-lan", Driver: "macvlan", Parent: "eth0", Subnet: f.Subnet + ".0.0/16", Gateway: f.Subnet + ".0.1",
		Pool: fmt.Sprintf("%s.1.0-%s.255.254", f.Subnet, f.Subnet),
	}
	if f.Network != nil {
		f.Network(&network)
	}
	desired := &schema.Desired{Name: f.Name, Seed: "seed", Outputs: []schema.Output{{Name: "deckies", Value: json.RawMessage(fmt.Sprint(f.Deckies))}}}
	add := func(address addr.Address, typ, runtime string, config any, parents ...addr.Address) {
		data, err := json.Marshal(config)
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(data)
		desired.Instances = append(desired.Instances, schema.Instance{
			Address: address, Type: typ, Runtime: runtime, Config: data, Digest: hex.EncodeToString(sum[:]), Parents: parents, Source: "main.hcl:1,1-10",
		})
	}
	add("network.lan", providers.TypeNetwork, f.Runtime, network)
	for i := range f.Deckies {
		address := addr.Address(fmt.Sprintf("decky.web[%d]", i))
		host := schema.Host{
			Address: string(address), Hostname: fmt.Sprintf("web-%d", i), IP: fmt.Sprintf("%s.%d.%d", f.Subnet, 1+i/250, 1+i%250),
			MAC: fmt.Sprintf("02:00:00:00:%02x:%02x", i/256, i%256), OS: "linux", Distro: "debian", Kernel: "6.1.0",
		}
		decky := schema.Decky{Name: fmt.Sprintf("%s-web-%d", f.Name, i), Network: network, Host: host, Personality: "linux"}
		if f.Decky != nil {
			f.Decky(i, &decky)
		}
		add(address, providers.TypeDecky, f.Runtime, decky, "network.lan")
		for _, slug := range f.Services {
			service := schema.Service{Name: slug, Slug: slug, Decky: decky.Name, Ports: []schema.Port{{Number: 22, Transport: "tcp"}}, Host: decky.Host}
			if f.Service != nil {
				f.Service(i, &service)
			}
			add(address+addr.Address(".service."+slug), providers.TypeService, f.Runtime, service, address)
		}
	}
	add("rule.spray", providers.TypeRule, "", schema.Rule{Name: "spray", Technique: "T1110.003", When: "true", Threshold: 1})
	return desired
}
