// Package missing finds interface values that hold nothing.
package missing

import "reflect"

// Value reports whether there is no value, also where the interface holds a nil pointer, which is what comes of an error
// that wasn't looked at.
func Value(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
}
