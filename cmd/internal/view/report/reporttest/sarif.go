package reporttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
)

// object is one JSON object while it is judged; what is wrong is collected.
type object struct {
	path   string
	values map[string]any
	errs   *[]error
}

func (o object) fail(format string, args ...any) {
	*o.errs = append(*o.errs, fmt.Errorf("%s: %s", o.path, fmt.Sprintf(format, args...)))
}

// only refuses every property that is not listed; the SARIF schema allows none
// but its own.
func (o object) only(names ...string) object {
	for name := range o.values {
		if !slices.Contains(names, name) {
			o.fail("SARIF knows no property %s here", name)
		}
	}
	return o
}

func (o object) object(name string) object {
	values, ok := o.values[name].(map[string]any)
	if !ok {
		o.fail("%s is missing", name)
	}
	return object{o.path + "." + name, values, o.errs}
}

func (o object) has(name string) bool { return o.values[name] != nil }

func (o object) list(name string, required bool) []object {
	items, ok := o.values[name].([]any)
	if !ok && required {
		o.fail("the list %s is missing", name)
	}
	all := make([]object, len(items))
	for i, item := range items {
		values, _ := item.(map[string]any)
		all[i] = object{fmt.Sprintf("%s.%s[%d]", o.path, name, i), values, o.errs}
	}
	return all
}

func (o object) text(name string) string {
	s, _ := o.values[name].(string)
	if s == "" {
		o.fail("the text %s is missing", name)
	}
	return s
}

func (o object) oneOf(name string, choices ...string) {
	if s, given := o.values[name]; given && !slices.Contains(choices, fmt.Sprint(s)) {
		o.fail("%s is %v, not one of %v", name, s, choices)
	}
}

// number is an integer of at least least, or 0 where it is not given.
func (o object) number(name string, least int) int {
	v, given := o.values[name]
	if !given {
		return 0
	}
	n, ok := v.(float64)
	if !ok || n != float64(int(n)) || int(n) < least {
		o.fail("%s is %v, at least %d is wanted", name, v, least)
	}
	return int(n)
}

func (o object) uri(name string) {
	text := o.text(name)
	u, err := url.Parse(text)
	if err != nil || u.String() != text {
		o.fail("%s is no URI reference: %q", name, text)
	}
}

// checkSARIF applies the rules of the published schema to the parts that a
// static analysis log uses.
func checkSARIF(data []byte) error {
	var values map[string]any
	if err := json.Unmarshal(data, &values); err != nil {
		return err
	}
	var errs []error
	log := object{"sarif", values, &errs}.only("$schema", "version", "runs")
	if log.text("version") != "2.1.0" {
		log.fail("the version is %v", values["version"])
	}
	log.uri("$schema")
	for _, run := range log.list("runs", true) {
		run.only("tool", "columnKind", "results")
		run.oneOf("columnKind", "utf16CodeUnits", "unicodeCodePoints")
		driver := run.object("tool").only("driver").object("driver").only("name", "semanticVersion", "rules")
		driver.text("name")
		ids := rules(driver)
		for _, result := range run.list("results", true) {
			checkResult(result, ids)
		}
	}
	return errors.Join(errs...)
}

var levels = []string{"none", "note", "warning", "error"}

func rules(driver object) []string {
	var ids []string
	for _, rule := range driver.list("rules", true) {
		rule.only("id", "shortDescription", "fullDescription", "helpUri", "help", "defaultConfiguration")
		id := rule.text("id")
		if slices.Contains(ids, id) {
			rule.fail("two rules are called %s", id)
		}
		ids = append(ids, id)
		rule.object("shortDescription").only("text").text("text")
		rule.object("defaultConfiguration").only("level").oneOf("level", levels...)
		if rule.has("helpUri") {
			rule.uri("helpUri")
		}
		for _, name := range []string{"fullDescription", "help"} {
			if rule.has(name) {
				rule.object(name).only("text").text("text")
			}
		}
	}
	return ids
}

func checkResult(result object, ids []string) {
	result.only("ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints", "suppressions")
	result.oneOf("level", levels...)
	result.object("message").only("text").text("text")
	if index := result.number("ruleIndex", 0); index >= len(ids) || ids[index] != result.text("ruleId") {
		result.fail("the rule at %d is not %v", index, result.values["ruleId"])
	}
	locations := result.list("locations", true)
	if len(locations) == 0 {
		result.fail("code scanning takes no result without a location")
	}
	for _, location := range locations {
		physical := location.only("physicalLocation", "logicalLocations").object("physicalLocation").only("artifactLocation", "region")
		artifact := physical.object("artifactLocation").only("uri", "uriBaseId")
		artifact.uri("uri")
		region := physical.object("region").only("startLine", "startColumn", "endLine", "endColumn", "snippet")
		line, column := region.number("startLine", 1), region.number("startColumn", 1)
		endLine, endColumn := region.number("endLine", 1), region.number("endColumn", 1)
		if line == 0 || endLine != 0 && (endLine < line || endLine == line && endColumn < column) {
			region.fail("it ends before it starts: %v", region.values)
		}
		for _, logical := range location.list("logicalLocations", false) {
			logical.only("fullyQualifiedName", "kind").text("fullyQualifiedName")
		}
	}
	for _, suppression := range result.list("suppressions", false) {
		suppression.only("kind", "justification").oneOf("kind", "inSource", "external")
		suppression.text("kind")
	}
	for name, print := range result.object("partialFingerprints").values {
		if s, ok := print.(string); !ok || s == "" {
			result.fail("the fingerprint %s is %v", name, print)
		}
	}
}
