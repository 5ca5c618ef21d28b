// Package importer makes prefix tables of what others publish: MaxMind DB files (MMDB) and ip2region text. It reads the
// node's own CSV too, so that any of them can be looked into and compared.
package importer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"quicedge/internal/prefix"
)

// Options say what to make of a file. The zero value takes any format, refuses prefixes that are given two classes, keeps
// what lies in China, and leaves prefixes as they are.
type Options struct {
	Format     Format
	ISPs       string   // a second MMDB, which gives the ISPs of a first; "" is none
	OnConflict Conflict // what a prefix is that rows of a CSV give two classes
	All        bool     // keep networks outside China too, in province 0
	Aggregate  bool     // make the fewest prefixes that answer alike
}

// Report says what became of a file's rows.
type Report struct {
	Format     Format
	Rows       int      // rows, or networks of an MMDB, without comments
	Kept       int      // rows that are in the table
	Foreign    int      // left out: outside China
	NoCountry  int      // left out: of no country, and of no ISP that is known to be Chinese
	Duplicates int      // left out: said before
	Conflicts  int      // settled by OnConflict
	Aggregated int      // prefixes that aggregation saved
	Prefixes   int      // prefixes of the table
	Warnings   []string // what an operator should look at, such as names of regions that are no province
}

// Read makes a table of a file. Errors name the file, and where rows are wrong the line and the column; the first ten are
// listed.
func Read(name string, opt Options) (*prefix.Table, Report, error) {
	report := Report{}
	f, err := open(name)
	if err != nil {
		return nil, report, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	if report.Format = opt.Format; report.Format == Auto {
		if report.Format, err = detect(f, in); err != nil {
			return nil, report, err
		}
	}
	entries, err := read(name, in, opt, &report)
	if err != nil {
		return nil, report, err
	}
	if opt.Aggregate {
		before := len(entries)
		entries = prefix.Aggregate(entries)
		report.Aggregated += before - len(entries)
	}
	report.Prefixes = len(entries)
	table, err := prefix.New(entries)
	return table, report, err
}

func read(name string, in io.Reader, opt Options, report *Report) ([]prefix.Entry, error) {
	switch report.Format {
	case MMDB:
		return readMMDB(name, opt, report)
	case IP2Region:
		return readIP2Region(in, name, opt, report)
	}
	return readCSV(in, name, opt.OnConflict, report)
}

func open(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read prefixes: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("read prefixes: %s is a folder: name a file in it", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
