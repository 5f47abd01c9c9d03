package decky

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Types of an Argument.
const (
	TypeString = "string"
	TypeNumber = "number" // whole
	TypeBool   = "bool"
	TypeList   = "list(string)"
	TypeMap    = "map(string)"
)

// Argument describes one field of a service's configuration, read from its
// struct: `json:"name"` names it, `doc:"..."` documents it, `default:"..."`
// gives the value of an absent one, `oneof:"a b"` limits it, and
// `sensitive:"true"` keeps it out of plans and logs.
type Argument struct {
	Name      string
	Type      string
	Doc       string
	Default   string
	OneOf     []string
	Sensitive bool
}

func argumentsOf[C any]() []Argument {
	t := reflect.TypeFor[C]()
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("decky: configuration %s is no struct", t))
	}
	arguments := make([]Argument, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		a := Argument{
			Name: name, Type: typeOf(f.Type), Doc: f.Tag.Get("doc"), Default: f.Tag.Get("default"),
			OneOf: strings.Fields(f.Tag.Get("oneof")), Sensitive: f.Tag.Get("sensitive") == "true",
		}
		if a.Name == "" || a.Doc == "" || a.Type == "" {
			panic(fmt.Sprintf("decky: %s.%s needs a json name, a doc and a supported type", t, f.Name))
		}
		arguments = append(arguments, a)
	}
	return arguments
}

func typeOf(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.String:
		return TypeString
	case t.Kind() == reflect.Int:
		return TypeNumber
	case t.Kind() == reflect.Bool:
		return TypeBool
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		return TypeList
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String && t.Elem().Kind() == reflect.String:
		return TypeMap
	default:
		return ""
	}
}

// decodeConfig reads raw over the defaults and validates the result.
func decodeConfig[C any](raw json.RawMessage, arguments []Argument) (C, error) {
	var config C
	given := map[string]json.RawMessage{}
	if len(bytes.TrimSpace(raw)) > 0 {
		if err := json.Unmarshal(raw, &given); err != nil {
			return config, err
		}
	}
	for _, a := range arguments {
		if v, ok := given[a.Name]; ok && string(v) != "null" {
			if err := a.check(v); err != nil {
				return config, err
			}
			continue
		}
		delete(given, a.Name)
		if a.Default != "" {
			given[a.Name] = a.defaultJSON()
		}
	}
	merged, err := json.Marshal(given)
	if err != nil {
		return config, err
	}
	decoder := json.NewDecoder(bytes.NewReader(merged))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&config); err != nil {
		return config, err
	}
	if v, ok := any(&config).(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return config, err
		}
	}
	return config, nil
}

func (a Argument) check(value json.RawMessage) error {
	if len(a.OneOf) == 0 {
		return nil
	}
	var s string
	if err := json.Unmarshal(value, &s); err != nil {
		s = string(value)
	}
	if !slices.Contains(a.OneOf, s) {
		return fmt.Errorf("%s is %q, want one of %s", a.Name, s, strings.Join(a.OneOf, ", "))
	}
	return nil
}

func (a Argument) defaultJSON() json.RawMessage {
	switch a.Type {
	case TypeString:
		return json.RawMessage(strconv.Quote(a.Default))
	default:
		return json.RawMessage(a.Default)
	}
}
