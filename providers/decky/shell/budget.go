package shell

import (
	"errors"
	"strconv"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// Limits bound what one command line may cost. A zero field takes its default.
type Limits struct {
	Steps  int           // statements and commands, default 100,000
	Depth  int           // nesting of functions, subshells and substitutions, default 48
	Output int           // bytes sent to the client, default 16 MiB
	Pipe   int           // bytes held by one pipe or substitution, default 1 MiB
	Work   int64         // bytes that commands read and write, default 64 MiB
	Time   time.Duration // on the clock, sleeps included, default 10 minutes
	Files  int           // open at once by redirections, default 64
	Line   int           // bytes of a command line, default 128 KiB
	Memory int           // bytes that the variables of a session hold, default 16 MiB
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, n int) {
		if *v <= 0 {
			*v = n
		}
	}
	set(&l.Steps, 100_000)
	set(&l.Depth, 48)
	set(&l.Output, 16<<20)
	set(&l.Pipe, 1<<20)
	set(&l.Files, 64)
	set(&l.Line, 128<<10)
	set(&l.Memory, 16<<20)
	if l.Work <= 0 {
		l.Work = 64 << 20
	}
	if l.Time <= 0 {
		l.Time = 10 * time.Minute
	}
	return l
}

// Ways a script is stopped.
var (
	errBudget      = program.ErrBudget
	errInterrupted = program.ErrInterrupted
	errMemory      = errors.New("cannot allocate memory")
	errPipe        = program.ErrPipe
)

type (
	exitError   = program.Exit // exit n
	returnError int            // return n
	breakError  int            // break n
	nextError   int            // continue n
)

// Error implements error.
func (e returnError) Error() string { return "return " + strconv.Itoa(int(e)) }

// Error implements error.
func (e breakError) Error() string { return "break " + strconv.Itoa(int(e)) }

// Error implements error.
func (e nextError) Error() string { return "continue " + strconv.Itoa(int(e)) }

// budget is what is left of one command line's Limits.
type budget struct {
	limits Limits
	steps  int
	files  int
	work   int64
}

func (b *budget) step() error {
	if b.steps++; b.steps > b.limits.Steps {
		return errBudget
	}
	return nil
}

// spend counts bytes that a command moved.
func (b *budget) spend(n int) error {
	if b.work += int64(n); b.work > b.limits.Work {
		return errBudget
	}
	return nil
}
