package script

import (
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// function is a call of what stands in a module.
func (p *interpreter) function(name string, args []any) any {
	c, m := p.c, p.c.Machine
	var first string
	if len(args) > 0 {
		first = text(args[0])
		if b, ok := args[0].(raw); ok {
			first = string(b)
		}
	}
	switch name {
	case "os.system":
		return big.NewInt(int64(c.Script(first, []string{"sh"}, c.Streams)) << 8)
	case "os.popen", "commands.getoutput", "subprocess.getoutput":
		out := p.capture(first)
		if name == "os.popen" {
			return opened{data: out}
		}
		return strings.TrimSuffix(out, "\n")
	case "subprocess.call", "subprocess.run", "subprocess.Popen", "subprocess.check_call":
		if list, ok := args0(args).([]any); ok {
			return big.NewInt(int64(p.launch(list)))
		}
		return big.NewInt(int64(c.Script(first, []string{"sh"}, c.Streams)))
	case "subprocess.check_output":
		if list, ok := args0(args).([]any); ok {
			var words []string
			for _, a := range list {
				words = append(words, "'"+strings.ReplaceAll(text(a), "'", `'\''`)+"'")
			}
			first = strings.Join(words, " ")
		}
		return raw(p.capture(first))
	case "pty.spawn":
		list, ok := args0(args).([]any)
		if !ok {
			list = []any{first}
		}
		return big.NewInt(int64(p.launch(list)))
	case "os.execl", "os.execlp", "os.execv", "os.execvp":
		list := []any{first}
		if len(args) > 2 && name[len("os.exec")] == 'l' {
			list = append(list, args[2:]...)
		}
		p.status = p.launch(list)
		p.ended = true
	case "os.getuid", "os.geteuid":
		return big.NewInt(int64(c.User.UID))
	case "os.getgid", "os.getegid":
		return big.NewInt(int64(c.User.GID))
	case "os.getpid":
		return big.NewInt(int64(m.NextPID()))
	case "os.getcwd":
		return c.Cwd
	case "os.getlogin", "getpass.getuser":
		return c.User.Name
	case "os.getenv", "os.environ.get":
		if value, ok := c.Getenv(first); ok {
			return value
		}
	case "os.listdir":
		if first == "" {
			first = "."
		}
		list, err := c.View().ReadDir(c.Path(first))
		if err != nil {
			p.fault = errnoWords(err, first)
			return nil
		}
		var all []any
		for _, e := range list {
			all = append(all, e.Name)
		}
		return all
	case "os.path.exists":
		_, err := c.View().Stat(c.Path(first))
		return err == nil
	case "os.remove", "os.unlink":
		if err := c.View().Remove(c.Path(first)); err != nil {
			p.fault = errnoWords(err, first)
		}
	case "socket.gethostname", "platform.node":
		return m.Persona.Hostname()
	case "platform.system":
		return m.Release.System
	case "platform.machine", "platform.processor":
		return m.Release.Machine
	case "platform.release":
		return m.Release.Kernel
	case "platform.version":
		return m.Release.Build
	case "platform.python_version":
		return p.version
	case "platform.platform":
		return m.Release.System + "-" + m.Release.Kernel + "-" + m.Release.Machine + "-with-glibc2.36"
	case "time.sleep":
		if d, ok := program.Interval(first); ok {
			c.Wait(d)
		}
	case "time.time":
		return float64(m.Now().UnixNano()/int64(time.Microsecond)) / 1e6
	case "base64.b64decode", "base64.decodestring":
		data, err := base64.StdEncoding.DecodeString(first)
		if err != nil {
			p.fault = "binascii.Error: Incorrect padding"
		}
		return raw(data)
	case "base64.b64encode":
		return raw(base64.StdEncoding.EncodeToString([]byte(first)))
	case "binascii.unhexlify", "bytes.fromhex":
		data, _ := hex.DecodeString(first)
		return raw(data)
	case "sys.exit", "os._exit":
		return p.builtin("exit", args)
	case "sys.stdout.write", "sys.stderr.write":
		if strings.Contains(name, "err") {
			c.Err.Print(first)
		} else {
			c.Print(first)
		}
		return nil
	case "sys.stdout.flush":
	case "sys.stdin.read":
		data, _ := c.ReadAll(c.In)
		return string(data)
	case "crypt.crypt":
		p.lost = true
	default:
		p.lost = true
	}
	return nil
}

func args0(args []any) any {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

// launch runs a program with its arguments.
func (p *interpreter) launch(list []any) int {
	var words []string
	for _, a := range list {
		words = append(words, text(a))
	}
	if len(words) == 0 {
		return 0
	}
	if _, err := p.c.Find(words[0]); err != nil {
		p.fault = "FileNotFoundError: [Errno 2] No such file or directory: '" + words[0] + "'"
		return 1
	}
	return p.c.Run(words, p.c.Streams)
}

// capture is what a command says.
func (p *interpreter) capture(command string) string {
	pipe := &program.Pipe{Budget: p.c.Kernel}
	s := p.c.Streams
	s.Out = program.Stream{Writer: pipe}
	p.c.Script(command, []string{"sh"}, s)
	return pipe.String()
}
