package csvfile

import (
	"fmt"
	"strings"
	"testing"
)

// places reads a table and returns where each character of the last field stands, as "character line:column".
func places(t *testing.T, in string) []string {
	t.Helper()
	var got []string
	err := Read(strings.NewReader(in), "t", []string{"a", "b"}, 100, func(r Row) error {
		got = nil
		for i, c := range r.Fields[1] + "$" {
			got = append(got, strings.Replace(r.ErrorAt(1, i, "%c", c).Error(), "t:", "", 1))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestErrorsNameTheVeryCharacter(t *testing.T) {
	for in, want := range map[string]string{
		"1,xy\n":                    "2:3: x|2:4: y|2:5: $",
		"1,xy":                      "2:3: x|2:4: y|2:5: $",
		"1,xy\r\n":                  "2:3: x|2:4: y|2:5: $",
		"1,  xy \n":                 "2:5: x|2:6: y|2:7: $",
		"1,\"xy\"\n":                "2:4: x|2:5: y|2:6: $",
		"1,\"x\"\"\"\"y\"\n":        "2:4: x|2:5: \"|2:7: \"|2:9: y|2:10: $",
		"\"1\"\"\",\"x\"\n":         "2:8: x|2:9: $",
		"1,\"x\n\ny\"\n":            "2:4: x|2:5: \n|3:1: \n|4:1: y|4:2: $",
		"1,\"x\r\ny\"\r\n":          "2:4: x|2:5: \n|3:1: y|3:2: $",
		"\"1\n\",\" \n x\"\n":       "4:2: x|4:3: $",
		"\n# a \"note\n\r\n1,x\n":   "5:3: x|5:4: $",
		"1,2\n\n#\n\"\n\",\" x\"\n": "6:5: x|6:6: $",
		"广东,x\n":                    "2:8: x|2:9: $",
		"1,\"广x\"\n":                "2:4: 广|2:7: x|2:8: $",
		"1,\n":                      "2:3: $",
		"1,\"\"\n":                  "2:4: $",
		"1,x\ry\n":                  "2:3: x|2:4: \r|2:5: y|2:6: $",
		// Far into a file, where what was read has been dropped from memory.
		strings.Repeat("#"+strings.Repeat("-", 5000)+"\n1,2\n", 90) + "1,\" x\"\n": "182:5: x|182:6: $",
	} {
		if got := strings.Join(places(t, "a,b\n"+in), "|"); got != want {
			t.Errorf("%.60q:\n%q, want\n%q", in, got, want)
		}
	}
}

func TestAnOffsetBehindTheFieldIsItsEnd(t *testing.T) {
	err := Read(strings.NewReader("a,b\n1,xy\n"), "t", []string{"a", "b"}, 100, func(r Row) error { return r.ErrorAt(1, 99, "far") })
	if fmt.Sprint(err) != "t:2:5: far" {
		t.Error(err)
	}
}

func FuzzPositionsAgreeWithTheFields(f *testing.F) {
	f.Add("1,\"x\"\"y\"\n#\n\r\n 2 ,\"\r\n z\"")
	f.Fuzz(func(t *testing.T, body string) {
		in := "a,b\n" + body
		lines := strings.SplitAfter(in, "\n")
		err := Read(strings.NewReader(in), "t", []string{"a", "b"}, 100, func(r Row) error {
			for n, field := range r.Fields {
				for i := range len(field) {
					line, column := r.position(n, i)
					if got := lines[line-1][column-1]; got != field[i] && (field[i] != '\n' || got != '\r') {
						return fmt.Errorf("character %d of field %d %q: %d:%d is %q: %w", i, n, field, line, column, got, errPlace)
					}
				}
			}
			return nil
		})
		if err != nil && strings.Contains(err.Error(), errPlace.Error()) {
			t.Fatalf("%q: %v", in, err)
		}
	})
}

var errPlace = fmt.Errorf("wrong place")
