package awk

import (
	"io"
	"regexp"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// blankLines stand between records where RS is empty.
var blankLines = regexp.MustCompile(`\n\n+`)

// maxAwkFiles bounds what a program has open at once.
const maxAwkFiles = 64

// awkInputs is the input of a program: its operands, one after the other.
type awkInputs struct {
	names   []string
	opened  bool // standard input or an operand was read
	records []string
}

// awkReader is what getline reads: a file or a command's output, split.
type awkReader struct{ records []string }

// parts splits text as RS says.
func (a *awkRun) parts(text string) []string {
	switch rs := a.vars["RS"].String(); {
	case text == "":
		return nil
	case rs == "\n":
		return program.Lines([]byte(text))
	case rs == "":
		text = strings.Trim(text, "\n")
		if text == "" {
			return nil
		}
		return blankLines.Split(text, -1)
	default:
		text = strings.TrimSuffix(text, "\n")
		if len(rs) == 1 {
			return strings.Split(strings.TrimSuffix(text, rs), rs)
		}
		if re := a.compile(rs); re != nil {
			return re.Split(text, -1)
		}
		return []string{text}
	}
}

// record is the next one of the input; false at its end.
func (a *awkRun) record() (string, bool) {
	for len(a.input.records) == 0 {
		if a.c.Busy() || !a.open() {
			return "", false
		}
	}
	line := a.input.records[0]
	a.input.records = a.input.records[1:]
	a.vars["NR"] = awkNumber(a.vars["NR"].number() + 1)
	a.vars["FNR"] = awkNumber(a.vars["FNR"].number() + 1)
	return line, true
}

// open goes on to the next operand; an assignment is carried out.
func (a *awkRun) open() bool {
	for len(a.input.names) > 0 {
		name := a.input.names[0]
		a.input.names = a.input.names[1:]
		if variable, value, ok := strings.Cut(name, "="); ok && variable != "" && strings.IndexFunc(variable, func(r rune) bool { return r > 127 || !identifier(byte(r)) }) < 0 {
			a.vars[variable] = awkEscaped(value)
			continue
		}
		return a.openFile(name)
	}
	if a.input.opened {
		return false
	}
	return a.openFile("-")
}

func (a *awkRun) openFile(name string) bool {
	a.input.opened = true
	data, err := a.c.Read(name)
	if a.c.Stop != nil {
		return false
	}
	if err != nil {
		a.c.Err.Print("awk: cannot open " + name + " (" + vfs.Text(err) + ")\n")
		a.status, a.failed = 2, true
		a.input.names = nil
		return false
	}
	if name != "-" {
		a.vars["FILENAME"] = awkValue{s: name}
	}
	a.vars["FNR"] = awkNumber(0)
	a.input.records = a.parts(string(data))
	return true
}

// getline reads a record into $0 or a variable: from the input, a file or a
// command.
func (a *awkRun) getline(n awkNode) awkValue {
	var line string
	var ok bool
	switch n.text {
	case "":
		line, ok = a.record()
	default:
		name := a.eval(n.body[0][0]).String()
		reader := a.readers[name]
		if reader == nil {
			var text string
			if len(a.readers) >= maxAwkFiles {
				return awkNumber(-1)
			}
			if n.text == "|" {
				text = a.output(name)
			} else {
				data, err := a.c.Read(name)
				if err != nil {
					return awkNumber(-1)
				}
				text = string(data)
			}
			reader = &awkReader{a.parts(text)}
			a.readers[name] = reader
		}
		if ok = len(reader.records) > 0; ok {
			line, reader.records = reader.records[0], reader.records[1:]
		}
		if ok && n.text == "|" {
			a.vars["NR"] = awkNumber(a.vars["NR"].number() + 1)
		}
	}
	if !ok {
		return awkNumber(0)
	}
	if len(n.kids) > 0 {
		a.assign(n.kids[0], awkInput(line))
	} else {
		a.setLine(line)
	}
	return awkNumber(1)
}

// output runs a command in a shell and returns what it says.
func (a *awkRun) output(command string) string {
	p := &program.Pipe{Budget: a.c.Kernel}
	io := a.c.Streams
	io.Out = program.Stream{Writer: p}
	a.command(command, io)
	return p.String()
}

// command runs a command in a shell and returns its status.
func (a *awkRun) command(command string, io program.Streams) int {
	if a.c.Stop != nil {
		return 1
	}
	return a.c.Script(command, []string{"sh"}, io)
}

// print writes to where a print statement says.
func (a *awkRun) print(n awkNode, text string) {
	if n.text == "" {
		a.c.Print(text)
		return
	}
	target := a.eval(n.body[0][0]).String()
	switch {
	case target == "/dev/stdout" || target == "-" && n.text != "|":
		a.c.Print(text)
	case target == "/dev/stderr":
		a.c.Err.Print(text)
	case n.text == "|":
		if a.pipes[target] == nil {
			if len(a.pipes) >= maxAwkFiles {
				a.c.Stop = program.ErrBudget
				return
			}
			a.pipes[target] = &strings.Builder{}
			a.order = append(a.order, target)
		}
		if b := a.pipes[target]; b.Len()+len(text) < a.c.Kernel.Room() {
			b.WriteString(text)
		}
	default:
		a.write(target, n.text, text)
	}
}

func (a *awkRun) write(name, mode, text string) {
	file := a.files[name]
	if file == nil {
		flags := vfs.Write | vfs.Create | vfs.Truncate
		if mode == ">>" {
			flags = vfs.Write | vfs.Create | vfs.Append
		}
		opened, err := a.c.Open(name, flags)
		if err != nil || len(a.files) >= maxAwkFiles {
			a.c.Err.Print("awk: cannot open \"" + name + "\" for output\n")
			a.status, a.c.Stop = 2, program.ErrPipe
			return
		}
		file = &program.CountedWriter{Budget: a.c.Kernel, To: opened}
		a.files[name] = file
	}
	if _, err := io.WriteString(file, text); err != nil {
		a.c.Stop = err
	}
}

// close ends a file or a command; -1 where none of that name is open.
func (a *awkRun) close(name string) int {
	if b := a.pipes[name]; b != nil {
		delete(a.pipes, name)
		io := a.c.Streams
		io.In = strings.NewReader(b.String())
		return a.command(name, io)
	}
	if a.files[name] != nil {
		delete(a.files, name)
		return 0
	}
	if a.readers[name] != nil {
		delete(a.readers, name)
		return 0
	}
	return -1
}

// finish runs the commands that are printed to, in the order of their opening.
func (a *awkRun) finish() {
	for _, name := range a.order {
		if a.c.Stop != nil {
			return
		}
		a.close(name)
	}
}
