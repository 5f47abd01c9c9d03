package clock

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// hwclock reads the hardware clock, which only root may.
func hwclock(c *program.Call) int {
	f, _, ok := c.Parse("rswvuVhlat", "show=r hctosys=s systohc=w set=S adjust=a get=g param-get=:p verbose=v utc=u localtime=l version=V help=h date=:d test=t systz=z predict=P noadjfile=n rtc=:f")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("h"):
		c.Print("\nUsage:\n hwclock [function] [option...]\n\nTime clocks utility.\n\nFunctions:\n -r, --show           display the RTC time\n -s, --hctosys        set the system time from the RTC\n -w, --systohc        set the RTC from the system time\n\nFor more details see hwclock(8).\n")
		return 0
	case c.User.UID != 0:
		c.Err.Print("hwclock: Cannot access the Hardware Clock via any known method.\nhwclock: Use the --verbose option to see the details of our search for an access method.\n")
		return 1
	case f.Has("w"), f.Has("s"), f.Has("a"), f.Has("S"):
		c.Wait(time.Second - time.Duration(c.Now().Nanosecond()))
		return 0
	}
	c.Print(c.Now().In(c.Zone()).Format("2006-01-02 15:04:05.000000-07:00") + "\n")
	return 0
}

// calendar is cal, and ncal where it is called so.
func calendar(c *program.Call) int {
	f, rest, ok := c.Parse("hjyMSbnN13A:B:d:m:", "")
	if !ok {
		return 1
	}
	now := c.Now().In(c.Zone())
	month, year := int(now.Month()), now.Year()
	whole := f.Has("y")
	number := func(text string, low, high int, what string) (int, bool) {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			c.Err.Print(fmt.Sprintf("%s: %s `%s' not in range %d..%d\n", c.Name, what, text, low, high))
			return 0, false
		}
		return n, true
	}
	switch {
	case len(rest) > 2:
		c.Err.Print("Usage: cal [general options] [-jy] [[month] year]\n       cal [general options] [-j] [-m month] [year]\n       ncal -C [general options] [-jy] [[month] year]\n       ncal [general options] [-bhJjpwySM] [-H yyyy-mm-dd] [-s country_code] [[month] year]\nGeneral options: [-31] [-A months] [-B months] [-d yyyy-mm]\n")
		return 64
	case len(rest) == 2:
		if month, ok = number(rest[0], 1, 12, "month"); !ok {
			return 64
		}
		if year, ok = number(rest[1], 1, 9999, "year"); !ok {
			return 64
		}
	case len(rest) == 1:
		if year, ok = number(rest[0], 1, 9999, "year"); !ok {
			return 64
		}
		whole = true
	}
	if !whole {
		for _, line := range monthOf(year, time.Month(month), true) {
			c.Print(line + "\n")
		}
		return 0
	}
	c.Printf("%32s%d\n", "", year)
	for first := 1; first <= 12; first += 3 {
		var columns [3][]string
		for i := range columns {
			columns[i] = monthOf(year, time.Month(first+i), false)
		}
		for row := range columns[0] {
			c.Print(columns[0][row] + "  " + columns[1][row] + "  " + columns[2][row] + "\n")
		}
	}
	return 0
}

// monthOf are the lines of a month, each of 22 places.
func monthOf(year int, month time.Month, named bool) []string {
	title := month.String()
	if named {
		title += " " + strconv.Itoa(year)
	}
	left := (20 - len(title)) / 2
	out := []string{fmt.Sprintf("%-22s", strings.Repeat(" ", left)+title), "Su Mo Tu We Th Fr Sa  "}
	day := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	row := strings.Repeat("   ", int(day.Weekday()))
	for ; day.Month() == month; day = day.AddDate(0, 0, 1) {
		row += fmt.Sprintf("%2d ", day.Day())
		if day.Weekday() == time.Saturday {
			out = append(out, fmt.Sprintf("%-22s", row))
			row = ""
		}
	}
	if row != "" {
		out = append(out, fmt.Sprintf("%-22s", row))
	}
	for len(out) < 8 {
		out = append(out, strings.Repeat(" ", 22))
	}
	return out
}

// ntpdate asks a server for the time, and gets no answer.
func ntpdate(c *program.Call) int {
	var servers []string
	for _, a := range c.Args {
		if !strings.HasPrefix(a, "-") {
			servers = append(servers, a)
		}
	}
	at := c.Now().In(c.Zone()).Format("_2 Jan 15:04:05")
	if len(servers) == 0 {
		c.Err.Print(fmt.Sprintf("%s ntpdate[%d]: no servers can be used, exiting\n", at, c.Machine.NextPID()))
		return 1
	}
	for _, s := range servers {
		c.Kernel.Wanted("connect", "ntpdate "+s)
	}
	if !c.Wait(6 * time.Second) {
		return 1
	}
	c.Err.Print(fmt.Sprintf("%s ntpdate[%d]: no server suitable for synchronization found\n", c.Now().In(c.Zone()).Format("_2 Jan 15:04:05"), c.Machine.NextPID()))
	return 1
}

// chronyc asks the host's own chronyd.
func chronyc(c *program.Call) int {
	verb := ""
	for _, a := range c.Args {
		if !strings.HasPrefix(a, "-") && verb == "" {
			verb = a
		}
	}
	m := c.Machine
	offset := float64(m.Number("chrony/offset", 1, 900)) / 1e6
	switch verb {
	case "tracking":
		c.Printf("Reference ID    : %08X (%s)\nStratum         : 3\nRef time (UTC)  : %s\nSystem time     : %.9f seconds fast of NTP time\nLast offset     : +%.9f seconds\nRMS offset      : %.9f seconds\nFrequency       : %.3f ppm slow\nResidual freq   : +0.001 ppm\nSkew            : 0.032 ppm\nRoot delay      : 0.018%06d seconds\nRoot dispersion : 0.001%06d seconds\nUpdate interval : 1031.2 seconds\nLeap status     : Normal\n",
			m.Number("chrony/id", 1<<28, 1<<32-1), m.Persona.Gateway(), c.Now().Add(-9*time.Minute).UTC().Format("Mon Jan 02 15:04:05 2006"), offset, offset/3, offset*2, float64(m.Number("chrony/ppm", 1000, 30000))/1000, m.Number("chrony/d", 0, 999999), m.Number("chrony/e", 0, 999999))
	case "sources", "sourcestats":
		c.Printf("MS Name/IP address         Stratum Poll Reach LastRx Last sample               \n===============================================================================\n^* %-27s   2  10   377   540   +%dus[ +%dus] +/-   18ms\n", m.Persona.Gateway(), int(offset*1e6), int(offset*9e5))
	case "makestep", "burst", "online", "offline":
		if c.User.UID != 0 {
			c.Print("501 Not authorised\n")
			return 1
		}
		c.Print("200 OK\n")
	case "":
		c.Print("chrony version 4.5\nCopyright (C) 1997-2003, 2007, 2009-2023 Richard P. Curnow and others\nchrony comes with ABSOLUTELY NO WARRANTY.  This is free software, and\nyou are welcome to redistribute it under certain conditions.  See the\nGNU General Public License version 2 for details.\n\n")
	default:
		c.Print("Unrecognized command\n")
		return 1
	}
	return 0
}
