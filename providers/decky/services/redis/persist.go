package redis

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// saveAfter is how long a change may wait for the store.
const saveAfter = time.Second

const storeName = "keys"

// changed counts n changes and has the keyspace saved soon.
func (s *server) changed(n int64) {
	s.changes += n
	if s.saving == nil {
		s.saving = time.AfterFunc(saveAfter, func() {
			if err := s.Flush(); err != nil {
				s.env.Log.Warn("cannot keep keys", "error", err)
			}
		})
	}
}

// Flush implements decky.Flusher: the keys go to the store.
func (s *server) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saving == nil {
		return nil
	}
	s.saving.Stop()
	s.saving = nil
	return s.env.Store.Save(storeName, s.dump())
}

// dump is the keyspace as the commands that make it.
func (s *server) dump() []byte {
	out := &reply{proto: 2}
	command := func(words ...string) { out.bulks(words) }
	for db := range databases {
		names := s.keys.names(db, s.env.Now())
		if len(names) == 0 {
			continue
		}
		command("SELECT", strconv.Itoa(db))
		for _, name := range names {
			v := s.keys.dbs[db][name]
			switch v.kind {
			case "string":
				command("SET", name, v.text)
			case "list":
				command(append([]string{"RPUSH", name}, v.list...)...)
			case "set":
				command(append([]string{"SADD", name}, v.order...)...)
			case "hash":
				words := []string{"HSET", name}
				for _, field := range v.order {
					words = append(words, field, v.hash[field])
				}
				command(words...)
			case "zset":
				words := []string{"ZADD", name}
				for _, member := range slices.Sorted(maps.Keys(v.scores)) {
					words = append(words, formatFloat(v.scores[member]), member)
				}
				command(words...)
			}
			if !v.expires.IsZero() {
				command("PEXPIREAT", name, strconv.FormatInt(v.expires.UnixMilli(), 10))
			}
		}
	}
	return out.Bytes()
}

// load reads what dump wrote. What cannot be read is dropped: the store belongs
// to a process that attackers talk to.
func (s *server) load() error {
	data, err := s.env.Store.Load(storeName)
	if err != nil {
		return fmt.Errorf("load keys: %w", err)
	}
	in := newReader(bytes.NewReader(data), func() error { return nil }, func() bool { return false }, &budget{})
	loader := &session{server: s, proto: 2, authenticated: true}
	for {
		args, err := in.next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				s.env.Log.Warn("kept keys are damaged", "error", err)
			}
			break
		}
		cmd := commands()[strings.ToLower(string(args[0]))]
		if cmd == nil || !cmd.accepts(len(args)) || !restoring[cmd.name] {
			continue
		}
		implemented()[cmd.name](s, loader, &reply{proto: 2}, args)
	}
	if s.saving != nil {
		s.saving.Stop()
		s.saving = nil
	}
	s.changes, s.counters.hits, s.counters.misses = 0, 0, 0
	return nil
}

var restoring = map[string]bool{"select": true, "set": true, "rpush": true, "sadd": true, "hset": true, "zadd": true, "pexpireat": true}
