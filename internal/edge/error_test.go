package edge

import (
	"errors"
	"fmt"
	"testing"
)

func TestErrorSaysMessageAndCauseOnce(t *testing.T) {
	cause := errors.New("probe: it is no video")
	for name, c := range map[string]struct {
		message string
		cause   error
		want    string
	}{
		"no cause":          {"try again", nil, "try again"},
		"two things":        {"the client left", cause, "the client left: probe: it is no video"},
		"same":              {"probe: it is no video", cause, "probe: it is no video"},
		"message in cause":  {"probe: it is no video", fmt.Errorf("process video: %w", cause), "process video: probe: it is no video"},
		"cause in message":  {"probe: it is no video: send one", cause, "probe: it is no video: send one"},
		"no message at all": {"", cause, "probe: it is no video"},
	} {
		t.Run(name, func(t *testing.T) {
			e := &Error{Message: c.message, Err: c.cause}
			if e.Error() != c.want {
				t.Errorf("got %q, want %q", e.Error(), c.want)
			}
			if !errors.Is(e, c.cause) && c.cause != nil {
				t.Error("does not unwrap to its cause")
			}
		})
	}
}

func TestWrongValuesAreShownAsTheyWereGiven(t *testing.T) {
	for value, want := range map[any]string{
		0: "width 0: x", "0": "width 0: x", "-17": "width -17: x", "1.5": "width 1.5: x", "1e9": "width 1e9: x",
		"": `width "": x`, "a": `width "a": x`, "NaN": `width "NaN": x`, "1 2": `width "1 2": x`, "1\n": `width "1?": x`, "0x10": `width "0x10": x`,
	} {
		if got := InvalidField("width", value, "x").Message; got != want {
			t.Errorf("%v: got %s, want %s", value, got, want)
		}
	}
}
