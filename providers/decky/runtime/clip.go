package runtime

import (
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/decnet/decnet/schema/event"
)

var textType = reflect.TypeFor[event.Text]()

// clip is body with every text of at most about limit bytes and every list of at
// most limit/64 members; body itself where nothing exceeds that. Services hand
// bodies over, so that they are never changed in place.
func clip(body event.Body, limit int) event.Body {
	v := reflect.ValueOf(body)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return body
	}
	cut, changed := clipValue(v.Elem(), limit)
	if !changed {
		return body
	}
	pointer := reflect.New(cut.Type())
	pointer.Elem().Set(cut)
	return pointer.Interface().(event.Body)
}

func clipValue(v reflect.Value, limit int) (reflect.Value, bool) {
	switch {
	case v.Type() == textType, v.Kind() == reflect.String:
		s := v.String()
		if len(s) <= limit {
			return v, false
		}
		for back := 0; back < utf8.UTFMax && limit > 0 && !utf8.RuneStart(s[limit]); back++ {
			limit--
		}
		cut := reflect.New(v.Type()).Elem()
		cut.SetString(s[:limit] + fmt.Sprintf("...[%d bytes cut]", len(s)-limit))
		return cut, true
	case v.Kind() == reflect.Struct:
		return clipStruct(v, limit)
	case v.Kind() == reflect.Slice:
		return clipSlice(v, limit)
	default:
		return v, false
	}
}

func clipStruct(v reflect.Value, limit int) (reflect.Value, bool) {
	var cut reflect.Value
	for i := range v.NumField() {
		field, changed := clipValue(v.Field(i), limit)
		if !changed {
			continue
		}
		if !cut.IsValid() {
			cut = reflect.New(v.Type()).Elem()
			cut.Set(v)
		}
		cut.Field(i).Set(field)
	}
	return cut, cut.IsValid()
}

func clipSlice(v reflect.Value, limit int) (reflect.Value, bool) {
	n := min(v.Len(), limit/64)
	share := max(limit/max(n, 1), 64)
	changed := n < v.Len()
	cut := reflect.MakeSlice(v.Type(), n, n)
	for i := range n {
		member, c := clipValue(v.Index(i), share)
		changed = changed || c
		if !c {
			member = v.Index(i)
		}
		cut.Index(i).Set(member)
	}
	if n < v.Len() && n > 0 && v.Type().Elem() == textType {
		cut.Index(n - 1).SetString(fmt.Sprintf("...[%d members cut]", v.Len()-n+1))
	}
	return cut, changed
}

// size is the number of bytes in the strings of v.
func size(v reflect.Value) int {
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Pointer:
		return size(v.Elem())
	case reflect.Struct:
		n := 0
		for i := range v.NumField() {
			n += size(v.Field(i))
		}
		return n
	case reflect.Slice:
		n := 32 * v.Len()
		for i := range v.Len() {
			n += size(v.Index(i))
		}
		return n
	default:
		return 16
	}
}
