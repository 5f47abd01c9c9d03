package program

import (
	"time"
)

// Resolving is how long a name server that does not answer is waited for.
func (c *Call) Resolving() bool {
	return c.Wait(time.Duration(c.Machine.Number("net/resolve", 900, 2600)) * time.Millisecond)
}
