package delivery

import (
	"os"

	"github.com/decnet/decnet/schema/notification"
)

// Caps of a notification that is kept, in bytes.
const (
	maxTitle  = 1 << 10
	maxBody   = 16 << 10
	maxText   = 2 << 10 // of any other text
	maxFields = 64
)

// clip bounds what is kept of a notification: text in it may be an attacker's.
func clip(n notification.Notification) notification.Notification {
	n.Title, n.Body = line(n.Title, maxTitle), lines(n.Body, maxBody)
	for _, text := range []*string{&n.ID, &n.Key, &n.Sync, &n.Address, &n.Repository, &n.Revision, &n.Plan, (*string)(&n.Kind), (*string)(&n.Severity)} {
		*text = line(*text, maxText)
	}
	if len(n.Fields) == 0 {
		n.Fields = nil
		return n
	}
	fields := make(map[string]string, min(len(n.Fields), maxFields))
	for _, name := range sortedKeys(n.Fields) {
		if len(fields) == maxFields {
			break
		}
		fields[line(name, 100)] = line(n.Fields[name], maxText)
	}
	n.Fields = fields
	return n
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}
