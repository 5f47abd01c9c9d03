package script

import (
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// maxTarget bounds what is taken for an address or a URL, in bytes.
const maxTarget = 1000

// ends are the places where scripts write down whom they connect to.
var ends = []*regexp.Regexp{
	regexp.MustCompile(`connect(?:_ex)?\s*\(\s*\(?\s*["']([^"']+)["']\s*,\s*["']?(\d{1,5})`),
	regexp.MustCompile(`\$\w+\s*=\s*["']([0-9A-Za-z.:-]+)["']\s*;\s*(?:my\s+)?\$\w+\s*=\s*["']?(\d{1,5})`),
	regexp.MustCompile(`PeerAddr\s*(?:=>|,)\s*["']([^"':]+):?(\d{1,5})?["']`),
	regexp.MustCompile(`\w+\s*=\s*["']([0-9A-Za-z.-]+)["']\s*[;\n]\s*\w*[pP](?:ort|ORT)?\w*\s*=\s*["']?(\d{1,5})`),
}

// page is a URL that a script asks for.
var page = regexp.MustCompile(`["']((?:https?|ftp)://[^"'\s]+)["']`)

// target is whom a script wants to reach, "" for nobody.
func target(text string) string {
	if strings.Contains(text, "connect") || strings.Contains(strings.ToLower(text), "socket") {
		for _, e := range ends {
			if m := e.FindStringSubmatch(text); m != nil && len(m[1]) <= maxTarget {
				return strings.TrimSuffix(m[1]+":"+m[2], ":")
			}
		}
	}
	if strings.Contains(text, "url") || strings.Contains(text, "requests") || strings.Contains(text, "LWP") || strings.Contains(text, "HTTP") {
		if m := page.FindStringSubmatch(text); m != nil && len(m[1]) <= maxTarget {
			return m[1]
		}
	}
	return ""
}

// reach puts on record that a host was wanted and takes the time until it
// refused; named tells that its name could not be resolved.
func reach(c *program.Call, to string) (named bool) {
	c.Kernel.Wanted("connect", program.Base(c.Name)+" "+to)
	host := to
	if _, after, ok := strings.Cut(to, "://"); ok {
		host, _, _ = strings.Cut(after, "/")
	}
	if at := strings.LastIndexByte(host, ':'); at > 0 {
		host = host[:at]
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "localhost" {
		c.Resolving()
		return true
	}
	delay := 40 * time.Millisecond
	if host == "localhost" || strings.HasPrefix(host, "127.") {
		delay = time.Millisecond
	}
	c.Wait(delay + time.Duration(c.Machine.Number("net/rtt/"+host, 5, 160))*time.Millisecond)
	return false
}
