package program

import (
	"slices"
	"strings"
)

// Flags are the options of one call: the last value of each, and how often a
// flag was given.
type Flags struct {
	Value map[string]string
	Count map[string]int
	Given []Option // in their order
}

// Option is one option as it was given.
type Option struct{ Letter, Value string }

// Has tells whether an option was given.
func (f Flags) Has(name string) bool { return f.Count[name] > 0 }

// Parse reads options as GNU getopt_long does: short is getopt's string
// ("ab:"), long maps long names to their letters, a ":" in front of the letter
// saying that an argument is wanted. What is wrong is printed in its words and
// ok is false; the command then exits with status.
func (c *Call) Parse(short, long string) (f Flags, rest []string, ok bool) {
	f = Flags{Value: map[string]string{}, Count: map[string]int{}}
	names := map[string]string{}
	for word := range strings.FieldsSeq(long) {
		name, letter, _ := strings.Cut(word, "=")
		names[name] = letter
	}
	set := func(letter, value string) {
		f.Value[letter] = value
		f.Count[letter]++
		f.Given = append(f.Given, Option{letter, value})
	}
	early := strings.HasPrefix(short, "+")
	short = strings.TrimPrefix(short, "+")
	args := c.Args
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return f, append(rest, args[i+1:]...), true
		case strings.HasPrefix(a, "--"):
			name, value, given := strings.Cut(a[2:], "=")
			full, problem := longName(names, name)
			if problem != "" {
				if c.answer(a, short, names) {
					return f, nil, false
				}
				return f, nil, c.Usage(strings.ReplaceAll(problem, "\x00", a))
			}
			letter, optional := strings.CutPrefix(names[full], "::")
			wants := strings.HasPrefix(letter, ":")
			if wants && !given && !optional {
				if i++; i == len(args) {
					return f, nil, c.Usage("option '--" + full + "' requires an argument")
				}
				value = args[i]
			}
			if given && !wants && !optional {
				return f, nil, c.Usage("option '--" + full + "' doesn't allow an argument")
			}
			set(strings.TrimPrefix(letter, ":"), value)
		case len(a) > 1 && a[0] == '-':
			for j := 1; j < len(a); j++ {
				at := strings.IndexByte(short, a[j])
				if at < 0 || a[j] == ':' {
					return f, nil, c.Usage("invalid option -- '" + a[j:j+1] + "'")
				}
				if at+1 < len(short) && short[at+1] == ':' {
					value := a[j+1:]
					if optional := strings.HasPrefix(short[at+1:], "::"); value == "" && !optional {
						if i++; i == len(args) {
							return f, nil, c.Usage("option requires an argument -- '" + a[j:j+1] + "'")
						}
						value = args[i]
					}
					set(a[j:j+1], value)
					break
				}
				set(a[j:j+1], "")
			}
		default:
			if early {
				return f, append(rest, args[i:]...), true
			}
			rest = append(rest, a)
		}
	}
	return f, rest, true
}

// longName finds a long option by its name or an unambiguous start of it; what
// is wrong is told with a NUL where the option stands.
func longName(names map[string]string, name string) (full, problem string) {
	if _, ok := names[name]; ok {
		return name, ""
	}
	var found []string
	letters := map[string]bool{}
	for full, letter := range names {
		if name != "" && strings.HasPrefix(full, name) {
			found = append(found, full)
			letters[letter] = true
		}
	}
	switch {
	case len(found) == 0:
		return "", "unrecognized option '\x00'"
	case len(letters) > 1:
		slices.Sort(found)
		return "", "option '\x00' is ambiguous; possibilities: '--" + strings.Join(found, "' '--") + "'"
	}
	return found[0], ""
}

// Usage prints a complaint about the command line in coreutils' words.
func (c *Call) Usage(message string) bool {
	if c.Hint != "" {
		c.Err.Print(c.Name + ": " + message + "\n" + c.Hint)
		return false
	}
	if c.instead() {
		c.Err.Print(c.Name + ": " + message + "\n" + c.Help())
		return false
	}
	again := ""
	if c.Long {
		again = c.Name + ": "
	}
	c.Err.Print(c.Name + ": " + message + "\n" + again + "Try '" + c.Name + " --help' for more information.\n")
	return false
}

// Missing is usage with status 1 for a command without its operands.
func (c *Call) Missing() int {
	c.Usage("missing operand")
	return 1
}
