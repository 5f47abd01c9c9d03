package service

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// power ends the machine's run, as far as the session sees: its connection ends
// with it. verb is reboot, poweroff or halt.
func power(c *program.Call, verb string) int {
	if c.Machine.Release.Init != "systemd" || c.Applet {
		if c.User.UID != 0 {
			c.Err.Print(c.Name + ": Operation not permitted\n")
			return 1
		}
		return goDown(c)
	}
	words := map[string]string{"reboot": "reboot", "poweroff": "power off", "halt": "halt", "kexec": "reboot", "soft-reboot": "soft-reboot"}[verb]
	if c.User.UID != 0 {
		m := newManager(c)
		switch {
		case m.polkit() && c.TTY != "":
			action := map[string]string{"reboot": "reboot", "poweroff": "power-off", "halt": "halt"}[verb]
			c.Err.Print("==== AUTHENTICATING FOR org.freedesktop.login1." + action + " ====\nAuthentication is required to " + words + " the system.\nAuthenticating as: " + c.Machine.Persona.Administrator() + "\n")
			c.Prompt("Password: ")
			c.Err.Print("\npolkit-agent-helper-1: pam_authenticate failed: Authentication failure\n==== AUTHENTICATION FAILED ====\n")
			c.Err.Print("Failed to set wall message, ignoring: Access denied\nFailed to " + words + " system via logind: Access denied\nFailed to start " + verb + ".target: Access denied\nSee system logs and 'systemctl status " + verb + ".target' for details.\n")
		default:
			c.Err.Print("Failed to set wall message, ignoring: Interactive authentication required.\nFailed to " + words + " system via logind: Interactive authentication required.\nFailed to start " + verb + ".target: Interactive authentication required.\nSee system logs and 'systemctl status " + verb + ".target' for details.\n")
		}
		return 1
	}
	return goDown(c)
}

// goDown ends the session as a host does that goes down.
func goDown(c *program.Call) int {
	if c.TTY != "" && c.Machine.Release.Init == "systemd" {
		c.Err.Print("\nBroadcast message from root@" + c.Machine.Persona.ShortName() + " on " + strings.TrimPrefix(c.TTY, "/dev/") + " (" + c.Now().In(c.Machine.Zone.Location).Format("Mon 2006-01-02 15:04:05 MST") + "):\n\nThe system will " + map[string]string{"reboot": "reboot", "halt": "halt"}[c.Name] + map[bool]string{true: "", false: "power off"}[c.Name == "reboot" || c.Name == "halt"] + " now!\n\n")
	}
	if !c.Wait(900 * time.Millisecond) {
		return 1
	}
	c.Stop = program.Exit(255)
	return 0
}

// ending is reboot, poweroff and halt as programs.
func ending(c *program.Call) int {
	verb := c.Name
	for _, a := range c.Args {
		switch a {
		case "--help", "-h":
			c.Print(c.Name + " [OPTIONS...]\n\n" + strings.ToUpper(verb[:1]) + verb[1:] + " the system.\n\nOptions:\n     --help      Show this help\n     --halt      Halt the machine\n  -p --poweroff  Switch off the machine\n     --reboot    Reboot the machine\n  -f --force     Force immediate halt/power-off/reboot\n  -w --wtmp-only Don't halt/power-off/reboot, just write wtmp record\n  -d --no-wtmp   Don't write wtmp record\n     --no-wall   Don't send wall message before halt/power-off/reboot\n")
			return 0
		case "--version":
			sayVersion(c)
			return 0
		case "-w", "--wtmp-only":
			return 0
		case "-p", "--poweroff":
			verb = "poweroff"
		case "--reboot":
			verb = "reboot"
		case "--halt":
			verb = "halt"
		default:
			if len(a) > 1 && a[0] == '-' && !slices.Contains([]string{"-f", "--force", "-d", "--no-wtmp", "--no-wall", "-n", "-i", "-q", "-ff", "--no-sync"}, a) {
				c.Err.Print(c.Name + ": invalid option -- '" + strings.TrimLeft(a, "-")[:1] + "'\n")
				return 1
			}
		}
	}
	return power(c, verb)
}

// scheduled is the file that logind keeps a shutdown in.
const scheduled = "/run/systemd/shutdown/scheduled"

// shutdown ends the machine's run now or later.
func shutdown(c *program.Call) int {
	f, rest, ok := c.Parse("hHPrkKctfFnaq", "help=1 halt=H poweroff=P reboot=r no-wall=w show=s")
	if !ok {
		return 1
	}
	verb := "poweroff"
	switch {
	case f.Has("1"):
		c.Print("shutdown [OPTIONS...] [TIME] [WALL...]\n\nShut down the system.\n\nOptions:\n     --help      Show this help\n  -H --halt      Halt the machine\n  -P --poweroff  Power-off the machine\n  -r --reboot    Reboot the machine\n  -h             Equivalent to --poweroff, overridden by --halt\n  -k             Don't halt/power-off/reboot, just send warnings\n     --no-wall   Don't send wall message before halt/power-off/reboot\n  -c             Cancel a pending shutdown\n     --show      Show pending shutdown\n")
		return 0
	case f.Has("r"):
		verb = "reboot"
	case f.Has("H"):
		verb = "halt"
	}
	view := c.Machine.FS.As(0, 0)
	if f.Has("c") {
		if c.User.UID != 0 {
			c.Err.Print("Failed to cancel scheduled shutdown: Interactive authentication required.\n")
			return 1
		}
		if err := view.Remove(scheduled); err != nil {
			return 0 // nothing was scheduled, which nobody is told
		}
		return 0
	}
	at := "+1"
	if len(rest) > 0 {
		at = rest[0]
	}
	var due time.Time
	now := c.Now().In(c.Machine.Zone.Location)
	minutes, err := strconv.Atoi(strings.TrimPrefix(at, "+"))
	hour, minute, clocked := strings.Cut(at, ":")
	h, herr := strconv.Atoi(hour)
	mi, merr := strconv.Atoi(minute)
	switch {
	case at == "now" || err == nil && minutes == 0:
		return power(c, verb)
	case err == nil && minutes > 0:
		due = now.Add(time.Duration(min(minutes, 1<<20)) * time.Minute)
	case clocked && herr == nil && merr == nil && h >= 0 && h < 24 && mi >= 0 && mi < 60:
		if due = time.Date(now.Year(), now.Month(), now.Day(), h, mi, 0, 0, now.Location()); due.Before(now) {
			due = due.AddDate(0, 0, 1)
		}
	default:
		c.Err.Print("Failed to parse time specification: " + at + "\n")
		return 1
	}
	if c.User.UID != 0 {
		c.Err.Print("Failed to set wall message, ignoring: Interactive authentication required.\nFailed to schedule shutdown: Interactive authentication required.\n")
		return 1
	}
	if _, err := view.Stat("/run/systemd/shutdown"); err != nil {
		if err := view.Mkdir("/run/systemd/shutdown", 0o755); err != nil {
			return 1
		}
	}
	if err := view.WriteFile(scheduled, fmt.Appendf(nil, "USEC=%d\nWARN_WALL=1\nMODE=%s\n", due.UnixMicro(), verb), 0o644); err != nil {
		return 1
	}
	word := map[string]string{"poweroff": "Shutdown", "reboot": "Reboot", "halt": "Halt"}[verb]
	c.Err.Print(word + " scheduled for " + due.Format("Mon 2006-01-02 15:04:05 MST") + ", use 'shutdown -c' to cancel.\n")
	return 0
}

// runlevel is the one before and the one of now.
func runlevel(c *program.Call) int {
	if c.Machine.Release.Family == "debian" {
		c.Print("N 5\n")
	} else {
		c.Print("N 3\n")
	}
	return 0
}

// initProgram is init and telinit.
func initProgram(c *program.Call) int {
	var level string
	for _, a := range c.Args {
		switch {
		case a == "--version":
			sayVersion(c)
			return 0
		case a == "--help":
			c.Print(c.Name + " [OPTIONS...] COMMAND\n\nSend control commands to the init daemon.\n\nCommands:\n  0              Power-off the machine\n  6              Reboot the machine\n  2, 3, 4, 5     Start runlevelX.target unit\n  1, s, S        Enter rescue mode\n  q, Q           Reload init daemon configuration\n  u, U           Reexecute init daemon\n")
			return 0
		case !strings.HasPrefix(a, "-"):
			level = a
		}
	}
	switch {
	case level == "":
		if c.Name == "init" {
			c.Err.Print("init: required argument missing.\n")
		} else {
			c.Err.Print("telinit: required argument missing.\n")
		}
		return 1
	case !strings.Contains("0123456sSqQuU", level) || len(level) != 1:
		c.Err.Print("Invalid argument: " + level + "\n")
		return 1
	case level == "0":
		return power(c, "poweroff")
	case level == "6":
		return power(c, "reboot")
	case strings.Contains("qQuU", level):
		return ask(c, "daemon-reload")
	case c.User.UID != 0:
		c.Err.Print("Failed to start runlevel" + level + ".target: Interactive authentication required.\nSee system logs and 'systemctl status runlevel" + level + ".target' for details.\n")
		return 1
	}
	return 0
}
