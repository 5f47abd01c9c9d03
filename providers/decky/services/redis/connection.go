package redis

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/schema/event"
)

const errWrongPass = "-WRONGPASS invalid username-password pair or user is disabled."

func ping(_ *server, c *session, out *reply, args [][]byte) {
	switch {
	case len(args) > 2:
		out.fail("wrong number of arguments for 'ping' command")
	case c.subscriptions() > 0 && c.proto < 3:
		out.array(2)
		out.bulk("pong")
		if len(args) == 2 {
			out.bulk(string(args[1]))
		} else {
			out.bulk("")
		}
	case len(args) == 2:
		out.bulk(string(args[1]))
	default:
		out.status("PONG")
	}
}

func echo(_ *server, _ *session, out *reply, args [][]byte) { out.bulk(string(args[1])) }

// login checks a name and password as ACLs do and notes the attempt.
func (s *server) login(c *session, user, password string) bool {
	want, known := s.users[user]
	if user == "default" {
		want, known = s.config["requirepass"], true
	}
	a, b := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(want))
	open := user == "default" && want == ""
	ok := open || known && subtle.ConstantTimeCompare(a[:], b[:]) == 1
	c.attempt = &event.AuthAttempt{
		Method: "password", Username: event.Text(user), Secret: event.Text(password), SecretKind: "plaintext", Success: ok, Client: event.Text(c.name),
	}
	if ok {
		c.authenticated, c.user = true, user
	}
	return ok
}

func auth(s *server, c *session, out *reply, args [][]byte) {
	user, password := "default", string(args[1])
	switch {
	case len(args) > 3:
		out.fail(errSyntax)
		return
	case len(args) == 3:
		user, password = string(args[1]), string(args[2])
	case s.config["requirepass"] == "":
		c.attempt = &event.AuthAttempt{Method: "password", Username: "default", Secret: event.Text(password), SecretKind: "plaintext", Client: event.Text(c.name)}
		out.fail("AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
		return
	}
	if !s.login(c, user, password) {
		out.fail(errWrongPass)
		return
	}
	out.ok()
}

const errClientName = "Client names cannot contain spaces, newlines or special characters."

func validName(name []byte) bool {
	for _, b := range name {
		if b < '!' || b > '~' {
			return false
		}
	}
	return true
}

// hello is HELLO [version [AUTH user password] [SETNAME name]].
func hello(s *server, c *session, out *reply, args [][]byte) {
	proto := int64(c.proto)
	if len(args) > 1 {
		var ok bool
		if proto, ok = parseInt(args[1]); !ok {
			out.fail("Protocol version is not an integer or out of range")
			return
		}
		if proto < 2 || proto > 3 {
			out.fail("-NOPROTO unsupported protocol version")
			return
		}
	}
	var name []byte
	var credentials [][]byte
	for i := 2; i < len(args); i++ {
		option := strings.ToLower(string(args[i]))
		switch {
		case option == "auth" && i+2 < len(args):
			credentials = args[i+1 : i+3]
			i += 2
		case option == "setname" && i+1 < len(args):
			name = args[i+1]
			i++
			if !validName(name) {
				out.fail(errClientName)
				return
			}
		default:
			out.fail(fmt.Sprintf("Syntax error in HELLO option '%s'", args[i]))
			return
		}
	}
	if credentials != nil && !s.login(c, string(credentials[0]), string(credentials[1])) {
		out.fail(errWrongPass)
		return
	}
	if !c.authenticated {
		out.fail("-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
		return
	}
	if name != nil {
		c.name = string(name)
	}
	c.proto, out.proto = int(proto), int(proto)
	role := "master"
	if s.master != "" {
		role = "replica"
	}
	out.mapping(7)
	for _, pair := range [][2]string{{"server", "redis"}, {"version", s.version}} {
		out.bulk(pair[0])
		out.bulk(pair[1])
	}
	out.bulk("proto")
	out.integer(proto)
	out.bulk("id")
	out.integer(c.id)
	for _, pair := range [][2]string{{"mode", "standalone"}, {"role", role}} {
		out.bulk(pair[0])
		out.bulk(pair[1])
	}
	out.bulk("modules")
	out.array(0)
}

func reset(s *server, c *session, out *reply, _ [][]byte) {
	c.transaction, c.broken, c.queue = false, false, nil
	clear(c.channels)
	clear(c.patterns)
	c.monitoring, c.name, c.db, c.proto, out.proto = false, "", 0, 2, 2
	c.authenticated, c.user = s.config["requirepass"] == "", "default"
	out.status("RESET")
}

// describe is a client's line in CLIENT LIST.
func (c *session) describe(now time.Time) string {
	cmd, flags := c.last, "N"
	if cmd == "" {
		cmd = "NULL"
	}
	if c.monitoring {
		flags = "O"
	} else if c.subscriptions() > 0 {
		flags = "P"
	}
	multi := -1
	if c.transaction {
		flags, multi = "x", len(c.queue)
	}
	active := c.active
	if active.IsZero() {
		active = c.since
	}
	return fmt.Sprintf("id=%d addr=%s laddr=%s fd=%d name=%s age=%d idle=%d flags=%s db=%d sub=%d psub=%d ssub=0 multi=%d qbuf=26 qbuf-free=20448 argv-mem=10 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 tot-mem=22298 events=r cmd=%s user=%s redir=-1 resp=%d\n",
		c.id, c.conn.RemoteAddr(), c.conn.LocalAddr(), 7+c.id%64, c.name, int(now.Sub(c.since).Seconds()), int(now.Sub(active).Seconds()), flags, c.db,
		len(c.channels), len(c.patterns), multi, cmd, c.user, c.proto)
}

func clientList(s *server, _ *session, out *reply, _ [][]byte) {
	var list strings.Builder
	for _, other := range s.sessions() {
		list.WriteString(other.describe(s.env.Now()))
	}
	out.text(list.String())
}

func clientInfo(s *server, c *session, out *reply, _ [][]byte) { out.text(c.describe(s.env.Now())) }

func clientID(_ *server, c *session, out *reply, _ [][]byte) { out.integer(c.id) }

func clientGetName(_ *server, c *session, out *reply, _ [][]byte) {
	if c.name == "" {
		out.null()
		return
	}
	out.bulk(c.name)
}

func clientSetName(_ *server, c *session, out *reply, args [][]byte) {
	if !validName(args[2]) {
		out.fail(errClientName)
		return
	}
	c.name = string(args[2])
	out.ok()
}

func clientKill(s *server, _ *session, out *reply, args [][]byte) {
	if len(args) == 3 {
		for _, other := range s.sessions() {
			if other.conn.RemoteAddr().String() == string(args[2]) {
				_ = other.conn.Close() // its own goroutine meets the end
				out.ok()
				return
			}
		}
		out.fail("No such client")
		return
	}
	killed := int64(0)
	for i := 2; i+1 < len(args); i += 2 {
		for _, other := range s.sessions() {
			if strings.EqualFold(string(args[i]), "id") && strconv.FormatInt(other.id, 10) == string(args[i+1]) {
				_ = other.conn.Close()
				killed++
			}
		}
	}
	out.integer(killed)
}

func multi(_ *server, c *session, out *reply, _ [][]byte) {
	if c.transaction {
		out.fail("MULTI calls can not be nested")
		return
	}
	c.transaction, c.broken, c.queue = true, false, nil
	out.ok()
}

func discard(_ *server, c *session, out *reply, _ [][]byte) {
	if !c.transaction {
		out.fail("DISCARD without MULTI")
		return
	}
	c.transaction, c.broken, c.queue = false, false, nil
	out.ok()
}

func exec(s *server, c *session, out *reply, _ [][]byte) {
	if !c.transaction {
		out.fail("EXEC without MULTI")
		return
	}
	queue, broken := c.queue, c.broken
	c.transaction, c.broken, c.queue = false, false, nil
	if broken {
		out.fail("-EXECABORT Transaction discarded because of previous errors.")
		return
	}
	out.array(len(queue))
	for _, args := range queue {
		// It was found when it was queued.
		cmd, _ := s.find(strings.ToLower(string(args[0])), args)
		s.call(c, out, cmd, args)
	}
}

func watch(_ *server, c *session, out *reply, _ [][]byte) {
	if c.transaction {
		out.fail("WATCH inside MULTI is not allowed")
		return
	}
	out.ok()
}
