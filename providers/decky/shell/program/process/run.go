package process

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// watch runs a command again and again, until it is stopped.
func watch(c *program.Call) int {
	f, args, ok := c.Parse("+bcCd::egn:pqrtvxw", "interval=:n no-title=t differences=::d exec=x errexit=e chgexit=g beep=b color=c precise=p no-wrap=w version=v")
	if !ok {
		return 1
	}
	if f.Has("v") {
		c.Version()
		return 0
	}
	if len(args) == 0 {
		c.Err.Print("\nUsage:\n watch [options] command\n\nFor more details see watch(1).\n")
		return 1
	}
	if term, _ := c.Getenv("TERM"); term == "" && !c.Applet {
		c.Err.Print("Error opening terminal: unknown.\n")
		return 1
	}
	every := 2 * time.Second
	if v, err := strconv.ParseFloat(f.Value["n"], 64); err == nil {
		every = time.Duration(min(max(v, 0.1), 3600) * float64(time.Second))
	}
	for !c.Busy() {
		command := strings.Join(args, " ")
		title := fmt.Sprintf("Every %.1fs: %s", every.Seconds(), command)
		c.Print("\x1b[H\x1b[2J")
		if !f.Has("t") {
			c.Print(fmt.Sprintf("%-40s%s: %s\n\n", title, c.Machine.Host.Hostname, c.Now().UTC().Format("Mon Jan _2 15:04:05 2006")))
		}
		status := c.Script(command, []string{"sh"}, c.Streams)
		if c.Stop != nil || f.Has("e") && status != 0 {
			return status
		}
		if !c.Wait(every) {
			break
		}
	}
	return 0
}

// usleep waits for microseconds.
func usleep(c *program.Call) int {
	if len(c.Args) == 0 {
		return c.Missing()
	}
	n, err := strconv.ParseInt(c.Args[0], 10, 40)
	if err != nil || n < 0 {
		return c.Complain("invalid number '%s'", c.Args[0])
	}
	c.Wait(time.Duration(n) * time.Microsecond)
	return 0
}
