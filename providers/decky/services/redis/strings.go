package redis

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Error texts that many commands share.
const (
	errNotInteger = "value is not an integer or out of range"
	errNotFloat   = "value is not a valid float"
	errSyntax     = "syntax error"
	errType       = "-WRONGTYPE Operation against a key holding the wrong kind of value"
	errNoKey      = "no such key"
	errOverflow   = "increment or decrement would overflow"
)

// lookup is the value of a key. ok is false where it is of another kind than
// the one asked for, which was then answered.
func (s *server) lookup(c *session, out *reply, key []byte, kind string) (v *value, ok bool) {
	v = s.keys.get(c.db, string(key), s.env.Now())
	if v != nil && kind != "" && v.kind != kind {
		out.fail(errType)
		return nil, false
	}
	if v == nil {
		s.counters.misses++
	} else {
		s.counters.hits++
	}
	return v, true
}

// put stores v under key and has it saved.
func (s *server) put(c *session, key []byte, v *value) {
	s.keys.put(c.db, string(key), v)
	s.changed(1)
}

func (s *server) putText(c *session, key []byte, text string, expires time.Time) {
	s.put(c, key, &value{kind: "string", text: text, expires: expires})
}

func get(s *server, c *session, out *reply, args [][]byte) {
	if v, ok := s.lookup(c, out, args[1], "string"); ok {
		out.optional(v)
	}
}

func (r *reply) optional(v *value) {
	if v == nil {
		r.null()
		return
	}
	r.bulk(v.text)
}

// setOptions are what follows SET key value.
type setOptions struct {
	nx, xx, get, keep bool
	expires           time.Time
}

func (s *server) parseSet(args [][]byte) (o setOptions, refusal string) {
	for i := 0; i < len(args); i++ {
		option := strings.ToLower(string(args[i]))
		switch option {
		case "nx":
			o.nx = true
		case "xx":
			o.xx = true
		case "get":
			o.get = true
		case "keepttl":
			o.keep = true
		case "ex", "px", "exat", "pxat":
			i++
			if i == len(args) || !o.expires.IsZero() {
				return o, errSyntax
			}
			n, ok := parseInt(args[i])
			if !ok {
				return o, errNotInteger
			}
			if o.expires, ok = s.moment(n, option); !ok {
				return o, "invalid expire time in 'set' command"
			}
		default:
			return o, errSyntax
		}
	}
	if o.nx && o.xx || o.keep && !o.expires.IsZero() {
		return o, errSyntax
	}
	return o, ""
}

// moment is the time that an amount in the unit of an option means.
func (s *server) moment(n int64, unit string) (time.Time, bool) {
	if n <= 0 || n > math.MaxInt64/int64(time.Second)/4 {
		return time.Time{}, false
	}
	switch unit {
	case "ex":
		return s.env.Now().Add(time.Duration(n) * time.Second), true
	case "px":
		return s.env.Now().Add(time.Duration(n) * time.Millisecond), true
	case "exat":
		return time.Unix(n, 0), true
	default:
		return time.UnixMilli(n), true
	}
}

func set(s *server, c *session, out *reply, args [][]byte) {
	o, refusal := s.parseSet(args[3:])
	if refusal != "" {
		out.fail(refusal)
		return
	}
	kind := ""
	if o.get {
		kind = "string"
	}
	old, ok := s.lookup(c, out, args[1], kind)
	if !ok {
		return
	}
	write := !(o.nx && old != nil || o.xx && old == nil)
	if write {
		if o.keep && old != nil {
			o.expires = old.expires
		}
		s.putText(c, args[1], string(args[2]), o.expires)
	}
	switch {
	case o.get:
		out.optional(old)
	case write:
		out.ok()
	default:
		out.null()
	}
}

func setnx(s *server, c *session, out *reply, args [][]byte) {
	if v, _ := s.lookup(c, out, args[1], ""); v != nil {
		out.integer(0)
		return
	}
	s.putText(c, args[1], string(args[2]), time.Time{})
	out.integer(1)
}

func setex(s *server, c *session, out *reply, args [][]byte) {
	name, unit := strings.ToLower(string(args[0])), "ex"
	if name == "psetex" {
		unit = "px"
	}
	n, ok := parseInt(args[2])
	if !ok {
		out.fail(errNotInteger)
		return
	}
	expires, ok := s.moment(n, unit)
	if !ok {
		out.fail("invalid expire time in '" + name + "' command")
		return
	}
	s.putText(c, args[1], string(args[3]), expires)
	out.ok()
}

func getset(s *server, c *session, out *reply, args [][]byte) {
	if old, ok := s.lookup(c, out, args[1], "string"); ok {
		s.putText(c, args[1], string(args[2]), time.Time{})
		out.optional(old)
	}
}

func getdel(s *server, c *session, out *reply, args [][]byte) {
	old, ok := s.lookup(c, out, args[1], "string")
	if !ok {
		return
	}
	if s.keys.remove(c.db, string(args[1])) {
		s.changed(1)
	}
	out.optional(old)
}

func mget(s *server, c *session, out *reply, args [][]byte) {
	out.array(len(args) - 1)
	for _, key := range args[1:] {
		v, _ := s.lookup(c, out, key, "")
		if v != nil && v.kind != "string" {
			v = nil
		}
		out.optional(v)
	}
}

func mset(s *server, c *session, out *reply, args [][]byte) {
	only := strings.EqualFold(string(args[0]), "msetnx")
	if len(args)%2 == 0 {
		out.fail("wrong number of arguments for '" + strings.ToLower(string(args[0])) + "' command")
		return
	}
	for i := 1; only && i < len(args); i += 2 {
		if v, _ := s.lookup(c, out, args[i], ""); v != nil {
			out.integer(0)
			return
		}
	}
	for i := 1; i < len(args); i += 2 {
		s.putText(c, args[i], string(args[i+1]), time.Time{})
	}
	if only {
		out.integer(1)
		return
	}
	out.ok()
}

// incr serves INCR, DECR, INCRBY and DECRBY.
func incr(s *server, c *session, out *reply, args [][]byte) {
	by, ok := int64(1), true
	if len(args) > 2 {
		if by, ok = parseInt(args[2]); !ok {
			out.fail(errNotInteger)
			return
		}
	}
	if strings.HasPrefix(strings.ToLower(string(args[0])), "decr") {
		if by == math.MinInt64 {
			out.fail("decrement would overflow")
			return
		}
		by = -by
	}
	v, ok := s.lookup(c, out, args[1], "string")
	if !ok {
		return
	}
	n, expires := int64(0), time.Time{}
	if v != nil {
		expires = v.expires
		if n, ok = parseInt([]byte(v.text)); !ok {
			out.fail(errNotInteger)
			return
		}
	}
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		out.fail(errOverflow)
		return
	}
	s.putText(c, args[1], strconv.FormatInt(n+by, 10), expires)
	out.integer(n + by)
}

func incrByFloat(s *server, c *session, out *reply, args [][]byte) {
	v, ok := s.lookup(c, out, args[1], "string")
	if !ok {
		return
	}
	n, expires := 0.0, time.Time{}
	var err error
	if v != nil {
		expires = v.expires
		n, err = strconv.ParseFloat(v.text, 64)
	}
	by, err2 := strconv.ParseFloat(string(args[2]), 64)
	if err != nil || err2 != nil || math.IsNaN(n+by) || math.IsInf(n+by, 0) {
		out.fail(errNotFloat)
		return
	}
	text := strconv.FormatFloat(n+by, 'f', -1, 64)
	s.putText(c, args[1], text, expires)
	out.bulk(text)
}

func appendText(s *server, c *session, out *reply, args [][]byte) {
	v, ok := s.lookup(c, out, args[1], "string")
	if !ok {
		return
	}
	grown := &value{kind: "string", text: string(args[2])}
	if v != nil {
		grown.text, grown.expires = v.text+grown.text, v.expires
	}
	s.put(c, args[1], grown)
	out.integer(int64(len(grown.text)))
}

func strlen(s *server, c *session, out *reply, args [][]byte) {
	v, ok := s.lookup(c, out, args[1], "string")
	switch {
	case ok && v == nil:
		out.integer(0)
	case ok:
		out.integer(int64(len(v.text)))
	}
}

func getrange(s *server, c *session, out *reply, args [][]byte) {
	from, ok1 := parseInt(args[2])
	to, ok2 := parseInt(args[3])
	if !ok1 || !ok2 {
		out.fail(errNotInteger)
		return
	}
	v, ok := s.lookup(c, out, args[1], "string")
	if !ok {
		return
	}
	if v == nil {
		out.bulk("")
		return
	}
	low, high := bounds(from, to, len(v.text))
	out.bulk(v.text[low:high])
}

// bounds turns Redis' inclusive range, counted from the end where negative,
// into a slice of n elements.
func bounds(from, to int64, n int) (low, high int) {
	size := int64(n)
	if from < 0 {
		from = max(from+size, 0)
	}
	if to < 0 {
		to += size
	}
	to = min(to, size-1)
	if from > to || from >= size {
		return 0, 0
	}
	return int(from), int(to) + 1
}
