package function

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// MaxFile is how many bytes of a file a function reads.
const MaxFile = 4 << 20

func files(root fs.FS) map[string]function.Function {
	fileFunc := func(convert func([]byte) (string, error)) function.Function {
		return textFunc([]string{"path"}, func(a []string) (string, error) {
			data, err := read(root, a[0])
			if err != nil {
				return "", err
			}
			return convert(data)
		})
	}
	digest := func(algorithm string, encode func([]byte) string) function.Function {
		return fileFunc(func(b []byte) (string, error) { return encode(sumOf(algorithm, b)), nil })
	}
	return map[string]function.Function{
		"file":             fileFunc(utf8Text),
		"filebase64":       fileFunc(func(b []byte) (string, error) { return base64Text(b), nil }),
		"filebase64sha256": digest("sha256", base64Text),
		"filebase64sha512": digest("sha512", base64Text),
		"filemd5":          digest("md5", hexText),
		"filesha1":         digest("sha1", hexText),
		"filesha256":       digest("sha256", hexText),
		"filesha512":       digest("sha512", hexText),
		"fileexists":       fileExists(root),
		"fileset":          fileSet(root),
	}
}

func utf8Text(b []byte) (string, error) {
	if !utf8.Valid(b) {
		return "", errors.New("the file is no UTF-8; filebase64 reads any bytes")
	}
	return string(b), nil
}

// within is a tree whose files are named with a path before them.
type within struct {
	fs.FS
	at string // clean: "modules/office", "../shared"
}

// local is name as a path inside the root.
func local(root fs.FS, name string) (string, error) {
	if root == nil {
		return "", errors.New("this configuration has no directory to read files from")
	}
	clean := path.Clean(name)
	if w, ok := root.(within); ok && !path.IsAbs(name) {
		inside, found := strings.CutPrefix(clean+"/", w.at+"/")
		if !found {
			return "", fmt.Errorf("%q is not inside the module's directory; give a path that begins with ${path.module}", name)
		}
		if clean = strings.TrimSuffix(inside, "/"); clean == "" {
			clean = "."
		}
	}
	if path.IsAbs(name) || !fs.ValidPath(clean) {
		return "", fmt.Errorf("%q is not inside the configuration's directory; give a path relative to it, such as ${path.module}/users.csv", name)
	}
	return clean, nil
}

func read(root fs.FS, name string) ([]byte, error) {
	clean, err := local(root, name)
	if err != nil {
		return nil, err
	}
	f, err := root.Open(clean)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, reason(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, reason(err))
	}
	if len(data) > MaxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, MaxFile)
	}
	return data, nil
}

// reason is the cause without the path, which may be the machine's.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

func fileExists(root fs.FS) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			clean, err := local(root, args[0].AsString())
			if err != nil {
				return cty.UnknownVal(cty.Bool), err
			}
			info, err := fs.Stat(root, clean)
			return cty.BoolVal(err == nil && info.Mode().IsRegular()), nil
		},
	})
}

func fileSet(root fs.FS) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}, {Name: "pattern", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Set(cty.String)),
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			dir, err := local(root, args[0].AsString())
			if err != nil {
				return cty.UnknownVal(ty), err
			}
			matches, err := fs.Glob(root, path.Join(dir, args[1].AsString()))
			if err != nil {
				return cty.UnknownVal(ty), fmt.Errorf("the pattern: %w", err)
			}
			var out []cty.Value
			for _, m := range matches {
				if info, err := fs.Stat(root, m); err == nil && info.Mode().IsRegular() {
					out = append(out, cty.StringVal(strings.TrimPrefix(m, dir+"/")))
				}
			}
			if len(out) == 0 {
				return cty.SetValEmpty(cty.String), nil
			}
			return cty.SetVal(out), nil
		},
	})
}

// templateFile renders a file as a template. Templates do not render further
// templates, so they end.
func templateFile(root fs.FS, functions map[string]function.Function) function.Function {
	return template("path", func(name string) ([]byte, string, error) {
		data, err := read(root, name)
		return data, name, err
	}, functions)
}

// templateString renders a text as a template.
func templateString(functions map[string]function.Function) function.Function {
	return template("template", func(text string) ([]byte, string, error) { return []byte(text), "the template", nil }, functions)
}

// template is a function that renders what source makes of its first argument.
func template(first string, source func(string) ([]byte, string, error), functions map[string]function.Function) function.Function {
	render := func(args []cty.Value) (cty.Value, error) {
		data, name, err := source(args[0].AsString())
		if err != nil {
			return cty.DynamicVal, function.NewArgError(0, err)
		}
		if ty := args[1].Type(); !ty.IsObjectType() && !ty.IsMapType() {
			return cty.DynamicVal, function.NewArgErrorf(1, "the variables are a map or an object")
		}
		expr, diags := hclsyntax.ParseTemplate(data, name, hcl.InitialPos)
		if diags.HasErrors() {
			return cty.DynamicVal, function.NewArgError(0, diags)
		}
		variables := map[string]cty.Value{} // an empty one, not nil, which says that none are allowed
		maps.Copy(variables, args[1].AsValueMap())
		value, diags := expr.Value(&hcl.EvalContext{Variables: variables, Functions: functions})
		if diags.HasErrors() {
			return cty.DynamicVal, diags // of no one argument: any may be sensitive
		}
		return value, nil
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: first, Type: cty.String}, {Name: "vars", Type: cty.DynamicPseudoType}},
		Type: func(args []cty.Value) (cty.Type, error) {
			if !args[0].IsKnown() || !args[1].IsWhollyKnown() {
				return cty.DynamicPseudoType, nil
			}
			value, err := render(args)
			return value.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return render(args) },
	})
}
