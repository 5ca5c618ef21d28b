package edge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"
)

// maxJSON bounds a JSON body in bytes.
const maxJSON = 64 << 10

// jsonTypes are the content types that a JSON body may have. The second is what curl -d says without being told; a web page of
// another origin could say so too, and is refused before (see Operator).
var jsonTypes = []string{"application/json", "application/x-www-form-urlencoded"}

// decodeJSON reads one JSON object into v. It takes no unknown field, nothing after the object, and no content type but
// jsonTypes (a missing one counts as JSON): a typing mistake is an error that names it, never a default.
func (e *Edge) decodeJSON(w http.ResponseWriter, r *http.Request, v any) error {
	if t := r.Header.Get("Content-Type"); t != "" {
		if media, _, err := mime.ParseMediaType(t); err != nil || !slices.Contains(jsonTypes, media) {
			return &Error{
				Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Field: "Content-Type",
				Message: "Content-Type " + shown(t) + ": send JSON with -H 'Content-Type: application/json'",
			}
		}
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(e.cfg.BodyTime))
	if err := parseJSON(http.MaxBytesReader(w, r.Body, maxJSON), v); err != nil {
		return jsonError(err, fieldsOf(v)) // the deadline stands for the rest of the body
	}
	_ = rc.SetReadDeadline(time.Time{}) // the work may take longer
	return nil
}

var errTrailing = errors.New("more than one JSON value")

func parseJSON(body io.Reader, v any) error {
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return tooLarge
		}
		return errTrailing
	}
	return nil
}

// jsonError says which field, which value and what was expected.
func jsonError(err error, known string) *Error {
	e := &Error{Status: http.StatusBadRequest, Code: "invalid_json", Err: err}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		e.Status, e.Code = http.StatusRequestEntityTooLarge, "body_too_large"
		e.Message = fmt.Sprintf("the body is over %d bytes: send a smaller one", tooLarge.Limit)
		return e
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		e.Status, e.Code = http.StatusRequestTimeout, "body_stalled"
		e.Message = "the body did not come in time: send it at once"
		return e
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		e.Field = wrong.Field
		e.Message = fmt.Sprintf("%s: a JSON %s where %s is expected: correct it", fieldName(wrong.Field), printable(wrong.Value), kind(wrong))
		return e
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		e.Message = fmt.Sprintf("the body is not JSON at byte %d: %s: correct it", syntax.Offset, printable(syntax.Error()))
		return e
	}
	name, unknown := strings.CutPrefix(err.Error(), "json: unknown field ")
	switch {
	case unknown:
		e.Field = printable(strings.Trim(name, `"`))
		e.Message = fmt.Sprintf("unknown field %q: use %s", e.Field, known)
	case errors.Is(err, errTrailing):
		e.Message = "there is more after the JSON object: send one object"
	case errors.Is(err, io.EOF):
		e.Message = "the body is empty: send a JSON object"
	default:
		e.Message = "the body ended before its JSON did: send it whole"
	}
	return e
}

// fieldsOf lists the fields that v, a pointer to a struct, takes.
func fieldsOf(v any) string {
	t := reflect.TypeOf(v).Elem()
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return strings.Join(names, ", ")
}

func fieldName(f string) string {
	if f == "" {
		return "the body"
	}
	return f
}

func kind(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "int":
		return "a whole number"
	case "string":
		return "a string"
	}
	return "an object"
}
