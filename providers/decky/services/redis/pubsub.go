package redis

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func (c *session) subscriptions() int { return len(c.channels) + len(c.patterns) }

// subscribe serves SUBSCRIBE, PSUBSCRIBE and their opposites.
func subscribe(_ *server, c *session, out *reply, args [][]byte) {
	name := strings.ToLower(string(args[0]))
	to := c.channels
	if strings.HasPrefix(name, "p") {
		to = c.patterns
	}
	names := make([]string, 0, len(args)-1)
	for _, a := range args[1:] {
		names = append(names, string(a))
	}
	leave := strings.HasSuffix(name, "unsubscribe")
	if leave && len(names) == 0 {
		names = slices.Sorted(maps.Keys(to))
		if len(names) == 0 {
			out.push(3)
			out.bulk(name)
			out.null()
			out.integer(int64(c.subscriptions()))
			return
		}
	}
	for _, channel := range names {
		if leave {
			delete(to, channel)
		} else if len(to) < maxChannels {
			to[channel] = true
		}
		out.push(3)
		out.bulk(name)
		out.bulk(channel)
		out.integer(int64(c.subscriptions()))
	}
	if !leave {
		c.startPump()
	}
}

func publish(s *server, _ *session, out *reply, args [][]byte) {
	receivers := int64(0)
	for _, other := range s.sessions() {
		if other.channels[string(args[1])] {
			message := &reply{proto: other.proto}
			message.push(3)
			for _, part := range []string{"message", string(args[1]), string(args[2])} {
				message.bulk(part)
			}
			other.offer(message.Bytes())
			receivers++
		}
		for _, pattern := range slices.Sorted(maps.Keys(other.patterns)) {
			if match(pattern, string(args[1])) {
				message := &reply{proto: other.proto}
				message.push(4)
				for _, part := range []string{"pmessage", pattern, string(args[1]), string(args[2])} {
					message.bulk(part)
				}
				other.offer(message.Bytes())
				receivers++
			}
		}
	}
	out.integer(receivers)
}

func pubsubChannels(s *server, _ *session, out *reply, args [][]byte) {
	active := map[string]bool{}
	for _, other := range s.clients {
		for channel := range other.channels {
			if len(args) < 3 || match(string(args[2]), channel) {
				active[channel] = true
			}
		}
	}
	out.bulks(slices.Sorted(maps.Keys(active)))
}

func monitor(_ *server, c *session, out *reply, _ [][]byte) {
	c.monitoring = true
	c.startPump()
	out.ok()
}

// feed shows a command to whoever monitors.
func (s *server) feed(c *session, cmd *command, args [][]byte) {
	if cmd.has("admin") || cmd.has("skip_monitor") || cmd.name == "auth" {
		return
	}
	var line string
	for _, other := range s.clients {
		if !other.monitoring {
			continue
		}
		if line == "" {
			now := s.env.Now()
			line = fmt.Sprintf("+%d.%06d [%d %s]", now.Unix(), now.Nanosecond()/1000, c.db, c.conn.RemoteAddr())
			for _, a := range args {
				line += " " + quote(a)
			}
			line += "\r\n"
		}
		other.offer([]byte(line))
	}
}
