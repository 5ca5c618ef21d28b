package recipe

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

//go:embed shipped.yaml
var shipped []byte

// maxFile bounds a file of pipelines, in bytes.
const maxFile = 1 << 20

// Error is a mistake in a file of pipelines and where it is.
type Error struct {
	Where  string // "pipelines.yaml:12:9"
	Reason string // ends with what to do
}

func (e *Error) Error() string { return e.Where + ": " + e.Reason }

// document is the file.
type document struct {
	Pipelines map[string]Recipe `yaml:"pipelines"`
}

// Shipped returns the pipelines that are in the program, by name.
func Shipped() (map[string]Recipe, error) { return Parse("shipped pipelines", shipped) }

// Load returns the shipped pipelines under those of the file; an empty path is none. The error wraps an *Error where the file
// is at fault.
func Load(path string) (map[string]Recipe, error) {
	all, err := Shipped()
	if err != nil || path == "" {
		return all, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read pipelines: %w", err)
	}
	own, err := Parse(path, text)
	if err != nil {
		return nil, fmt.Errorf("read pipelines: %w", err)
	}
	maps.Copy(all, own)
	return all, nil
}

// Parse reads a file of pipelines. The error is an *Error with line and column.
func Parse(name string, text []byte) (map[string]Recipe, error) {
	if len(text) > maxFile {
		return nil, &Error{name, fmt.Sprintf("it has %d bytes, the limit is %d: split it", len(text), maxFile)}
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, yamlError(name, err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, &Error{name, `it holds no YAML document, or several: write one, which begins with "pipelines:"`}
	}
	if alias := findAlias(file.Docs[0].Body); alias != nil {
		return nil, &Error{at(name, alias), "anchors and aliases are not taken here: write the value out"}
	}
	var d document
	if err := yaml.UnmarshalWithOptions(text, &d, yaml.Strict()); err != nil {
		return nil, yamlError(name, err)
	}
	if len(d.Pipelines) == 0 {
		return nil, &Error{name, `it names no pipeline: list them under "pipelines:"`}
	}
	for _, key := range slices.Sorted(maps.Keys(d.Pipelines)) {
		r := d.Pipelines[key]
		r.Name = key
		if wrong := r.validate(); wrong != nil {
			return nil, &Error{locate(name, file, append([]any{"pipelines", key}, wrong.path...)), fmt.Sprintf("pipeline %s: %s", key, wrong.reason)}
		}
		d.Pipelines[key] = r
	}
	return d.Pipelines, nil
}

func yamlError(name string, err error) error {
	wrong := &Error{name, err.Error()}
	var positioned yaml.Error
	if errors.As(err, &positioned) {
		wrong.Reason = positioned.GetMessage()
		if t := positioned.GetToken(); t != nil {
			wrong.Where = at(name, t)
		}
	}
	wrong.Reason, _, _ = strings.Cut(wrong.Reason, "\n") // a picture of the place follows
	wrong.Reason += "; docs/video.md lists every key"
	return wrong
}

func at(name string, t *token.Token) string {
	return fmt.Sprintf("%s:%d:%d", name, t.Position.Line, t.Position.Column)
}

// findAlias returns the first anchor or alias: a few lines of them can stand for gigabytes.
func findAlias(root ast.Node) *token.Token {
	v := &aliasFinder{}
	ast.Walk(v, root)
	return v.found
}

type aliasFinder struct{ found *token.Token }

// Visit implements ast.Visitor.
func (v *aliasFinder) Visit(n ast.Node) ast.Visitor {
	switch n.Type() {
	case ast.AnchorType, ast.AliasType, ast.MergeKeyType:
		if v.found == nil {
			v.found = n.GetToken()
		}
	}
	return v
}

// locate finds the place of a value by the keys and indexes on the way to it; what is missing is shown by what would hold it.
func locate(name string, file *ast.File, path []any) string {
	node := file.Docs[0].Body
	for _, step := range path {
		next := child(node, step)
		if next == nil {
			break
		}
		node = next
	}
	if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return at(name, m.Values[0].Key.GetToken())
	}
	if t := node.GetToken(); t != nil {
		return at(name, t)
	}
	return name
}

func child(node ast.Node, step any) ast.Node {
	switch n := node.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			if v.Key.GetToken().Value == step {
				return v.Value
			}
		}
	case *ast.MappingValueNode:
		if n.Key.GetToken().Value == step {
			return n.Value
		}
	case *ast.SequenceNode:
		if i, ok := step.(int); ok && i < len(n.Values) {
			return n.Values[i]
		}
	}
	return nil
}
