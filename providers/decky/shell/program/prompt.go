package program

import (
	"github.com/decnet/decnet/schema/event"
)

// Prompt asks for a secret on a terminal and records it.
func (c *Call) Prompt(text string) string {
	if !c.Out.TTY && c.TTY == "" {
		return ""
	}
	c.Err.Print(text)
	restore := c.Hush()
	secret, _, err := ReadLine(c.In, '\n', 512)
	restore()
	if err != nil {
		return ""
	}
	if recordErr := c.Kernel.Record(&event.AuthAttempt{Method: c.Name, Username: event.Text(c.User.Name), Secret: event.Text(secret), SecretKind: "plaintext"}); recordErr != nil {
		c.Stop = recordErr
	}
	c.Err.Print("\n")
	return secret
}
