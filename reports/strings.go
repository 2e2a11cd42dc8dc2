package reports

import "reflect"

// mapStrings returns a deep copy of a report with every string in it replaced by what to makes of it. Before that, each
// struct is given to prepare, by pointer. Both see only the copy.
//
// It goes by reflection, so that a field added to the model later is covered too. Strings of a named type, such as
// verdicts and levels, are the harness's own words and stay.
func mapStrings[T any](report T, prepare func(part any), to, ours func(string) string) T {
	return mapValue(reflect.ValueOf(report), prepare, to, ours).Interface().(T)
}

func mapValue(v reflect.Value, prepare func(part any), to, ours func(string) string) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			out.SetString(to(v.String()))
		}
	case reflect.Struct:
		prepare(out.Addr().Interface())
		for i := range out.NumField() {
			field, inside := out.Field(i), to
			if out.Type().Field(i).Tag.Get("text") == "ours" {
				inside = ours
			}
			if field.CanSet() {
				field.Set(mapValue(field, prepare, inside, ours))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(mapValue(v.Elem(), prepare, to, ours))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(mapValue(v.Index(i), prepare, to, ours))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for iter := v.MapRange(); iter.Next(); {
				out.SetMapIndex(mapValue(iter.Key(), prepare, to, ours), mapValue(iter.Value(), prepare, to, ours))
			}
		}
	}
	return out
}
