package importer

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"

	"quicedge/internal/class"
	"quicedge/internal/prefix"
)

// database is an MMDB and the records that were read from it.
type database struct {
	*maxminddb.Reader
	name    string
	records map[uintptr]record // by their place in the file: thousands of networks share one
	left    uint               // how many more networks its tree can have
}

// maxRecords bounds the records that are kept.
const maxRecords = 1 << 20

// maxUnknown bounds the names that are warned of.
const maxUnknown = 1000

func openDatabase(name string) (*database, error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := maxminddb.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read %s as an MMDB: %w: is it one, whole and undamaged? Download it again", name, err)
	}
	d := &database{Reader: r, name: name, records: map[uintptr]record{}}
	m := r.Metadata
	if m.BinaryFormatMajorVersion != 2 || m.IPVersion != 4 && m.IPVersion != 6 || m.RecordSize != 24 && m.RecordSize != 28 && m.RecordSize != 32 {
		r.Close()
		return nil, d.damaged(fmt.Errorf("metadata of format %d, IP version %d, records of %d bits", m.BinaryFormatMajorVersion, m.IPVersion, m.RecordSize))
	}
	if err := checkTree(f, m); err != nil {
		r.Close()
		return nil, d.damaged(err)
	}
	d.left = m.NodeCount + 1 // a tree of n nodes ends in n+1 places
	return d, nil
}

// damaged keeps an error, which may hold a path through the file, from filling the screen.
func (d *database) damaged(err error) error {
	if text := err.Error(); len(text) > 400 {
		err = fmt.Errorf("%s...%s", text[:200], text[len(text)-120:])
	}
	return fmt.Errorf("read %s as an MMDB: %w: is it whole and undamaged? Download it again", d.name, err)
}

// step checks one result of an iteration, and ends one that has more results than the tree has ends: a tree whose networks
// are looked up within others may come to its IPv4 addresses by many ways.
func (d *database) step(r maxminddb.Result) error {
	if err := r.Err(); err != nil {
		return d.damaged(err)
	}
	if d.left == 0 {
		return d.damaged(fmt.Errorf("its tree of %d nodes does not end at %s", d.Metadata.NodeCount, r.Prefix()))
	}
	d.left--
	return nil
}

// record reads what the database says of a network.
func (d *database) record(r maxminddb.Result) (record, error) {
	at := r.Offset()
	if known, ok := d.records[at]; ok {
		return known, nil
	}
	var fields any
	if err := r.Decode(&fields); err != nil {
		return record{}, d.damaged(fmt.Errorf("record of %s: %w", r.Prefix(), err))
	}
	if size(fields, maxRecord) > maxRecord {
		return record{}, d.damaged(fmt.Errorf("record of %s: more than %d values, or %d bytes of text: no database of networks has as much", r.Prefix(), maxRecord, 16*maxRecord))
	}
	if len(d.records) >= maxRecords {
		clear(d.records)
	}
	rec := recordOf(fields)
	d.records[at] = rec
	return rec, nil
}

// mmdb is one import.
type mmdb struct {
	opt     Options
	report  *Report
	main    *database
	isps    *database // nil is none
	out     collector
	unknown map[string]bool // names of regions that are no province
}

func readMMDB(name string, opt Options, report *Report) ([]prefix.Entry, error) {
	main, err := openDatabase(name)
	if err != nil {
		return nil, err
	}
	defer main.Close()
	m := mmdb{opt: opt, report: report, main: main, out: collector{join: opt.Aggregate}, unknown: map[string]bool{}}
	if opt.ISPs != "" {
		if m.isps, err = openDatabase(opt.ISPs); err != nil {
			return nil, err
		}
		defer m.isps.Close()
	}
	// Networks without data are asked for so that step sees every end of the tree.
	for r := range main.Networks(maxminddb.IncludeNetworksWithoutData()) {
		if err := main.step(r); err != nil {
			return nil, err
		}
		if !r.Found() || r.Prefix().Addr().Is4In6() { // IPv4 once more, in its IPv6 form
			continue
		}
		if err := m.network(r); errors.Is(err, errTooMany) {
			return nil, opt.tooMany(fmt.Sprintf("%s, at %s", name, r.Prefix()))
		} else if err != nil {
			return nil, err
		}
	}
	m.warn()
	entries, err := m.out.finish(report)
	if errors.Is(err, errTooMany) {
		return nil, opt.tooMany(name)
	}
	return entries, err
}

func (m *mmdb) network(r maxminddb.Result) error {
	rec, err := m.main.record(r)
	if err != nil {
		return err
	}
	m.report.Rows++
	p := r.Prefix()
	if !m.wanted(rec) {
		return nil
	}
	m.report.Kept++
	if rec.unknown != "" && len(m.unknown) < maxUnknown {
		m.unknown[rec.unknown] = true
	}
	if m.isps == nil || m.isps.Metadata.IPVersion == 4 && !p.Addr().Is4() {
		return m.out.add(p.Addr(), prefix.Last(p), class.Of(rec.province, rec.isp))
	}
	return m.byISP(p, rec)
}

// wanted counts what is left out.
func (m *mmdb) wanted(rec record) bool {
	switch {
	case rec.inChina, m.opt.All, !rec.country && rec.isp != class.Other:
		return true
	case !rec.country:
		m.report.NoCountry++
	default:
		m.report.Foreign++
	}
	return false
}

// byISP splits a network by what the database of ISPs says of its parts; of a part that it does not name the ISP of, the
// first database counts.
func (m *mmdb) byISP(p netip.Prefix, rec record) error {
	at, end := p.Addr(), prefix.Last(p)
	m.isps.left++ // a part that begins before the network is seen once for each network in it
	for r := range m.isps.NetworksWithin(p, maxminddb.IncludeNetworksWithoutData()) {
		if err := m.isps.step(r); err != nil {
			return err
		}
		if !r.Found() {
			continue
		}
		other, err := m.isps.record(r)
		if err != nil {
			return err
		}
		if other.isp == class.Other {
			continue
		}
		first, last := r.Prefix().Addr(), prefix.Last(r.Prefix())
		if r.Prefix().Bits() <= p.Bits() {
			first, last = at, end
		}
		if at.Less(first) {
			if err := m.out.add(at, first.Prev(), class.Of(rec.province, rec.isp)); err != nil {
				return err
			}
		}
		if err := m.out.add(first, last, class.Of(rec.province, other.isp)); err != nil {
			return err
		}
		if at = last.Next(); last == end {
			return nil
		}
	}
	return m.out.add(at, end, class.Of(rec.province, rec.isp))
}
