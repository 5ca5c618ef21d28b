package importer

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"quicedge/internal/class"
	"quicedge/internal/csvfile"
	"quicedge/internal/prefix"
)

// Conflict says what a prefix is that two rows give different classes.
type Conflict int

// The ways to settle a conflict.
const (
	Refuse  Conflict = iota // an error
	First                   // as the row says that comes first
	Last                    // as the row says that comes last
	ToOther                 // what both say: ISP OTHER where the ISPs differ, province 0 where the provinces do
)

var conflictNames = []string{"error", "first", "last", "other"}

func (c Conflict) String() string { return conflictNames[c] }

// ParseConflict reads the name of a way to settle conflicts.
func ParseConflict(s string) (Conflict, error) {
	if i := slices.Index(conflictNames, strings.ToLower(s)); i >= 0 {
		return Conflict(i), nil
	}
	return Refuse, fmt.Errorf("on-conflict %q: use error, first, last or other", s)
}

// row is a row of a CSV.
type row struct {
	prefix.Entry
	line int32
}

func readCSV(in io.Reader, name string, on Conflict, report *Report) ([]prefix.Entry, error) {
	var rows []row
	err := prefix.ReadCSV(in, name, func(e prefix.Entry, at csvfile.Row) error {
		rows = append(rows, row{e, int32(at.Line)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	report.Rows = len(rows)
	slices.SortFunc(rows, func(a, b row) int {
		if order := a.Prefix.Compare(b.Prefix); order != 0 {
			return order
		}
		return int(a.line - b.line)
	})
	entries, conflicts := settle(rows, on, report)
	report.Kept = report.Rows - report.Duplicates - report.Conflicts
	if on == Refuse && len(conflicts) > 0 {
		return nil, conflictErrors(name, conflicts)
	}
	return entries, nil
}

// clash is a row that says of a prefix what an earlier row does not.
type clash struct{ first, second row }

// settle makes one entry of each prefix's rows, which follow each other in the order of their lines.
func settle(rows []row, on Conflict, report *Report) (entries []prefix.Entry, conflicts []clash) {
	entries = make([]prefix.Entry, 0, len(rows))
	var first row
	for _, r := range rows {
		n := len(entries)
		if n == 0 || entries[n-1].Prefix != r.Prefix {
			entries, first = append(entries, r.Entry), r
			continue
		}
		had := &entries[n-1].Class
		if r.Class == *had || r.Class == first.Class && on != Last {
			report.Duplicates++
			continue
		}
		report.Conflicts++
		conflicts = append(conflicts, clash{first, r})
		switch on {
		case Last:
			*had = r.Class
		case ToOther:
			*had = both(*had, r.Class)
		}
	}
	return entries, conflicts
}

// both returns what two classes have in common.
func both(a, b class.ID) class.ID {
	province, isp := a.Province(), a.ISP()
	if province != b.Province() {
		province = 0
	}
	if isp != b.ISP() {
		isp = class.Other
	}
	return class.Of(province, isp)
}

func conflictErrors(name string, conflicts []clash) error {
	slices.SortFunc(conflicts, func(a, b clash) int { return int(a.second.line - b.second.line) })
	errs := listed{name: name}
	for _, c := range conflicts {
		errs.add(fmt.Errorf("%s:%d:1: prefix %s: %s here, %s on line %d; remove one, or settle it with --on-conflict first, last or other",
			name, c.second.line, c.second.Prefix, c.second.Class, c.first.Class, c.first.line))
		if errs.full() {
			break
		}
	}
	return errs.join()
}
