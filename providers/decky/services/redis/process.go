package redis

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/decnet/decnet/schema/event"
)

// run answers one command; args[0] is its name as sent.
type run func(s *server, c *session, out *reply, args [][]byte)

// process answers a command as Redis' processCommand does, in its order of
// checks. The server's lock is held.
func (s *server) process(c *session, out *reply, args [][]byte) {
	name := strings.ToLower(string(args[0]))
	switch name {
	case "post", "host:":
		// A browser that was lured to speak HTTP: Redis logs an attack and
		// drops the client with everything it was to be sent.
		c.silent, c.closing = true, true
		return
	case "quit":
		c.closing = true
		out.ok()
		return
	}
	cmd, refusal := s.find(name, args)
	if refusal == "" && !cmd.accepts(len(args)) {
		refusal = fmt.Sprintf("wrong number of arguments for '%s' command", s.shownName(cmd))
	}
	if refusal == "" {
		c.note(cmd, args)
		refusal = s.forbidden(c, cmd)
	}
	if refusal != "" {
		c.broken = c.transaction
		out.fail(refusal)
		return
	}
	if c.transaction && !cmd.inTransaction() {
		if len(c.queue) < maxQueued {
			c.queue = append(c.queue, args)
		}
		out.status("QUEUED")
		return
	}
	s.call(c, out, cmd, args)
}

// call runs a command that was let through.
func (s *server) call(c *session, out *reply, cmd *command, args [][]byte) {
	c.last = cmd.name
	s.counters.calls[cmd.name]++
	s.feed(c, cmd, args)
	do, ok := implemented()[cmd.name]
	if !ok {
		s.missing(out, cmd)
		return
	}
	do(s, c, out, args)
}

func (c *command) inTransaction() bool {
	switch c.name {
	case "exec", "discard", "multi", "watch", "quit", "reset":
		return true
	}
	return false
}

// shownName is a command's name in errors: versions before 7 knew no
// subcommands.
func (s *server) shownName(cmd *command) string {
	if s.major < 7 {
		name, _, _ := strings.Cut(cmd.name, "|")
		return name
	}
	return cmd.name
}

// find looks a command up, or tells why there is none.
func (s *server) find(name string, args [][]byte) (cmd *command, refusal string) {
	cmd = commands()[name]
	if cmd == nil {
		return nil, s.unknown(args)
	}
	if cmd.subcommands == nil || len(args) == 1 {
		return cmd, ""
	}
	sub := cmd.subcommands[strings.ToLower(string(args[1]))]
	if sub == nil && name == "command" && s.major < 7 {
		return cmd, ""
	}
	if sub == nil && s.major < 7 {
		return nil, fmt.Sprintf("Unknown subcommand or wrong number of arguments for '%s'. Try %s HELP.", cstring(args[1], 128), strings.ToUpper(name))
	}
	if sub == nil {
		return nil, fmt.Sprintf("unknown subcommand '%s'. Try %s HELP.", cstring(args[1], 128), strings.ToUpper(name))
	}
	return sub, ""
}

// cstring is s as printf("%.*s") shows it.
func cstring(s []byte, limit int) string {
	if i := bytes.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	return string(s[:min(len(s), max(limit, 0))])
}

func (s *server) unknown(args [][]byte) string {
	open, shut := "'", "' "
	if s.major < 7 {
		open, shut = "`", "`, "
	}
	var list strings.Builder
	for _, a := range args[1:] {
		if list.Len() >= 128 {
			break
		}
		list.WriteString(open + cstring(a, 128-list.Len()) + shut)
	}
	return fmt.Sprintf("unknown command %s%s%s, with args beginning with: %s", open, cstring(args[0], 128), open, list.String())
}

const protectedCommand = `%s command not allowed. If the %s option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.`

// forbidden tells why a client may not run a known command now.
func (s *server) forbidden(c *session, cmd *command) string {
	if s.major >= 7 && (cmd.name == "module|load" || cmd.name == "module|loadex" || cmd.name == "module|unload") {
		return fmt.Sprintf(protectedCommand, "MODULE", "enable-module-command")
	}
	if s.major >= 7 && cmd.name == "debug" {
		return fmt.Sprintf(protectedCommand, "DEBUG", "enable-debug-command")
	}
	if !c.authenticated && !cmd.has("no_auth") {
		return "-NOAUTH Authentication required."
	}
	if c.subscriptions() > 0 && c.proto < 3 && !allowedWhileSubscribed[cmd.name] {
		return fmt.Sprintf("Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", s.shownName(cmd))
	}
	if cmd.has("denyoom") && s.keys.full() {
		return "-OOM command not allowed when used memory > 'maxmemory'."
	}
	if s.master != "" && cmd.has("write") {
		return "-READONLY You can't write against a read only replica."
	}
	return ""
}

var allowedWhileSubscribed = map[string]bool{
	"subscribe": true, "unsubscribe": true, "psubscribe": true, "punsubscribe": true, "ssubscribe": true, "sunsubscribe": true, "ping": true, "quit": true, "reset": true,
}

// missing answers a command that stands in the table and is not built: as over
// an absent key for one that reads.
func (s *server) missing(out *reply, cmd *command) {
	switch {
	case cmd.has("readonly"):
		out.array(0)
	case cmd.has("write"):
		out.integer(0)
	default:
		out.ok()
	}
}

// note keeps what a command would make Redis contact or load.
func (c *session) note(cmd *command, args [][]byte) {
	switch cmd.name {
	case "slaveof", "replicaof", "migrate":
		if !strings.EqualFold(string(args[1]), "no") {
			c.target = event.Text(string(args[1]) + ":" + string(args[2]))
		}
	case "cluster|meet":
		c.target = event.Text(string(args[2]) + ":" + string(args[3]))
	case "module|load", "module|loadex":
		c.target = event.Text(args[2])
	}
}
