package runtime

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky"
)

// announcement begins the name of the value in which a process tells the others
// of its decky what it serves.
const announcement = "service."

// AnnouncementFile is the file in a decky's shared directory that tells of a
// service: whoever ends the service for good removes it.
func AnnouncementFile(service string) string { return fileName(sharedName, announcement+service) }

// process names this process where the decky has several.
func (h *host) process(service string) string {
	if h.spec.Shared == "" {
		return ""
	}
	return service
}

// announce tells the decky's other processes of a service. A decky that cannot
// be told is served nevertheless.
func (h *host) announce(l decky.Listening) {
	if h.spec.Shared == "" {
		return
	}
	_, err := h.openStore()
	if err == nil {
		var data []byte
		if data, err = json.Marshal(l); err == nil {
			err = h.shared.Of(sharedName).Save(announcement+l.Name, data)
		}
	}
	if err != nil {
		h.runtime.options.Log.Warn("the decky's other services are not told", "decky", h.spec.Host.Address, "service", l.Name, "error", err)
	}
}

// announced is how long what other processes told is not asked for again.
const announced = 2 * time.Second

// listening are the services of the decky as of now, by name: those of this
// process and what others announced.
func (h *host) listening() []decky.Listening {
	all := map[string]decky.Listening{}
	for _, l := range h.others() {
		all[l.Name] = l
	}
	h.runtime.mu.Lock()
	for name, s := range h.services {
		all[name] = s.definition.Listening(s.spec, h.spec.Host)
	}
	h.runtime.mu.Unlock()
	list := make([]decky.Listening, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[name])
	}
	return list
}

// others are the services that were announced, this process's own among them.
func (h *host) others() []decky.Listening {
	if h.spec.Shared == "" {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.runtime.options.Now()
	if h.shared == nil || !h.asked.IsZero() && now.Sub(h.asked).Abs() < announced {
		return h.told
	}
	h.asked, h.told = now, nil
	for _, file := range h.shared.list(fileName(sharedName, announcement)) {
		data, err := h.shared.load(file)
		var l decky.Listening
		if err == nil && json.Unmarshal(data, &l) == nil && strings.HasSuffix(file, l.Name) {
			h.told = append(h.told, l)
		}
	}
	return h.told
}
