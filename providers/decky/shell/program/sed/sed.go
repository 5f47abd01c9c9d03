package sed

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// sedUsage is what sed prints where it is given no script.
const sedUsage = `Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...

  -n, --quiet, --silent
                 suppress automatic printing of pattern space
      --debug
                 annotate program execution
  -e script, --expression=script
                 add the script to the commands to be executed
  -f script-file, --file=script-file
                 add the contents of script-file to the commands to be executed
  --follow-symlinks
                 follow symlinks when processing in place
  -i[SUFFIX], --in-place[=SUFFIX]
                 edit files in place (makes backup if SUFFIX supplied)
  -l N, --line-length=N
                 specify the desired line-wrap length for the ` + "`l'" + ` command
  --posix
                 disable all GNU extensions.
  -E, -r, --regexp-extended
                 use extended regular expressions in the script
                 (for portability use POSIX -E).
  -s, --separate
                 consider files as separate rather than as a single,
                 continuous long stream.
      --sandbox
                 operate in sandbox mode (disable e/r/w commands).
  -u, --unbuffered
                 load minimal amounts of data from the input files and flush
                 the output buffers more often
  -z, --null-data
                 separate lines by NUL characters
      --help     display this help and exit
      --version  output version information and exit

If no -e, --expression, -f, or --file option is given, then the first
non-option argument is taken as the sed script to interpret.  All
remaining arguments are names of input files; if no input files are
specified, then the standard input is read.

GNU sed home page: <https://www.gnu.org/software/sed/>.
General help using GNU software: <https://www.gnu.org/gethelp/>.
`

func sed(c *program.Call) int {
	f, rest, ok := c.Parse("nEri::e:f:l:suz", "quiet=n silent=n regexp-extended=E expression=:e in-place=::i file=:f separate=s unbuffered=u null-data=z posix=p debug=D line-length=:l follow-symlinks=F")
	if !ok {
		return 1
	}
	p := &parser{extended: f.Has("E") || f.Has("r"), labels: map[string]int{}}
	if !sedScript(c, p, f, &rest) {
		if p.zero {
			return 4
		}
		return 1
	}
	commands, problem := p.parse()
	switch {
	case problem == "":
	case strings.HasPrefix(problem, "can't"):
		c.Err.Print("sed: " + problem + "\n")
		return 4
	default:
		c.Err.Print("sed: -e expression #1, char " + strconv.Itoa(p.at()) + ": " + problem + "\n")
		return 1
	}
	s := &run{c: c, commands: commands, quiet: f.Has("n") || p.silent, separator: "\n", written: map[string]*strings.Builder{}}
	if f.Has("z") {
		s.separator = "\x00"
	}
	return s.files(rest, f)
}

// sedScript collects the script of -e, -f or the first operand; false is a
// usage error that was printed.
func sedScript(c *program.Call, p *parser, f program.Flags, rest *[]string) bool {
	var parts []string
	for _, given := range f.Given {
		switch given.Letter {
		case "e":
			parts = append(parts, given.Value)
		case "f":
			data, err := c.Read(given.Value)
			if err != nil {
				c.Complain("couldn't open file %s: %s", given.Value, vfs.Text(err))
				p.zero = true
				return false
			}
			parts = append(parts, strings.TrimSuffix(string(data), "\n"))
		}
	}
	if len(parts) == 0 {
		if len(*rest) == 0 {
			c.Err.Print(sedUsage)
			return false
		}
		parts, *rest = (*rest)[:1], (*rest)[1:]
	}
	p.text = strings.Join(parts, "\n")
	return true
}

// files edits the input, in place where -i says so.
func (s *run) files(names []string, f program.Flags) int {
	status := 0
	c := s.c
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		data, err := c.Read(name)
		if c.Stop != nil {
			return 4
		}
		if err != nil {
			status = 2
			if vfs.Text(err) == "Is a directory" {
				what := "couldn't edit %s: not a regular file"
				if !f.Has("i") {
					what = "couldn't read %s: Is a directory"
				} else {
					status = 4
				}
				c.Complain(strings.Replace(what, "couldn't read %s", "read error on %s", 1), name)
				continue
			}
			c.Complain("can't read %s: %s", name, vfs.Text(err))
			continue
		}
		s.load(name, data)
		if !f.Has("i") && !f.Has("s") {
			continue
		}
		s.run()
		if f.Has("i") {
			if problem := s.replace(name, data, f.Value["i"]); problem != "" {
				c.Complain("%s", problem)
				return 4
			}
		}
		if s.quit {
			break
		}
	}
	if !s.quit && len(s.Lines) > 0 {
		s.run()
	}
	c.Print(s.out.String())
	s.flush()
	return max(status, s.status)
}

// replace writes a file that was edited in place.
func (s *run) replace(name string, old []byte, suffix string) string {
	view, path := s.c.View(), s.c.Path(name)
	info, err := view.Stat(path)
	if err != nil {
		return "can't read " + name + ": " + vfs.Text(err)
	}
	if suffix != "" {
		backup := path + suffix
		if strings.Contains(suffix, "*") {
			backup = path[:strings.LastIndexByte(path, '/')+1] + strings.ReplaceAll(suffix, "*", program.Base(path))
		}
		if err := view.WriteFile(backup, old, info.Mode&0o777); err != nil {
			return "cannot rename " + name + ": " + vfs.Text(err)
		}
	}
	if err := view.WriteFile(path, []byte(s.out.String()), info.Mode&0o777); err != nil {
		dir := "."
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			dir = name[:max(i, 1)]
		}
		return "couldn't open temporary file " + dir + "/sedXXXXXX: " + vfs.Text(err)
	}
	s.out.Reset()
	s.missing = false
	return ""
}
