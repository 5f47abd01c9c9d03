package machine

import (
	"fmt"
	"time"
)

// UpText is a duration such as "12 days,  3:04" as uptime and w have it.
func UpText(d time.Duration) string {
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	text := ""
	if days == 1 {
		text = "1 day, "
	} else if days > 1 {
		text = fmt.Sprintf("%d days, ", days)
	}
	if hours > 0 {
		return text + fmt.Sprintf("%2d:%02d", hours, minutes)
	}
	return text + fmt.Sprintf("%d min", minutes)
}

func (m *Machine) UptimeLine() string {
	users := len(m.Logins())
	plural := "s"
	four := m.Release.Slug == "debian" || m.Release.Slug == "kali" || m.Release.Slug == "arch" || m.Release.Slug == "fedora"
	if users == 1 || users == 0 && four { // procps 4 has no plural of none
		plural = ""
	}
	l := m.Load()
	return fmt.Sprintf(" %s up %s, %2d user%s,  load average: %.2f, %.2f, %.2f\n", m.Now().In(m.Zone.Location).Format("15:04:05"), UpText(m.Uptime()), users, plural, l[0], l[1], l[2])
}
