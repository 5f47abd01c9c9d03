package shell

import (
	"syscall"

	"github.com/decnet/decnet/schema/event"
)

var errUnreachable = syscall.ENETUNREACH

// wanted records that a client wanted to reach something. Nothing is
// contacted.
func (r *runner) wanted(technique, target string) {
	_ = r.session.record(&event.Scan{Technique: technique, Data: event.Text(target).Clip(4096)})
}
