package redis

import (
	"math"
	"strconv"
	"strings"
	"time"
)

func del(s *server, c *session, out *reply, args [][]byte) {
	n := int64(0)
	for _, key := range args[1:] {
		if s.keys.get(c.db, string(key), s.env.Now()) != nil && s.keys.remove(c.db, string(key)) {
			n++
		}
	}
	if n > 0 {
		s.changed(n)
	}
	out.integer(n)
}

func exists(s *server, c *session, out *reply, args [][]byte) {
	n := int64(0)
	for _, key := range args[1:] {
		if v, _ := s.lookup(c, out, key, ""); v != nil {
			n++
		}
	}
	out.integer(n)
}

func keys(s *server, c *session, out *reply, args [][]byte) {
	var found []string
	for _, name := range s.keys.names(c.db, s.env.Now()) {
		if match(string(args[1]), name) {
			found = append(found, name)
		}
	}
	out.bulks(found)
}

func scan(s *server, c *session, out *reply, args [][]byte) {
	if _, err := strconv.ParseUint(string(args[1]), 10, 64); err != nil {
		out.fail("invalid cursor")
		return
	}
	pattern, kind := "*", ""
	for i := 2; i < len(args); i += 2 {
		if i+1 == len(args) {
			out.fail(errSyntax)
			return
		}
		switch strings.ToLower(string(args[i])) {
		case "match":
			pattern = string(args[i+1])
		case "type":
			kind = strings.ToLower(string(args[i+1]))
		case "count":
			n, ok := parseInt(args[i+1])
			if !ok {
				out.fail(errNotInteger)
				return
			}
			if n < 1 {
				out.fail(errSyntax)
				return
			}
		default:
			out.fail(errSyntax)
			return
		}
	}
	var found []string
	for _, name := range s.keys.names(c.db, s.env.Now()) {
		if match(pattern, name) && (kind == "" || s.keys.dbs[c.db][name].kind == kind) {
			found = append(found, name)
		}
	}
	out.array(2)
	out.bulk("0")
	out.bulks(found)
}

func typeOf(s *server, c *session, out *reply, args [][]byte) {
	if v, _ := s.lookup(c, out, args[1], ""); v != nil {
		out.status(v.kind)
		return
	}
	out.status("none")
}

func ttl(s *server, c *session, out *reply, args [][]byte) {
	v := s.keys.get(c.db, string(args[1]), s.env.Now())
	switch {
	case v == nil:
		out.integer(-2)
	case v.expires.IsZero():
		out.integer(-1)
	case strings.EqualFold(string(args[0]), "pttl"):
		out.integer(v.expires.Sub(s.env.Now()).Milliseconds())
	default:
		out.integer(int64(math.Round(v.expires.Sub(s.env.Now()).Seconds())))
	}
}

// expire serves EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT.
func expire(s *server, c *session, out *reply, args [][]byte) {
	n, ok := parseInt(args[2])
	if !ok {
		out.fail(errNotInteger)
		return
	}
	name := strings.ToLower(string(args[0]))
	unit := time.Second
	if name[0] == 'p' {
		unit = time.Millisecond
	}
	if n > math.MaxInt64/int64(unit)/4 || n < -math.MaxInt64/int64(unit)/4 {
		out.fail("invalid expire time in '" + name + "' command")
		return
	}
	at := s.env.Now().Add(time.Duration(n) * unit)
	if strings.HasSuffix(name, "at") {
		at = time.Unix(0, 0).Add(time.Duration(n) * unit)
	}
	v := s.keys.get(c.db, string(args[1]), s.env.Now())
	if v == nil {
		out.integer(0)
		return
	}
	v.expires = at
	s.keys.get(c.db, string(args[1]), s.env.Now())
	s.changed(1)
	out.integer(1)
}

func persist(s *server, c *session, out *reply, args [][]byte) {
	v := s.keys.get(c.db, string(args[1]), s.env.Now())
	if v == nil || v.expires.IsZero() {
		out.integer(0)
		return
	}
	v.expires = time.Time{}
	s.changed(1)
	out.integer(1)
}

func rename(s *server, c *session, out *reply, args [][]byte) {
	v := s.keys.get(c.db, string(args[1]), s.env.Now())
	if v == nil {
		out.fail(errNoKey)
		return
	}
	only := strings.EqualFold(string(args[0]), "renamenx")
	if only && s.keys.get(c.db, string(args[2]), s.env.Now()) != nil {
		out.integer(0)
		return
	}
	s.keys.remove(c.db, string(args[1]))
	s.put(c, args[2], v)
	if only {
		out.integer(1)
		return
	}
	out.ok()
}

func randomKey(s *server, c *session, out *reply, _ [][]byte) {
	for key := range s.keys.dbs[c.db] {
		if s.keys.get(c.db, key, s.env.Now()) != nil {
			out.bulk(key)
			return
		}
	}
	out.null()
}

func dbsize(s *server, c *session, out *reply, _ [][]byte) {
	out.integer(int64(len(s.keys.dbs[c.db])))
}

// flush serves FLUSHALL and FLUSHDB.
func flush(s *server, c *session, out *reply, args [][]byte) {
	if len(args) > 2 || len(args) == 2 && !strings.EqualFold(string(args[1]), "async") && !strings.EqualFold(string(args[1]), "sync") {
		out.fail(errSyntax)
		return
	}
	for db := range databases {
		if db == c.db || strings.EqualFold(string(args[0]), "flushall") {
			s.keys.flush(db)
		}
	}
	s.changed(1)
	out.ok()
}

func selectDB(_ *server, c *session, out *reply, args [][]byte) {
	n, ok := parseInt(args[1])
	switch {
	case !ok:
		out.fail(errNotInteger)
	case n < 0 || n >= databases:
		out.fail("DB index is out of range")
	default:
		c.db = int(n)
		out.ok()
	}
}

func objectEncoding(s *server, c *session, out *reply, args [][]byte) {
	v := s.keys.get(c.db, string(args[2]), s.env.Now())
	if v == nil {
		out.null()
		return
	}
	encoding := map[string]string{"list": "listpack", "hash": "listpack", "set": "hashtable", "zset": "listpack"}[v.kind]
	if v.kind == "list" {
		encoding = "quicklist"
	}
	if v.kind == "string" {
		_, integer := parseInt([]byte(v.text))
		switch {
		case integer:
			encoding = "int"
		case len(v.text) <= 44:
			encoding = "embstr"
		default:
			encoding = "raw"
		}
	}
	out.bulk(encoding)
}

func swapDB(s *server, _ *session, out *reply, args [][]byte) {
	a, ok1 := parseInt(args[1])
	b, ok2 := parseInt(args[2])
	switch {
	case !ok1:
		out.fail("invalid first DB index")
	case !ok2:
		out.fail("invalid second DB index")
	case min(a, b) < 0 || max(a, b) >= databases:
		out.fail("DB index is out of range")
	default:
		k := &s.keys
		k.dbs[a], k.dbs[b] = k.dbs[b], k.dbs[a]
		k.sizes[a], k.sizes[b] = k.sizes[b], k.sizes[a]
		s.changed(1)
		out.ok()
	}
}
