package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/schema/event"
)

// Func is one program; it returns its exit status.
type Func func(*Call) int

// Ways a program is stopped from outside. Call.Stop holds one of them, or an
// error of the recorder.
var (
	// ErrBudget: the command line has used up what it may cost.
	ErrBudget = errors.New("budget of the command line is used up")
	// ErrInterrupted: ^C, a timeout or the end of the session.
	ErrInterrupted = errors.New("interrupted")
	// ErrPipe: nobody reads what is written.
	ErrPipe = errors.New("broken pipe")
)

// Exit ends the shell with a status; it is a Call.Stop.
type Exit int

// Error implements error.
func (e Exit) Error() string { return "exit " + strconv.Itoa(int(e)) }

// Process is what a program inherits from the one that started it.
type Process struct {
	Machine *machine.Machine
	User    machine.Account
	Cwd     string
	Umask   uint32
	// Env are "NAME=value" lines; nil stands for the shell's exported variables.
	Env []string
	// TTY is "/dev/pts/0", empty without a terminal; Rows and Cols its size.
	TTY        string
	Rows, Cols int
	// Source and Local are the ends of the client's connection.
	Source, Local netip.AddrPort
	PID           int // of the shell
	Self          int // of the program, 0 for a builtin
}

// Budget bounds what a program costs.
type Budget interface {
	// Step counts a step of a long loop; an error stops the program.
	Step(ctx context.Context) error
	// Spend counts bytes that were moved.
	Spend(n int) error
	// Room is how many bytes one buffer may hold.
	Room() int
	// Sleep lets time pass; false tells that the program has to end.
	Sleep(ctx context.Context, d time.Duration) bool
	// Time is how long the command line may take at most.
	Time() time.Duration
}

// Launcher starts what a program starts.
type Launcher interface {
	// Program is the simulated program of a name: an applet of busybox.
	Program(name string) (Func, bool)
	// Find is where execvp(3) finds name.
	Find(p *Process, name string) (string, error)
	// Run runs a program or script by its name and waits for it. A name that is
	// not found is answered in the shell's words.
	Run(ctx context.Context, p *Process, args []string, s Streams) (status int, err error)
	// Script runs a script with args as $0, $1... in a shell of its own.
	Script(ctx context.Context, p *Process, text string, args []string, s Streams) (status int, err error)
	// Shell runs a shell by its name with its own arguments: -c and the like.
	Shell(ctx context.Context, p *Process, name string, args []string, s Streams) (status int, err error)
	// Open opens a path, the devices of the session included.
	Open(p *Process, path string, flags int, s Streams) (io.ReadWriter, error)
	// Environ are the exported variables of the shell.
	Environ() []string
	// Become has a shell of p's user read the terminal from here on, until it
	// ends: su without a command. login makes it a login shell.
	Become(p *Process, shell string, login bool)
}

// Recorder keeps what a client did.
type Recorder interface {
	// Record keeps an event and returns when it survives.
	Record(body event.Body) error
	// Wanted notes that a program would have reached another host.
	Wanted(verb, target string)
	// Unknown notes that the answer is not the real one.
	Unknown()
}

// Kernel is what the shell lends to the programs of one command line.
type Kernel interface {
	Budget
	Launcher
	Recorder
}

// Call is one program as it runs.
type Call struct {
	Process
	Kernel Kernel
	Ctx    context.Context // ends with this call
	Name   string          // as it was called, without its directory
	Args   []string        // without the name
	Streams
	// Prefix stands before the messages of a builtin: "bash: line 1: ".
	Prefix string
	// SetVariable sets a variable of the shell; nil for a program, which cannot.
	SetVariable func(name, value string)
	// Stop ends the command line.
	Stop error
	// Long: the second line of a complaint about the command line names the
	// program too, as diffutils do.
	Long bool
	// Hint is the second line of such a complaint where the program has one of
	// its own.
	Hint string
	// Applet: the program runs as an applet of busybox, whose output may differ.
	Applet bool
	// Answered: the program said its version or its help and ends well, whatever
	// it returns.
	Answered bool
}

// Print writes to standard output.
func (c *Call) Print(text string) { c.Write(c.Out, text) }

// Printf writes to standard output.
func (c *Call) Printf(format string, args ...any) { c.Write(c.Out, fmt.Sprintf(format, args...)) }

// Write writes to a stream and stops the program once nobody reads it.
func (c *Call) Write(to Stream, text string) {
	if c.Stop != nil {
		return
	}
	_, err := io.WriteString(to, text)
	switch {
	case err == nil:
	case errors.Is(err, ErrPipe), errors.Is(err, ErrBudget):
		c.Stop = err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EFBIG), errors.Is(err, syscall.EBADF):
		c.Err.Print(c.Name + ": write error: " + vfs.Text(err) + "\n")
		c.Stop = ErrPipe
	}
}

// Complain prints "name: message" and returns status 1.
func (c *Call) Complain(format string, args ...any) int {
	c.Err.Print(c.Name + ": " + fmt.Sprintf(format, args...) + "\n")
	return 1
}

// Shout is Complain of what may be a builtin: the shell names itself first.
func (c *Call) Shout(format string, args ...any) int {
	c.Err.Print(c.Prefix + c.Name + ": " + fmt.Sprintf(format, args...) + "\n")
	return 1
}

// Path is a file name as seen from the working directory.
func (c *Call) Path(name string) string {
	if name == "" {
		return ""
	}
	return vfs.Clean(c.Cwd, name)
}

// View is the file system as the program's user sees it.
func (c *Call) View() vfs.View {
	v := c.Machine.FS.As(c.User.UID, c.User.GID)
	v.PID = c.Self
	return v
}

// Now is the host's time.
func (c *Call) Now() time.Time { return c.Machine.Now() }

// Local is a time on the host's clock, or on that of TZ where the environment
// names a zone; a name that is none is UTC, as tzset(3) has it.
func (c *Call) Local(t time.Time) time.Time { return t.In(c.Zone()) }

// Open opens a file, or a device of the session.
func (c *Call) Open(name string, flags int) (io.ReadWriter, error) {
	return c.Kernel.Open(&c.Process, name, flags, c.Streams)
}

// Read is the whole of a file, "-" being standard input.
func (c *Call) Read(name string) ([]byte, error) {
	if name == "-" {
		return c.ReadAll(c.In)
	}
	file, err := c.Open(name, vfs.Read)
	if err != nil {
		return nil, err
	}
	return c.ReadAll(file)
}

// ReadAll reads to the end, within the budget's room.
func (c *Call) ReadAll(from io.Reader) ([]byte, error) {
	if from == nil {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(from, int64(c.Kernel.Room())))
	if spent := c.Kernel.Spend(len(data)); spent != nil {
		c.Stop = spent
		return nil, spent
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return data, err
}

// Busy counts a step of a long program and tells whether to stop.
func (c *Call) Busy() bool {
	if c.Stop == nil {
		c.Stop = c.Kernel.Step(c.Ctx)
	}
	return c.Stop != nil
}

// Wait lets time pass and tells whether the program goes on.
func (c *Call) Wait(d time.Duration) bool {
	if !c.Kernel.Sleep(c.Ctx, d) {
		c.Stop = ErrInterrupted
		return false
	}
	return true
}

// Environ is the environment.
func (c *Call) Environ() []string {
	if c.Env == nil {
		return c.Kernel.Environ()
	}
	return c.Env
}

// Getenv is a variable of the environment; ok tells whether it is there.
func (c *Call) Getenv(name string) (value string, ok bool) {
	for _, e := range slices.Backward(c.Environ()) {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// Find is where execvp(3) finds a program.
func (c *Call) Find(name string) (string, error) { return c.Kernel.Find(&c.Process, name) }

// Run runs another program in this one's place and environment and returns its
// status.
func (c *Call) Run(args []string, s Streams) int {
	status, err := c.Kernel.Run(c.Ctx, &c.Process, args, s)
	c.Stop = err
	return status
}

// Script runs a shell script with args as $0, $1... and returns its status.
func (c *Call) Script(text string, args []string, s Streams) int {
	status, err := c.Kernel.Script(c.Ctx, &c.Process, text, args, s)
	c.Stop = err
	return status
}

// Execute is Run of a wrapper, which says in words of its own where there is
// no such program.
func (c *Call) Execute(args []string, s Streams, words string) int {
	if _, err := c.Find(args[0]); err != nil {
		c.Complain(words, args[0], vfs.Text(err))
		if errors.Is(err, syscall.ENOENT) {
			c.Kernel.Unknown()
			return 127
		}
		return 126
	}
	return c.Run(args, s)
}
