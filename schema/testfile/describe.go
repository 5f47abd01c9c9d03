package testfile

import (
	"slices"

	"github.com/decnet/decnet/schema"
)

// Blocks describes what may stand in a test file, for editors and reference
// pages. It is made from what Parse accepts.
func Blocks() []schema.BlockInfo {
	assert := schema.BlockInfo{Type: "assert", Doc: documentation["assert"], Arguments: arguments("assert", assertArguments, assertArguments)}
	values := schema.BlockInfo{Type: "variables", Doc: documentation["variables"], Free: true}
	run := schema.BlockInfo{
		Type: "run", Doc: documentation["run"], Labels: []schema.LabelInfo{{Name: "name"}},
		Arguments: arguments("run", runArguments, nil), Blocks: []schema.BlockInfo{assert},
	}
	for _, kind := range []Kind{HTTP, SSH, TCP} {
		where, required := `probe "`+string(kind)+`"`, []string{"target"}
		if kind == TCP {
			required = append(required, "port")
		}
		run.Blocks = append(run.Blocks, schema.BlockInfo{
			Type: where, Doc: documentation[where], Arguments: arguments("probe", slices.Concat(common, kinds[kind]), required),
			Blocks: []schema.BlockInfo{assert},
		})
	}
	run.Blocks = append(run.Blocks, values)
	return []schema.BlockInfo{run, values}
}

// arguments describes arguments by their names.
func arguments(of string, names, required []string) []schema.Argument {
	out := make([]schema.Argument, 0, len(names))
	for _, name := range slices.Sorted(slices.Values(names)) {
		a := documented[of+"."+name]
		a.Name, a.Required = name, slices.Contains(required, name)
		if a.Required {
			a.Default = ""
		}
		out = append(out, a)
	}
	return out
}

// documentation is of blocks.
var documentation = map[string]string{
	"assert":       "What must hold. Conditions know `var`, `local`, `network`, `decky`, `output`, `events` and the outputs of earlier runs as `run.NAME.OUTPUT`; those in a probe know `probe`, too.",
	`probe "http"`: "Sends one request. `probe` has `status`, `reason`, `protocol`, `headers`, `header_order`, `body`, `error` and `duration_ms`.",
	`probe "ssh"`:  "Logs in and runs a command. `probe` has `login`, `output`, `status`, `version`, `host_key`, `error` and `duration_ms`.",
	`probe "tcp"`:  "Connects and reads what is said first. `probe` has `open`, `banner`, `error` and `duration_ms`.",
	"run":          "One step of a test: plans or applies, probes and asserts. State is kept between the runs of a file and destroyed at its end.",
	"variables":    "Values for variables of the configuration: at the top of the file for every run, in a run for that one.",
}

// documented is of arguments, by block and name.
var documented = map[string]schema.Argument{
	"assert.condition":     {Type: "bool", Doc: "True where it holds. One that speaks of `events` is tried again until the patience of the test ends."},
	"assert.error_message": {Type: "string", Doc: "What is said where it does not."},
	"probe.body":           {Type: "string", Doc: "Body of the request."},
	"probe.command":        {Type: "string", Doc: "Command line to run after the login."},
	"probe.expect_banner":  {Type: "string", Doc: "Regular expression that what is said first must match."},
	"probe.expect_closed":  {Type: "bool", Default: "false", Doc: "The port must not answer."},
	"probe.headers":        {Type: "map(string)", Doc: "Header fields of the request."},
	"probe.host":           {Type: "string", Doc: "Host that the request names."},
	"probe.method":         {Type: "string", Default: "GET", Doc: "Method of the request."},
	"probe.password":       {Type: "string", Doc: "Password of the login."},
	"probe.path":           {Type: "string", Default: "/", Doc: "Path of the request."},
	"probe.port":           {Type: "number", Default: "the protocol's", Doc: "Port to connect to."},
	"probe.send":           {Type: "string", Doc: "What is sent after connecting."},
	"probe.target":         {Type: "reference or string", Doc: "Decky, or IP, to connect to."},
	"probe.timeout":        {Type: "string", Default: "5s", Doc: "How long the whole probe may take, a minute at most."},
	"probe.tls":            {Type: "bool", Default: "false", Doc: "Speaks TLS; any certificate is taken."},
	"probe.user":           {Type: "string", Doc: "User of the login."},
	"run.command":          {Type: "keyword", Default: "apply", OneOf: []string{"apply", "plan"}, Doc: "What the run does before it probes and asserts."},
	"run.expect_failures":  {Type: "list(reference)", Doc: "Checks, variables, outputs and deckies whose conditions must fail, such as check.names."},
}
