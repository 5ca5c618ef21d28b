package mtu

import (
	"encoding/csv"
	"fmt"
	"io"

	"quicedge/internal/csvfile"
)

var header = []string{"province_id", "isp", "mtu", "condition"}

// MaxRows bounds a table: 34 provinces by 6 ISPs, with room for several conditions each.
const MaxRows = 4096

// ParseTable reads province_mtu.csv. The name stands in errors, which give file, line and column. A table has exactly one
// default row.
func ParseTable(r io.Reader, name string) (*Table, error) {
	t, defaults, err := parse(r, name)
	if err == nil && defaults == 0 {
		err = fmt.Errorf("%s: no default row: add \"default,any,1500,always\"", name)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// ParseOverrides reads the operator's overrides: the same format, without a default row and without conditions.
func ParseOverrides(r io.Reader, name string) (*Table, error) {
	t, defaults, err := parse(r, name)
	if err != nil {
		return nil, err
	}
	if defaults > 0 {
		return nil, fmt.Errorf("%s: a default row in the overrides: take it out, the table has one", name)
	}
	for _, row := range t.rows {
		if row.Condition.program != nil {
			return nil, fmt.Errorf("%s:%d: an override with a condition: put the row into the table instead", name, row.Line)
		}
	}
	return t, nil
}

// Write writes rows in the format that ParseTable and ParseOverrides read.
func (t *Table) Write(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(header); err != nil {
		return err
	}
	for _, r := range t.Rows() {
		if err := out.Write(r.record()); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// rowKey is what makes a row another one than the rest of its table.
type rowKey struct {
	sel       Selector
	isDefault bool
	condition string
}

func (r Row) key() rowKey { return rowKey{r.Selector, r.Default, r.Condition.text} }

func parse(r io.Reader, name string) (t *Table, defaults int, err error) {
	t = &Table{}
	seen := map[rowKey]int{}
	err = csvfile.Read(r, name, header, MaxRows, func(in csvfile.Row) error {
		row, err := parseRow(in)
		if err != nil {
			return err
		}
		key := row.key()
		if row.Default {
			defaults++
		}
		if line, taken := seen[key]; taken {
			return in.Errorf(0, "a second row for %s with the condition %s: the first is on line %d; remove one",
				row.record()[0]+"/"+row.ISPName(), row.Condition, line)
		}
		seen[key] = row.Line
		t.rows = append(t.rows, row)
		return nil
	})
	return t, defaults, err
}

func parseRow(in csvfile.Row) (Row, error) {
	row := Row{Line: in.Line}
	province, isp, size, condition := in.Fields[0], in.Fields[1], in.Fields[2], in.Fields[3]
	if province == "" {
		return row, in.Errorf(0, "no province: write its code, \"any\" or \"default\"")
	}
	if province == defaultName {
		row.Default, province = true, anyName
	}
	var err error
	if row.Selector, err = ParseSelector(province, anyName); err != nil {
		return row, in.Errorf(0, "%w", err)
	}
	if row.Selector, err = ParseSelector(province, isp); err != nil {
		return row, in.Errorf(1, "%w", err)
	}
	if row.MTU, err = ParseMTU(size); err != nil {
		return row, in.Errorf(2, "%w", err)
	}
	if row.Condition, err = ParseCondition(condition); err != nil {
		return row, in.ErrorAt(3, offsetOf(err), "%w", err)
	}
	if row.Default && (row.HasISP || row.Condition.program != nil) {
		return row, in.Errorf(0, "the default row is for any isp, always: write \"default,any,%d,always\"", row.MTU)
	}
	return row, nil
}
