package mtu

import (
	"io"
	"net/netip"
	"strconv"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/csvfile"
)

// maxRecords bounds the file of what is learned: every class with all the networks that are remembered.
const maxRecords = 1 << 20

type loader struct {
	into  *Learner
	rows  int
	ended bool
}

// loaded is one record.
type loaded struct {
	csvfile.Row
	id     class.ID
	record string
	net    netip.Prefix
	value  int
	at     time.Time
}

func (l *loader) read(r io.Reader, name string) error {
	return csvfile.Read(r, name, learnedHeader, maxRecords, func(row csvfile.Row) error {
		if l.ended {
			return row.Errorf(2, "a record behind the end")
		}
		in, err := parseLoaded(row)
		if err != nil {
			return err
		}
		l.rows++
		switch {
		case in.record == recordEnd && in.value != l.rows-1:
			return in.Errorf(4, "%d records, and %d were read: records are missing", in.value, l.rows-1)
		case in.record == recordEnd:
			l.ended = true
			return nil
		case in.net.IsValid():
			return l.network(in)
		}
		return l.class(in)
	})
}

func parseLoaded(row csvfile.Row) (in loaded, err error) {
	in = loaded{Row: row, record: row.Fields[2]}
	province, err := class.ParseProvince(row.Fields[0])
	if err != nil {
		return in, row.Errorf(0, "%w", err)
	}
	isp, err := class.ParseISP(row.Fields[1])
	if err != nil {
		return in, row.Errorf(1, "%w", err)
	}
	in.id = class.Of(province, isp)
	if text := row.Fields[3]; text != "" {
		if in.net, err = netip.ParsePrefix(text); err != nil || in.net != NetworkOf(in.net.Addr()) {
			return in, row.Errorf(3, "network %q: must be the /24 of an IPv4 or the /48 of an IPv6 address", text)
		}
	}
	if in.value, err = strconv.Atoi(row.Fields[4]); err != nil || in.value < 0 || in.value > maxRecords {
		return in, row.Errorf(4, "value %q: not a number of 0 to %d", row.Fields[4], maxRecords)
	}
	if text := row.Fields[5]; text != "" {
		if in.at, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return in, row.Errorf(5, "time %q: must be written as 2006-01-02T15:04:05Z", text)
		}
	}
	return in, nil
}

// size returns the value as an MTU.
func (in loaded) size() (uint16, error) {
	size, err := CheckMTU(in.value)
	if err != nil {
		return 0, in.Errorf(4, "%w", err)
	}
	return size, nil
}

// sizeOrNone returns the value as an MTU, or 0.
func (in loaded) sizeOrNone() (uint16, error) {
	if in.value == 0 {
		return 0, nil
	}
	return in.size()
}

func (l *loader) class(in loaded) (err error) {
	p := l.into.paths(in.id)
	switch in.record {
	case recordLowered:
		p.mtu, err = in.sizeOrNone()
		p.raiseAt, p.probing = in.at, time.Time{}
	case recordProbing:
		if p.mtu, err = in.size(); err == nil && in.at.IsZero() {
			err = in.Errorf(5, "no time")
		}
		p.probing = in.at
	case recordProven:
		p.proven, err = in.sizeOrNone()
		p.learned.Since = in.at
	case recordShare:
		if p.share = float64(in.value) / 1000; p.share > 1 {
			err = in.Errorf(4, "%d in a thousand", in.value)
		}
	case recordVoid:
		p.void = in.at
	case recordRaised:
		p.raised = in.at
	case recordDoubts:
		p.doubts, p.trouble = in.value, in.at
	case recordAlarms:
		p.alarms, p.trouble = in.value, in.at
	case recordRefused:
		p.refused, err = in.sizeOrNone()
		p.until = in.at
	default:
		return in.Errorf(2, "unknown record %q of a class", in.record)
	}
	p.dirty = true
	return err
}

func (l *loader) network(in loaded) error {
	if in.at.IsZero() {
		return in.Errorf(5, "no time: when was it seen?")
	}
	size := uint16(0)
	if in.record != recordTried {
		var err error
		if size, err = in.size(); err != nil {
			return err
		}
	}
	p := l.into.paths(in.id)
	n := p.network(l.into.cfg, Evidence{Net: in.net, At: in.at})
	p.dirty = true
	switch in.record {
	case recordFound:
		n.find(size, in.at)
	case recordPassed:
		n.passed, n.passes = sample{size, in.at}, min(n.passes+1, maxPasses)
	case recordTried:
		n.tried = in.at
	case recordFailed:
		n.failed, n.fails = sample{size, in.at}, true
	case recordTold:
		n.told = sample{size, in.at}
	default:
		return in.Errorf(2, "unknown record %q of a network", in.record)
	}
	return nil
}
