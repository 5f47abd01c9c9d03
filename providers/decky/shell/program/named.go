package program

import (
	"io"
	"slices"
	"strings"
)

// fullNamed are the programs beside coreutils that begin their messages with
// the name they were called by, path and all. The others know their own.
var fullNamed = strings.Fields("grep egrep fgrep sed find xargs tar diff cmp diff3 sdiff chattr lsattr kill xz unxz strings bash sh dash")

// Named is where the messages of the program name go that was called by a path:
// coreutils and some others begin them with that path, and getopt(3) does for
// everybody.
func Named(to Stream, path, name string) Stream {
	short := Base(path)
	if short == path {
		return to
	}
	of := &namedWriter{to: to.Writer, short: short, path: path}
	of.all = authorOf()[name] != "" || slices.Contains(fullNamed, name)
	to.Writer = of
	return to
}

type namedWriter struct {
	to          io.Writer
	short, path string
	all         bool
	hint        bool // a complaint of getopt's came last
}

// Write implements io.Writer.
func (n *namedWriter) Write(p []byte) (int, error) {
	var b strings.Builder
	for line := range strings.Lines(string(p)) {
		rest, begins := strings.CutPrefix(line, n.short+": ")
		switch {
		case begins && (n.all || ofGetopt(rest)):
			b.WriteString(n.path + ": " + rest)
			n.hint = true
		case n.all && strings.HasPrefix(line, "Usage: "+n.short+" "):
			b.WriteString("Usage: " + n.path + line[len("Usage: "+n.short):])
		case !n.all && !n.hint:
			b.WriteString(line)
		default:
			b.WriteString(strings.Replace(line, "Try '"+n.short+" --", "Try '"+n.path+" --", 1))
		}
	}
	if _, err := io.WriteString(n.to, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// ofGetopt tells the words of getopt(3).
func ofGetopt(message string) bool {
	return strings.HasPrefix(message, "invalid option -- ") || strings.HasPrefix(message, "unrecognized option '") ||
		strings.HasPrefix(message, "option requires an argument -- ") || strings.HasPrefix(message, "option '")
}
