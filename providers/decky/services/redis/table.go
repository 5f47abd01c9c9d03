package redis

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// commandData is what a Redis 7.0.15 answers to COMMAND: names, arities, flags
// and key positions of its commands.
//
//go:embed data/commands-7.0.15.resp.gz
var commandData []byte

// configData is Debian 12's configuration as CONFIG GET * shows it, and what
// each parameter refuses.
//
//go:embed data/config-7.0.15.tsv
var configData string

// command is one command's description.
type command struct {
	name        string // "config|get"
	arity       int    // with the name; negative: at least
	flags       string // " write denyoom "
	raw         []byte // its element of COMMAND's reply
	subcommands map[string]*command
}

func (c *command) has(flag string) bool { return strings.Contains(c.flags, " "+flag+" ") }

func (c *command) accepts(args int) bool {
	return c.arity > 0 && args == c.arity || c.arity < 0 && args >= -c.arity
}

// commands are all commands by lower-case name, read once.
var commands = sync.OnceValue(func() map[string]*command {
	unpacked, err := gzip.NewReader(bytes.NewReader(commandData))
	if err != nil {
		panic(fmt.Sprintf("redis: command table: %v", err))
	}
	data, err := io.ReadAll(unpacked)
	if err != nil {
		panic(fmt.Sprintf("redis: command table: %v", err))
	}
	t := &tableReader{data: data}
	return t.commands(t.count())
})

// tableReader walks a reply that this package itself carries.
type tableReader struct {
	data []byte
	at   int
}

func (t *tableReader) line() string {
	end := bytes.IndexByte(t.data[t.at:], '\r')
	s := string(t.data[t.at : t.at+end])
	t.at += end + 2
	return s
}

func (t *tableReader) count() int {
	n, err := strconv.Atoi(t.line()[1:])
	if err != nil {
		panic(fmt.Sprintf("redis: command table: %v", err))
	}
	return n
}

func (t *tableReader) skip() {
	header := t.line()
	switch header[0] {
	case '$':
		t.line()
	case '*':
		n, _ := strconv.Atoi(header[1:])
		for range n {
			t.skip()
		}
	}
}

func (t *tableReader) commands(n int) map[string]*command {
	all := make(map[string]*command, n)
	for range n {
		start := t.at
		t.line() // *10
		t.line()
		c := &command{name: t.line()}
		c.arity = t.count()
		c.flags = " "
		for range t.count() {
			c.flags += t.line()[1:] + " "
		}
		for range 6 { // keys, categories, tips, key specifications
			t.skip()
		}
		if subcommands := t.count(); subcommands > 0 {
			c.subcommands = t.commands(subcommands)
		}
		c.raw = t.data[start:t.at]
		name := c.name
		if _, sub, ok := strings.Cut(name, "|"); ok {
			name = sub
		}
		all[name] = c
	}
	return all
}

// parameter is one configuration parameter.
type parameter struct{ name, value, kind string }

// parameters are sorted by name.
var parameters = sync.OnceValue(func() []parameter {
	var all []parameter
	for line := range strings.Lines(configData) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) == 3 && !strings.HasPrefix(line, "#") {
			all = append(all, parameter{fields[0], fields[1], fields[2]})
		}
	}
	return all
})
