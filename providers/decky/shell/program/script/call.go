package script

import (
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// attribute is what stands in a module.
func (p *interpreter) attribute(name string) any {
	switch name {
	case "sys.version":
		return p.version + " " + p.build
	case "sys.platform":
		return "linux"
	case "sys.executable":
		return "/usr/bin/" + p.c.Name
	case "sys.argv":
		all := make([]any, len(p.argv))
		for i, a := range p.argv {
			all[i] = a
		}
		return all
	case "sys.maxsize":
		return big.NewInt(1<<63 - 1)
	case "os.name":
		return "posix"
	case "os.sep":
		return "/"
	case "sys.version_info":
		var all []any
		for part := range strings.SplitSeq(p.version, ".") {
			n, _ := strconv.ParseInt(part, 10, 64)
			all = append(all, big.NewInt(n))
		}
		return all
	}
	return module(name)
}

// call is f(args).
func (p *interpreter) call(f any, args []any) any {
	if p.c.Busy() {
		return nil
	}
	switch x := f.(type) {
	case callee:
		if x.self == nil {
			return p.builtin(x.name, args)
		}
		return p.method(x.self, x.name, args)
	case module:
		return p.function(string(x), args)
	}
	p.lost = true
	return nil
}

// builtin are python's own functions.
func (p *interpreter) builtin(name string, args []any) any {
	var first any
	if len(args) > 0 {
		first = args[0]
	}
	s, isString := first.(string)
	n, isNumber := first.(*big.Int)
	switch {
	case name == "print":
		sep, end := " ", "\n"
		var words []string
		for _, a := range args {
			if named, ok := a.([2]string); ok {
				if named[0] == "end" {
					end = named[1]
				} else {
					sep = named[1]
				}
				continue
			}
			words = append(words, text(a))
		}
		p.c.Print(strings.Join(words, sep) + end)
		return nil
	case name == "exit" || name == "quit":
		p.ended = true
		if isNumber {
			p.status = int(n.Int64() & 0xff)
		} else if isString {
			p.c.Err.Print(s + "\n")
			p.status = 1
		}
		return nil
	case name == "len" && isString:
		return big.NewInt(int64(len([]rune(s))))
	case name == "str":
		return text(first)
	case name == "repr":
		return represent(first)
	case name == "int" && isString:
		if v, ok := new(big.Int).SetString(strings.TrimSpace(s), 10); ok {
			return v
		}
		p.fault = "ValueError: invalid literal for int() with base 10: " + represent(s)
		return nil
	case name == "int" && isNumber:
		return n
	case name == "chr" && isNumber && n.IsInt64() && n.Int64() >= 0 && n.Int64() < 0x110000:
		return string(rune(n.Int64()))
	case name == "ord" && isString && len([]rune(s)) == 1:
		return big.NewInt(int64([]rune(s)[0]))
	case name == "hex" && isNumber:
		return "0x" + n.Text(16)
	case name == "bin" && isNumber:
		return "0b" + n.Text(2)
	case name == "oct" && isNumber:
		return "0o" + n.Text(8)
	case name == "__import__" && isString:
		if !standard(s) {
			p.fault = "ModuleNotFoundError: No module named '" + s + "'"
			return nil
		}
		return module(s)
	case (name == "exec" || name == "eval") && len(args) > 0:
		if b, ok := first.(raw); ok {
			s, isString = string(b), true
		}
		if isString && p.depth < maxDepth/2 {
			inner := *p
			inner.depth += 10
			if status := inner.script(s); status != 0 || inner.ended {
				p.ended, p.status = true, status
			}
			return nil
		}
	case name == "open" && isString:
		return p.open(s, args)
	case name == "input":
		p.c.Print(s)
		line, eof, err := program.ReadLine(p.c.In, '\n', 4096)
		if err != nil || eof && line == "" {
			p.fault = "EOFError: EOF when reading a line"
		}
		return line
	}
	p.lost = true
	return nil
}

// opened is a file of a script.
type opened struct{ name, data string }

func (p *interpreter) open(name string, args []any) any {
	if len(args) > 1 && strings.ContainsAny(text(args[1]), "wax+") {
		flags := vfs.Write | vfs.Create | vfs.Truncate
		if strings.Contains(text(args[1]), "a") {
			flags = vfs.Write | vfs.Create | vfs.Append
		}
		file, err := p.c.Open(name, flags)
		if err != nil {
			p.fault = errnoWords(err, name)
			return nil
		}
		_, _ = file.Write(nil)
		return opened{name: name}
	}
	data, err := p.c.Read(name)
	if err != nil {
		p.fault = errnoWords(err, name)
		return nil
	}
	return opened{name, string(data)}
}

func errnoWords(err error, name string) string {
	words := vfs.Text(err)
	switch words {
	case "No such file or directory":
		return "FileNotFoundError: [Errno 2] " + words + ": '" + name + "'"
	case "Permission denied":
		return "PermissionError: [Errno 13] " + words + ": '" + name + "'"
	case "Is a directory":
		return "IsADirectoryError: [Errno 21] " + words + ": '" + name + "'"
	}
	return "OSError: [Errno 5] " + words + ": '" + name + "'"
}

// method is a function of a value.
func (p *interpreter) method(self any, name string, args []any) any {
	first := ""
	if len(args) > 0 {
		first = text(args[0])
	}
	if b, ok := self.(raw); ok {
		switch name {
		case "decode":
			return string(b)
		case "hex":
			return hex.EncodeToString([]byte(b))
		}
	}
	if f, ok := self.(opened); ok {
		switch name {
		case "read":
			return f.data
		case "readline":
			line, _, _ := strings.Cut(f.data, "\n")
			return line + "\n"
		case "close", "flush":
			return nil
		case "write":
			if file, err := p.c.Open(f.name, vfs.Write|vfs.Create|vfs.Append); err == nil {
				_, _ = file.Write([]byte(first))
			}
			return big.NewInt(int64(len(first)))
		}
	}
	s, ok := self.(string)
	if !ok {
		p.lost = true
		return nil
	}
	switch name {
	case "upper":
		return strings.ToUpper(s)
	case "lower":
		return strings.ToLower(s)
	case "strip":
		return strings.TrimSpace(s)
	case "encode":
		return raw(s)
	case "decode":
		switch first {
		case "hex":
			data, _ := hex.DecodeString(s)
			return string(data)
		case "base64":
			data, _ := base64.StdEncoding.DecodeString(s)
			return string(data)
		}
		return s
	case "replace":
		if len(args) == 2 && first != "" && len(s)*(1+len(text(args[1]))) < maxText {
			return strings.ReplaceAll(s, first, text(args[1]))
		}
	case "join":
		if list, ok := args[0:1:1][0].([]any); ok {
			var words []string
			for _, e := range list {
				words = append(words, text(e))
			}
			return strings.Join(words, s)
		}
	case "split":
		parts := strings.Fields(s)
		if first != "" {
			parts = strings.Split(s, first)
		}
		all := make([]any, len(parts))
		for i, part := range parts {
			all[i] = part
		}
		return all
	}
	p.lost = true
	return nil
}
