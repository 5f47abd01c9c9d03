package schema

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
)

// hostName is a name or an address of a server.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$|^[0-9A-Fa-f:]+(%[A-Za-z0-9]+)?$`)

func (c *sinkCheck) email() {
	if c.Host != "" && !hostName.MatchString(c.Host) {
		c.fault("host", "This is no name of a mail server", "Write mail.example.com, without a port: port = 587.")
	}
	if c.given("port") && (c.Port < 1 || c.Port > 65535) {
		c.fault("port", "This is no port", "It is a whole number from 1 to 65535.")
	}
	c.choice("tls", c.TLS, sinkTLS)
	if c.TLS == "none" && !Loopback(c.Host) {
		c.fault("tls", "Mail to another host is encrypted", "tls = \"none\" is for this machine only; write \"starttls\" or \"tls\".")
	}
	if c.Username == "" && c.PasswordFile != "" {
		c.fault("password_file", "A password needs a user name", "Write username beside it.")
	}
	if c.Username != "" && c.PasswordFile == "" {
		c.fault("username", "A user name needs a password", "Write password_file, the path of a file with mode 0600, beside it.")
	}
	if strings.ContainsAny(c.Username, "\r\n\x00") {
		c.fault("username", "username is not accepted", "It is one line.")
	}
	if c.From != "" {
		c.mailbox("from", c.From)
	}
	if len(c.To) > maxSinkList {
		c.fault("to", "There are too many recipients", "Up to %d are written to; a mailing list serves more.", maxSinkList)
	}
	for _, to := range c.To {
		c.mailbox("to", to)
	}
}

// mailbox wants an address as RFC 5322 section 3.4 has it, in one line.
func (c *sinkCheck) mailbox(argument, text string) {
	if _, err := mail.ParseAddress(text); err != nil || len(text) > 320 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		c.fault(argument, fmt.Sprintf("%q is no mail address", text), "Write ops@example.com or \"Operations <ops@example.com>\".")
	}
}
