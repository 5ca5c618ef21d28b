package config

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

// wrongType is the reason for a value that is not of a setting's type.
func wrongType(key, value string, t reflect.Type) string {
	return fmt.Sprintf("%s %q: want %s", key, value, wanted(t))
}

// wanted names a type for people.
func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration such as 30s"
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		return "a whole number such as 16"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.String:
		return "a text"
	}
	return "keys and values, one a line, such as listen: \":443\""
}

// duration is a flag's time.Duration whose error says what one looks like.
type duration time.Duration

func (d *duration) Set(text string) error {
	v, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("want " + wanted(reflect.TypeFor[time.Duration]()))
	}
	*d = duration(v)
	return nil
}

func (d *duration) String() string { return time.Duration(*d).String() }

// Type implements pflag.Value.
func (d *duration) Type() string { return "duration" }
