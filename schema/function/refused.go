package function

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema/diag"
)

const (
	clock  = "It gives another value every time, and a plan must be the same tomorrow as today. Give the value as a variable."
	random = "It gives another value every time, and a plan must be the same tomorrow as today. uuidv5(\"dns\", name) makes a lasting id of a name."
	host   = "It depends on the machine, and a plan must be the same on every one. Paths are relative to the configuration: ${path.module}/NAME."
)

// refused are the functions of Terraform that this library does not have, and
// why.
var refused = map[string]string{
	"timestamp": clock, "plantimestamp": clock, "uuid": random, "abspath": host, "pathexpand": host,
	"bcrypt":          "It salts with random bytes, so every plan would show a change. Give the hash as a variable that is sensitive.",
	"rsadecrypt":      "It would need a private key in the configuration. Give the decrypted text as a variable that is sensitive.",
	"ephemeralasnull": "No value is ephemeral here: all are known when they are planned, and what is sensitive stays out of plans and logs.",
	"list":            "Terraform has dropped it, too. Write [a, b], or tolist([a, b]).",
	"map":             "Terraform has dropped it, too. Write { a = b }, or tomap({ a = b }).",
	"type":            "It is for looking at values in the console only. can(tostring(x)) asks whether a value fits a type.",
	"matches":         "It is for the conditions of rules. can(regex(pattern, text)) asks the same of a text that is known.",
	"env":             "A plan must not depend on who makes it. Declare a variable; DECNET_VAR_NAME in the environment gives it its value.",
	"random":          random,
	"now":             clock,
}

// Explain improves the error for a call of a function that is not in the
// library: why it is refused, or what was probably meant. Other diagnostics are
// returned as they are.
func Explain(d *hcl.Diagnostic) *hcl.Diagnostic {
	call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](d)
	if !ok {
		return d
	}
	name := call.CalledFunctionName()
	clean := *d
	clean.Summary = fmt.Sprintf("There is no function %q", name)
	if namespace := call.CalledFunctionNamespace(); namespace != "" {
		clean.Summary = fmt.Sprintf("There is no function %q", namespace+name)
		clean.Detail = "Functions come with the language; there are none of providers."
		if _, known := pure()[name]; known && strings.HasPrefix(namespace, "core") {
			clean.Detail = fmt.Sprintf("Write %s(...) without a namespace.", name)
		}
		return &clean
	}
	why, known := refused[name]
	if known {
		clean.Detail = why
		return &clean
	}
	all := slices.Collect(maps.Keys(All(nil)))
	clean.Detail = "`decnet docs` lists the functions that there are."
	if near := diag.Nearest(name, all); near != "" {
		clean.Detail = fmt.Sprintf("Did you mean %q? %s", near, clean.Detail)
	}
	return &clean
}
