package view

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// Sorted is instances in the order people read addresses.
func Sorted(instances []state.Instance) []state.Instance {
	sorted := slices.Clone(instances)
	slices.SortFunc(sorted, func(a, b state.Instance) int { return addr.Compare(a.Address, b.Address) })
	return sorted
}

// Unquoted is a JSON string as its text.
func Unquoted(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return string(value)
	}
	return s
}

// State writes every instance with its headline.
func State(w io.Writer, s state.Snapshot, style Style) error {
	if s.Lineage == "" {
		_, err := fmt.Fprintln(w, "Nothing has been applied yet.")
		return err
	}
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s, lineage %s, serial %d, runtime %s, %d %s\n\n", style.Bold(s.Name), s.Lineage, s.Serial, s.Runtime, len(s.Instances), plural(len(s.Instances), "instance"))
	for _, i := range Sorted(s.Instances) {
		fmt.Fprintf(b, "%s%s\n", style.Bold(string(i.Address)), tainted(i))
		for _, a := range headline(i.Type, i.Config, style) {
			fmt.Fprintf(b, "    %s = %s\n", a.name, a.value)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func tainted(i state.Instance) string {
	if i.Tainted {
		return " (tainted)"
	}
	return ""
}

// Instance writes all that is known of one instance.
func Instance(w io.Writer, i state.Instance, style Style) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s%s\n  type = %s\n", style.Bold(string(i.Address)), tainted(i), i.Type)
	if i.Runtime != "" {
		fmt.Fprintf(b, "  runtime = %s\n", i.Runtime)
	}
	fmt.Fprintf(b, "  source = %s\n  digest = %s\n  updated = %s\n", i.Source, i.Digest, i.Updated.Format("2006-01-02 15:04:05 MST"))
	for _, section := range []struct {
		name     string
		document json.RawMessage
	}{{"configuration", i.Config}, {"object", i.Object}} {
		fmt.Fprintf(b, "\n  %s\n", style.Bold(section.name))
		for _, a := range providers.Compare(nil, section.document, nil) {
			value := Clean(a.After)
			if style.hides(slugOf(i.Type, i.Config), a.Path) {
				value = hidden
			}
			fmt.Fprintf(b, "    %s = %s\n", a.Path, value)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Status is how one decky is.
type Status struct {
	Address  string   `json:"address"`
	Hostname string   `json:"hostname"`
	IP       string   `json:"ip"`
	MAC      string   `json:"mac"`
	Runtime  string   `json:"runtime"`
	Services []string `json:"services"`
	Health   string   `json:"health"` // "ok", "drifted", "gone", "unknown", "tainted", "quarantined"
	Drift    []string `json:"drift,omitempty"`
}

// Statuses folds the drift of services into their deckies.
func Statuses(snapshot state.Snapshot, p *plan.Plan) ([]Status, error) {
	unknown := map[providers.Kind]bool{}
	for _, u := range p.Unavailable {
		for _, k := range u.Kinds {
			unknown[k] = true
		}
	}
	var all []Status
	index := map[string]int{}
	for _, i := range Sorted(snapshot.Instances) {
		if i.Type != providers.TypeDecky {
			continue
		}
		var c schema.Decky
		if err := json.Unmarshal(i.Config, &c); err != nil {
			return nil, fmt.Errorf("read configuration of %s: %w", i.Address, err)
		}
		s := Status{Address: string(i.Address), Hostname: c.Host.Hostname, IP: c.Host.IP, MAC: c.Host.MAC, Runtime: i.Runtime, Services: []string{}, Health: "ok"}
		switch {
		case unknown[providers.Kind{Type: i.Type, Runtime: i.Runtime}]:
			s.Health = "unknown"
		case i.Tainted:
			s.Health = "tainted"
		}
		index[s.Address] = len(all)
		all = append(all, s)
	}
	for _, i := range Sorted(snapshot.Instances) {
		if n, ok := index[deckyOf(string(i.Address))]; ok && i.Type == providers.TypeService {
			_, service, _ := strings.Cut(string(i.Address), ".service.")
			all[n].Services = append(all[n].Services, service)
		}
	}
	for _, q := range p.Quarantined {
		if n, ok := index[string(q.Address)]; ok && !q.Since.IsZero() {
			all[n].Health = "quarantined"
			all[n].Drift = append(all[n].Drift, "quarantined since "+q.Since.UTC().Format(time.RFC3339)+": "+q.Why)
		}
	}
	for _, d := range p.Drift {
		n, ok := index[deckyOf(string(d.Address))]
		if !ok {
			continue
		}
		s := &all[n]
		if s.Health == "ok" {
			s.Health = "drifted"
		}
		if d.Gone {
			if string(d.Address) == s.Address {
				s.Health = "gone"
			}
			s.Drift = append(s.Drift, string(d.Address)+" is gone")
		}
		if d.Surplus {
			s.Drift = append(s.Drift, string(d.Address)+" has one object too many")
		}
		for _, c := range d.Changes {
			s.Drift = append(s.Drift, fmt.Sprintf("%s %s: %s -> %s", d.Address, c.Path, orNone(c.Before), orNone(c.After)))
		}
	}
	return all, nil
}

func deckyOf(address string) string {
	decky, _, _ := strings.Cut(address, ".service.")
	return decky
}

// StatusTable writes a line for every decky, and what drifted.
func StatusTable(w io.Writer, statuses []Status, p *plan.Plan, s Style) error {
	b := &strings.Builder{}
	b.WriteString(NotRefreshed(p, s))
	if len(statuses) == 0 {
		b.WriteString("There are no deckies.\n")
		_, err := io.WriteString(w, b.String())
		return err
	}
	t := tabwriter.NewWriter(b, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ADDRESS\tHOSTNAME\tIP\tMAC\tRUNTIME\tSERVICES\tHEALTH")
	for _, d := range statuses {
		ip, _, _ := strings.Cut(d.IP, "/")
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.Address, d.Hostname, ip, d.MAC, d.Runtime, strings.Join(d.Services, " "), d.Health)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, d := range statuses {
		for _, line := range d.Drift {
			fmt.Fprintf(b, "  %s %s\n", s.Sign("~"), line)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
