package csvfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

func rows(r io.Reader) (read int, err error) {
	err = Read(r, "t.csv", []string{"a", "b"}, 100, func(Row) error { read++; return nil })
	return read, err
}

func TestWhatIsNotATableSaysSo(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "t.csv:1:1: empty file: its first line must be \"a,b\"",
		"\n\n":                            "empty file",
		"a\n":                             "t.csv:1:1: header \"a\": must be \"a,b\"",
		"\xff\xfea\x00,\x00":              "UTF-16 text: save the file as UTF-8",
		"a,b\n1,\xb9\xe3\xb6\xab\n":       "t.csv:2:3: not UTF-8 text: convert the file (iconv -f GBK -t UTF-8)",
		"a,b\n1\n":                        "t.csv:2:1: 1 fields, want 2",
		"a,b\n1,\"2\n":                    "t.csv:2:6: extraneous or missing \" in quoted-field",
		strings.Repeat("x", 3000) + "\n":  "xxx...\": must be \"a,b\"",
		strings.Repeat("x", 3<<20) + "\n": "t.csv:1:1: a row of more than 1048576 bytes",
		"a,b\n1,2\n\n" + strings.Repeat(",", 3<<20): "t.csv:3:1: a row of more than 1048576 bytes",
	} {
		_, err := rows(strings.NewReader(in))
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 500 {
			t.Errorf("%.40q: %v; want %q", in, err, want)
		}
	}
}

// endless is a file that goes on for ever after its head.
type endless struct {
	head io.Reader
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	if n, err := e.head.Read(p); err == nil {
		return n, nil
	}
	for i := range p {
		p[i] = "1,2\n"[i%4]
	}
	e.read += len(p)
	return len(p), nil
}

func TestAQuoteLeftOpenDoesNotReadTheRestOfTheFile(t *testing.T) {
	in := &endless{head: strings.NewReader("a,b\n1,2\n\"1,2\n")}
	n, err := rows(in)
	if n != 1 || !errors.Is(err, errLongRow) || in.read > 2*maxRow {
		t.Errorf("%d rows, %v, after %d bytes", n, err, in.read)
	}
}

func TestReadingStopsWhereItFails(t *testing.T) {
	folder, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	_, err = rows(folder)
	if err == nil || strings.Count(err.Error(), "is a directory") != 1 {
		t.Errorf("a folder: %v", err)
	}
	broken := errors.New("the disk is gone")
	n, err := rows(io.MultiReader(strings.NewReader("a,b\n1,2\n"), readerFunc(func([]byte) (int, error) { return 0, broken })))
	if n != 1 || !errors.Is(err, broken) || strings.Count(err.Error(), "gone") != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestRowsOfAnySystemAreRead(t *testing.T) {
	for _, in := range []string{"a,b\n1,2\n", "\xef\xbb\xbfa,b\r\n1,2\r\n", "# note\n a , b \n\n1,2", "a,b\n\"1\",\"2\"\n"} {
		if n, err := rows(bytes.NewReader([]byte(in))); n != 1 || err != nil {
			t.Errorf("%q: %d rows, %v", in, n, err)
		}
	}
}

func TestTenErrorsAreListed(t *testing.T) {
	err := Read(strings.NewReader("a,b\n"+strings.Repeat("1\n", 50)), "t.csv", []string{"a", "b"}, 100, func(Row) error { return nil })
	if lines := strings.Split(err.Error(), "\n"); len(lines) != MaxErrors+1 || !strings.Contains(lines[MaxErrors], "reading stopped") {
		t.Errorf("%d lines: %v", len(lines), err)
	}
}
