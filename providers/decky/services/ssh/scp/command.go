// Package scp is the far end of scp's old protocol, scp -t and scp -f, in the
// words and with the order of acknowledgements of OpenSSH's scp, over a file
// system in memory. It keeps what comes and goes on record and opens no file of
// the machine.
package scp

import (
	"path"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Command is what scp's client asks the far end to run.
type Command struct {
	Sink      bool // -t: files come; else -f: files go
	Recursive bool
	Preserve  bool
	Directory bool // -d: the target must be a directory
	Paths     []string
}

// Parse reads a command line of scp's client; ok is false where it is anything
// else, or holds what only a shell understands.
func Parse(line string) (c Command, ok bool) {
	words, ok := split(line)
	if !ok || len(words) < 3 || path.Base(words[0].text) != "scp" {
		return c, false
	}
	source := false
	rest := words[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0].text, "-") && rest[0].text != "-" {
		flags := rest[0].text[1:]
		rest = rest[1:]
		if flags == "-" {
			break
		}
		for _, f := range flags {
			switch f {
			case 't':
				c.Sink = true
			case 'f':
				source = true
			case 'r':
				c.Recursive = true
			case 'p':
				c.Preserve = true
			case 'd':
				c.Directory = true
			case 'v', 'q', 'B', 'C', '1', '2', '4', '6':
			default:
				return c, false
			}
		}
	}
	if c.Sink == source || len(rest) == 0 || c.Sink && len(rest) > 1 {
		return c, false
	}
	for _, w := range rest {
		c.Paths = append(c.Paths, w.text)
	}
	return c, true
}

// word is a word of a line; its text is without quotes, a tilde and patterns
// keep their meaning in a source's path, where scp's users write them.
type word struct{ text string }

// split cuts a line into words as a shell does, and refuses what does more.
func split(line string) ([]word, bool) {
	var words []word
	var b strings.Builder
	begun := false
	for i := 0; i < len(line); i++ {
		ch := line[i]
		switch {
		case ch == ' ' || ch == '\t':
			if begun {
				words, begun = append(words, word{b.String()}), false
				b.Reset()
			}
			continue
		case ch == '\'':
			end := strings.IndexByte(line[i+1:], '\'')
			if end < 0 {
				return nil, false
			}
			b.WriteString(line[i+1 : i+1+end])
			i += end + 1
		case ch == '"':
			end := strings.IndexAny(line[i+1:], "\"$`\\")
			if end < 0 || line[i+1+end] != '"' {
				return nil, false
			}
			b.WriteString(line[i+1 : i+1+end])
			i += end + 1
		case ch == '\\':
			if i++; i == len(line) {
				return nil, false
			}
			b.WriteByte(line[i])
		case strings.IndexByte(";&|<>()$`#!{}\n", ch) >= 0:
			return nil, false
		default:
			b.WriteByte(ch)
		}
		begun = true
	}
	if begun {
		words = append(words, word{b.String()})
	}
	return words, true
}

// maxMatches bounds what a pattern yields.
const maxMatches = 1000

// expand is a path from the root; a pattern in its last element yields what
// matches.
func expand(view vfs.View, home, name string) []string {
	if name == "~" || strings.HasPrefix(name, "~/") {
		name = home + name[1:]
	}
	full := vfs.Clean(home, name)
	dir, pattern := path.Split(full)
	if !strings.ContainsAny(pattern, "*?[") {
		return []string{full}
	}
	list, err := view.ReadDir(dir)
	if err != nil {
		return []string{full}
	}
	var out []string
	for _, info := range list {
		if ok, err := path.Match(pattern, info.Name); err == nil && ok && (info.Name[0] != '.' || pattern[0] == '.') && len(out) < maxMatches {
			out = append(out, dir+info.Name)
		}
	}
	if len(out) == 0 {
		return []string{full}
	}
	slices.Sort(out)
	return out
}
