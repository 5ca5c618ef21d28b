package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const seeFile = "; see the commented quicedge.yaml for every key"

// decode reads the file over the defaults.
func decode(name string, text []byte, c *Config) error {
	if len(strings.TrimSpace(string(text))) == 0 {
		return nil
	}
	if t := secondDocument(text); t != nil {
		return &Error{Where: at(name, t), Reason: "a second YAML document begins here and would be ignored: keep every setting in one"}
	}
	if err := wholeNumbers(name, text); err != nil {
		return err
	}
	if err := yaml.UnmarshalWithOptions(text, c, yaml.Strict()); err != nil {
		return yamlError(name, text, err)
	}
	return nil
}

func yamlError(name string, text []byte, err error) error {
	if key, t := badDuration(text); t != nil {
		return &Error{Where: at(name, t), Reason: wrongType(key, t.Value, reflect.TypeFor[time.Duration]())}
	}
	wrong := &Error{Where: name, Reason: err.Error() + seeFile}
	var typed *yaml.TypeError
	var positioned yaml.Error
	if errors.As(err, &positioned) {
		wrong.Reason = positioned.GetMessage() + seeFile
		if t := positioned.GetToken(); t != nil {
			wrong.Where = at(name, t)
		}
	}
	if errors.As(err, &typed) {
		wrong.Reason = fmt.Sprintf("%q: want %s", typed.Token.Value, wanted(typed.DstType))
	}
	return wrong
}

func at(name string, t *token.Token) string {
	return fmt.Sprintf("%s:%d:%d", name, t.Position.Line, t.Position.Column)
}

// secondDocument finds the "---" above a document that the decoder, which takes the first alone, would ignore. The parser does
// not tell: it drops what follows an empty document.
func secondDocument(text []byte) *token.Token {
	var header *token.Token // of the document after the first
	begun := false          // the first document has a header or content
	directive := 0          // the line of the last "%YAML 1.2"
	for _, t := range lexer.Tokenize(string(text)) {
		switch {
		case t.Type == token.DirectiveType:
			directive = t.Position.Line
		case t.Type == token.CommentType || t.Type == token.DocumentEndType || t.Position.Line == directive:
		case t.Type == token.DocumentHeaderType && begun:
			header = t
		case header != nil && t.Type != token.DocumentHeaderType:
			return header
		default:
			begun = true
		}
	}
	return nil
}

// wholeNumbers refuses 1.5 and 1e3, which the decoder makes whole without a word.
func wholeNumbers(name string, text []byte) error {
	var given map[string]any
	if yaml.Unmarshal(text, &given) != nil {
		return nil // decode says why
	}
	for f := range reflect.TypeFor[Config]().Fields() {
		key := f.Tag.Get("yaml")
		v := given[key]
		if !isWhole(f.Type) || v == nil || whole(v) {
			continue
		}
		where := name
		if t := find(text, key); t != nil {
			where = at(name, t)
		}
		return &Error{Where: where, Reason: wrongType(key, fmt.Sprint(v), f.Type)}
	}
	return nil
}

func isWhole(t reflect.Type) bool {
	return slices.Contains([]reflect.Kind{reflect.Int, reflect.Int64}, t.Kind()) && t != reflect.TypeFor[time.Duration]()
}

func whole(v any) bool {
	switch v := v.(type) {
	case int64, uint64:
		return true
	case string: // a number in quotes
		_, err := strconv.ParseInt(v, 10, 64)
		return err == nil
	}
	return false
}

// badDuration finds the value that made time.ParseDuration fail, whose error has no position.
func badDuration(text []byte) (key string, t *token.Token) {
	for f := range reflect.TypeFor[Config]().Fields() {
		if f.Type != reflect.TypeFor[time.Duration]() {
			continue
		}
		key = f.Tag.Get("yaml")
		if t = find(text, key); t == nil {
			continue
		}
		if _, err := time.ParseDuration(t.Value); err != nil {
			return key, t
		}
	}
	return "", nil
}

// find returns the value of a top-level key.
func find(text []byte, key string) *token.Token {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil
	}
	path, err := yaml.PathString("$." + key)
	if err != nil {
		return nil
	}
	node, err := path.FilterFile(file)
	if err != nil || node == nil {
		return nil
	}
	return node.GetToken()
}
