package fake

import (
	"encoding/json"
	"slices"

	"github.com/decnet/decnet/providers"
)

// put and take keep the index; they are called with the lock held.
func (w *World) put(o *Object) {
	w.take(o)
	w.objects[o.ID] = o
	w.keys[o.ID] = keysOf(o)
	for _, k := range w.keys[o.ID] {
		w.index[k] = append(w.index[k], o)
	}
}

func (w *World) take(o *Object) {
	for _, k := range w.keys[o.ID] {
		w.index[k] = slices.DeleteFunc(w.index[k], func(x *Object) bool { return x.ID == o.ID })
		if len(w.index[k]) == 0 {
			delete(w.index, k)
		}
	}
	delete(w.keys, o.ID)
	delete(w.objects, o.ID)
}

// keysOf is all that the physics find an object by.
func keysOf(o *Object) []string {
	var named struct {
		Name string `json:"name"`
	}
	keys := []string{ownerKey(o.Kind, o.Owner)}
	if json.Unmarshal(o.Config, &named) == nil {
		keys = append(keys, nameKey(o.Kind, named.Name))
	}
	if ip := ipOf(o); ip != "" {
		keys = append(keys, ipKey(ip))
	}
	if o.Parent != "" {
		keys = append(keys, childKey(o.Parent))
	}
	return keys
}

func ownerKey(kind providers.Kind, owner providers.Owner) string {
	return "owner " + kind.String() + " " + owner.Lineage + " " + owner.Address
}

func nameKey(kind providers.Kind, name string) string { return "name " + kind.String() + " " + name }

func ipKey(ip string) string { return "ip " + ip }

func childKey(parent string) string { return "in " + parent }

// ipOf is the IP that a decky occupies, with its network.
func ipOf(o *Object) string {
	var live struct {
		Network struct {
			Parent string `json:"parent"`
			Subnet string `json:"subnet"`
		} `json:"network"`
		Host struct {
			IP string `json:"ip"`
		} `json:"host"`
	}
	if o.Kind.Type != providers.TypeDecky || json.Unmarshal(o.Live, &live) != nil || live.Host.IP == "" {
		return ""
	}
	return live.Network.Parent + " " + live.Network.Subnet + " " + live.Host.IP
}
