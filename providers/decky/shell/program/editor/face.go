package editor

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// face is how one build of vi looks and speaks. Facts: vim.tiny 9.0 of Debian
// 12 on a terminal, vim's own messages before and after 8.2, busybox' vi.
type face struct {
	busybox bool
	raw     bool   // Vi compatible: an arrow while inserting is ESC and letters
	modern  bool   // vim since 8.2: "12B", "[New]"
	long    bool   // shortmess of Vi: "3 lines, 12 bytes"
	release string // of vim: "9.0"
	patches string
	built   string
	who     string
	tilde   string
	alarm   string
}

// faceOf is the vi of a host.
func faceOf(c *program.Call) face {
	r := c.Machine.Release
	f := face{release: "9.0", patches: "2142", built: "2022 Jun 28, compiled Feb 16 2025 05:23:41", who: "team+vim@tracker.debian.org", modern: true, tilde: "\x1b[94m~\x1b[m", alarm: "\x1b[97m\x1b[41m"}
	switch {
	case r.Family == "alpine" || r.Family != "debian" && r.Family != "rhel" && r.Family != "arch" || c.Applet:
		return face{busybox: true, tilde: "~", alarm: "\x1b[7m"}
	case r.Slug == "debian":
		f.raw, f.long = true, true
	case r.Slug == "ubuntu22":
		f.release, f.patches, f.built, f.raw, f.long = "8.2", "4919", "2019 Dec 12, compiled Dec 05 2024 16:31:17", true, true
	case r.Slug == "ubuntu20":
		f.release, f.patches, f.built, f.raw, f.long, f.modern = "8.1", "2269", "2018 May 18, compiled Dec 05 2024 16:36:49", true, true, false
	case r.Slug == "kali":
		f.release, f.patches, f.built, f.raw, f.long = "9.1", "0861", "2024 Jan 02, compiled Nov 14 2024 05:29:27", true, true
	case r.Slug == "centos7":
		f.release, f.patches, f.built, f.who, f.modern = "7.4", "629", "2013 Aug 10, compiled Dec 15 2020 16:44:08", "<bugzilla@redhat.com>", false
	case r.Family == "rhel":
		f.release, f.patches, f.built, f.who = "8.2", "2637", "2019 Dec 12, compiled Oct 17 2024 00:00:00", "<bugzilla@redhat.com>"
		if r.Slug == "fedora" {
			f.release, f.patches, f.built = "9.1", "393", "2024 Jan 02, compiled May 09 2024 00:00:00"
		}
	}
	return f
}

// enter and leave are what goes around a session.
func (f face) enter(rows int) string {
	if f.busybox {
		return "\x1b[?1049h\x1b[H\x1b[J"
	}
	return fmt.Sprintf("\x1b[?1049h\x1b[22;0;0t\x1b[>4;2m\x1b[?1h\x1b=\x1b[?2004h\x1b[1;%dr\x1b[?12h\x1b[?12l\x1b[22;2t\x1b[22;1t\x1b[27m\x1b[23m\x1b[29m\x1b[m\x1b[H\x1b[2J\x1b[?25l", rows)
}

func (f face) leave(rows int, message string) string {
	if f.busybox {
		return fmt.Sprintf("\x1b[%d;1H\x1b[K\x1b[?1049l", rows)
	}
	end := fmt.Sprintf("\x1b[%d;1H\x1b[K\x1b[%d;1H", rows, rows)
	if message != "" {
		end = "\r\r\n"
	}
	return "\x1b[?2004l\x1b[>4;m\x1b[23;2t\x1b[23;1t" + end + "\x1b[?2004l\x1b[?1l\x1b>\x1b[?1049l\x1b[23;0;0t\x1b[?25h\x1b[>4;m"
}

// amount is "3 lines, 12 bytes" and its short forms.
func (f face) amount(lines, bytes int) string {
	count := func(n int, one string) string {
		if n != 1 {
			one += "s"
		}
		return fmt.Sprintf("%d %s", n, one)
	}
	switch {
	case f.long && f.modern:
		return count(lines, "line") + ", " + count(bytes, "byte")
	case f.long:
		return count(lines, "line") + ", " + count(bytes, "character")
	case f.modern:
		return fmt.Sprintf("%dL, %dB", lines, bytes)
	}
	return fmt.Sprintf("%dL, %dC", lines, bytes)
}

// opened is what is said of a file that was read.
func (f face) opened(b *buffer, bytes int, err error) string {
	if f.busybox || b.name == "" {
		return ""
	}
	lines := len(b.lines)
	if bytes == 0 {
		lines = 0
	}
	name := `"` + b.name + `" `
	switch {
	case errors.Is(err, syscall.EISDIR):
		return name + "is a directory"
	case err != nil:
		return name + "[Permission Denied]"
	case b.fresh && (f.long || !f.modern):
		return name + "[New File]"
	case b.fresh:
		return name + "[New]"
	}
	note := ""
	if b.readonly {
		note = "[readonly] "
		if !f.long {
			note = "[RO] "
		}
	}
	if b.bare {
		note += "[noeol] "
		if f.long {
			note = strings.Replace(note, "[noeol]", "[Incomplete last line]", 1)
		}
	}
	return name + note + f.amount(lines, bytes)
}

// written is what is said of a file that was written.
func (f face) written(name string, fresh bool, lines, bytes int) string {
	if f.busybox {
		return fmt.Sprintf("'%s' %dL, %dC", name, lines, bytes)
	}
	note := ""
	if fresh {
		note = "[New] "
		if f.long || !f.modern {
			note = "[New File] "
		}
		if !f.long {
			note = strings.Replace(note, "[New File]", "[New]", 1)
		}
	}
	return `"` + name + `" ` + note + f.amount(lines, bytes) + " written"
}

// bottom is the last row where there is nothing to tell.
func (f face) bottom(v *vi) string {
	if f.busybox {
		mode := "-"
		if v.insert {
			mode = "I"
		}
		name, note := v.name, ""
		if name == "" {
			name = "No file"
		}
		if v.changed {
			note = " [modified]"
		}
		return fmt.Sprintf("%s %s%s %d/%d %d%%", mode, name, note, v.y+1, len(v.lines), 100*(v.y+1)/len(v.lines))
	}
	if v.insert && !f.raw {
		if v.replace {
			return "\x1b[1m-- REPLACE --\x1b[m"
		}
		return "\x1b[1m-- INSERT --\x1b[m"
	}
	return ""
}

// introduce is the page that an empty vim begins with.
func (f face) introduce(rows []string, cols int) {
	if len(rows) < 20 || cols < 60 {
		return
	}
	page := []string{
		"VIM - Vi IMproved", "", "version " + f.release + "." + f.patches, "by Bram Moolenaar et al.", "Modified by " + f.who, "Vim is open source and freely distributable", "",
		"Sponsor Vim development!", "type  :help sponsor<Enter>    for information ", "",
		"type  :q<Enter>               to exit         ", "type  :help<Enter>  or  <F1>  for on-line help", "type  :help version" + f.release[:1] + "<Enter>   for version info",
	}
	page = append(page[:1], page[2:]...)
	if f.raw {
		page = append(page, "", "Running in Vi compatible mode", "type  :set nocp<Enter>        for Vim defaults", "type  :help cp-default<Enter> for info on this")
	}
	top := (len(rows) - len(page)) / 2
	for i, text := range page {
		if text != "" && top+i > 0 && top+i < len(rows) {
			rows[top+i] = "~" + strings.Repeat(" ", (cols-len(text))/2-1) + text
		}
	}
}

// arguments reads a command line: the file, commands to run at first; done
// tells that all is said.
func (f face) arguments(c *program.Call, view *bool) (name string, commands []string, status int, done bool) {
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		switch {
		case f.busybox && len(a) > 1 && a[0] == '-' && strings.Trim(a[1:], "cRH") != "":
			c.Err.Print("vi: invalid option -- '" + a[1:2] + "'\nUsage: vi [-c CMD] [-R] [-H] [FILE]...\n")
			return "", nil, 1, true
		case a == "--version":
			c.Print("VIM - Vi IMproved " + f.release + " (" + f.built + ")\nIncluded patches: 1-" + f.patches + "\nModified by " + f.who + "\nCompiled by " + f.who + "\nTiny version without GUI.\n")
			return "", nil, 0, true
		case a == "--help" || a == "-h":
			c.Print("VIM - Vi IMproved " + f.release + " (" + f.built + ")\n\nUsage: " + c.Name + " [arguments] [file ..]       edit specified file(s)\n   or: " + c.Name + " [arguments] -               read text from stdin\n\nArguments:\n   --\t\t\tonly file names follow\n   -R\t\t\tread only\n   -c <command>\t\trun <command> at first\n   +<lnum>\t\tbegin at line <lnum>\n   --version\t\ttell the version\n")
			return "", nil, 0, true
		case (a == "-c" || a == "--cmd") && i+1 < len(c.Args):
			i++
			commands = append(commands, c.Args[i])
		case a == "-R":
			*view = true
		case strings.HasPrefix(a, "+"):
			commands = append(commands, strings.TrimPrefix(a, "+"))
			if a == "+" {
				commands[len(commands)-1] = "$"
			}
		case strings.HasPrefix(a, "--") && len(a) > 2:
			c.Err.Print("VIM - Vi IMproved " + f.release + " (" + f.built + ")\nUnknown option argument: \"" + a + "\"\nMore info with: \"vim -h\"\n")
			return "", nil, 1, true
		case strings.HasPrefix(a, "-") && strings.Trim(a[1:], "-AbCdDeEfFgHlLmMnNorRsStTuUvVwWxXyYZqipPO0123456789") != "":
			c.Err.Print("VIM - Vi IMproved " + f.release + " (" + f.built + ")\nUnknown option argument: \"" + a + "\"\nMore info with: \"vim -h\"\n")
			return "", nil, 1, true
		case strings.HasPrefix(a, "-"):
			if strings.HasSuffix(a, "u") || strings.HasSuffix(a, "T") {
				i++
			}
		case name == "":
			name = a
		}
	}
	return name, commands, 0, false
}
