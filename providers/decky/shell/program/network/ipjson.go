package network

import "strings"

// jsonLink is a link as ip -j shows it; the order of the fields is iproute2's.
type jsonLink struct {
	Index     int        `json:"ifindex"`
	Name      string     `json:"ifname"`
	Flags     []string   `json:"flags"`
	MTU       int        `json:"mtu"`
	Qdisc     string     `json:"qdisc"`
	State     string     `json:"operstate"`
	Mode      string     `json:"linkmode,omitempty"`
	Group     string     `json:"group"`
	Queue     int        `json:"txqlen"`
	Kind      string     `json:"link_type"`
	Address   string     `json:"address"`
	Broadcast string     `json:"broadcast"`
	Addrs     []jsonAddr `json:"addr_info,omitempty"`
}

type jsonAddr struct {
	Family    string `json:"family"`
	Local     string `json:"local"`
	Bits      int    `json:"prefixlen"`
	Broadcast string `json:"broadcast,omitempty"`
	Scope     string `json:"scope"`
	Label     string `json:"label"`
	Valid     uint32 `json:"valid_life_time"`
	Preferred uint32 `json:"preferred_life_time"`
}

func (l link) json() jsonLink {
	j := jsonLink{Index: l.index, Name: l.name, Flags: strings.Split(l.flags(), ","), MTU: l.mtu, Qdisc: l.qdisc(), State: l.state(), Group: "default", Queue: 1000, Kind: "ether", Address: l.mac, Broadcast: "ff:ff:ff:ff:ff:ff"}
	if l.loop {
		j.Kind, j.Broadcast = "loopback", "00:00:00:00:00:00"
	}
	return j
}

func (p *ipCall) linkJSON(list []link) int {
	var out []jsonLink
	for _, l := range list {
		j := l.json()
		j.Mode = "DEFAULT"
		out = append(out, j)
	}
	return p.put(out)
}

func (p *ipCall) addressJSON(list []link) int {
	var out []jsonLink
	for _, l := range list {
		j := l.json()
		for _, a := range l.addrs {
			if p.six {
				break
			}
			x := jsonAddr{Family: "inet", Local: a.Addr().String(), Bits: a.Bits(), Scope: "global", Label: l.name, Valid: 1<<32 - 1, Preferred: 1<<32 - 1}
			if l.loop {
				x.Scope = "host"
			} else {
				x.Broadcast = broadcast(a).String()
			}
			j.Addrs = append(j.Addrs, x)
		}
		out = append(out, j)
	}
	return p.put(out)
}

type jsonRoute struct {
	To       string   `json:"dst"`
	Via      string   `json:"gateway,omitempty"`
	Dev      string   `json:"dev"`
	Protocol string   `json:"protocol,omitempty"`
	Scope    string   `json:"scope,omitempty"`
	Source   string   `json:"prefsrc,omitempty"`
	Flags    []string `json:"flags"`
}

func (p *ipCall) routeJSON(list []route) int {
	var out []jsonRoute
	for _, r := range list {
		j := jsonRoute{To: r.To, Via: r.Via, Dev: r.Dev, Flags: []string{}}
		words := strings.Fields(r.More)
		for i, w := range words {
			if w == "onlink" {
				j.Flags = append(j.Flags, w)
			}
			if i+1 == len(words) {
				break
			}
			switch w {
			case "proto":
				j.Protocol = words[i+1]
			case "scope":
				j.Scope = words[i+1]
			case "src":
				j.Source = words[i+1]
			}
		}
		out = append(out, j)
	}
	return p.put(out)
}
