package mtu

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"quicedge/internal/class"
)

var learnedHeader = []string{"province_id", "isp", "record", "network", "value", "time"}

// The records of the file of what is learned. Those of a class have no network; those of a network stand behind its oldest search.
const (
	recordLowered = "lowered" // MTU; time: when the table is tried again
	recordProbing = "probing" // MTU that was lowered to; time: since when the table is tried again
	recordProven  = "proven"  // MTU; time: since when what is learned is as it is
	recordShare   = "share"   // narrow networks in a thousand
	recordVoid    = "void"    // time: evidence from before does not count
	recordRaised  = "raised"  // time: of the last raise
	recordDoubts  = "doubts"  // how many; time: of the last doubt or alarm
	recordAlarms  = "alarms"  // how many; time: of the last doubt or alarm
	recordRefused = "refused" // MTU; time: until when
	recordFound   = "found"   // of a network: MTU at which a search ended
	recordPassed  = "passed"  // of a network: MTU that passed
	recordTried   = "tried"   // of a network: time when the proven size last worked
	recordFailed  = "failed"  // of a network: MTU that failed
	recordTold    = "told"    // of a network: MTU that ICMP said
	recordEnd     = "end"     // the last record; value: how many stand before it
)

// Save writes what is learned, and the evidence for it, in the format that Load reads: CSV, a record a line, the last of which says
// how many there are.
func (l *Learner) Save(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(learnedHeader); err != nil {
		return err
	}
	s := saver{out: out}
	for _, id := range l.Classes() {
		s.id = id
		s.paths(l.classes[id])
	}
	s.id = 0
	s.write(recordEnd, "", s.rows, time.Time{})
	out.Flush()
	if s.err != nil {
		return s.err
	}
	return out.Error()
}

type saver struct {
	out  *csv.Writer
	id   class.ID
	rows int
	err  error
}

func (s *saver) write(record, network string, value int, at time.Time) {
	when := ""
	if !at.IsZero() {
		when = at.UTC().Format(time.RFC3339Nano)
	}
	err := s.out.Write([]string{s.id.Province().String(), s.id.ISP().String(), record, network, strconv.Itoa(value), when})
	if s.err == nil {
		s.err = err
	}
	s.rows++
}

// note writes a record of the class unless it says nothing.
func (s *saver) note(record string, value int, at time.Time) {
	if value != 0 || !at.IsZero() {
		s.write(record, "", value, at)
	}
}

func (s *saver) paths(p *paths) {
	if p.probing.IsZero() {
		s.note(recordLowered, int(p.mtu), p.raiseAt)
	} else {
		s.note(recordProbing, int(p.mtu), p.probing)
	}
	s.note(recordProven, int(p.proven), p.learned.Since)
	s.note(recordShare, int(math.Round(p.share*1000)), time.Time{})
	s.note(recordVoid, 0, p.void)
	s.note(recordRaised, 0, p.raised)
	if p.doubts > 0 {
		s.note(recordDoubts, p.doubts, p.trouble)
	}
	if p.alarms > 0 {
		s.note(recordAlarms, p.alarms, p.trouble)
	}
	s.note(recordRefused, int(p.refused), p.until)
	for i := range p.nets {
		s.network(&p.nets[i])
	}
}

func (s *saver) network(n *network) {
	name := n.prefix.String()
	sample := func(record string, v sample) {
		if v.mtu > 0 {
			s.write(record, name, int(v.mtu), v.at)
		}
	}
	for i := len(n.found) - 1; i >= 0; i-- { // so that they are read in the order of time
		sample(recordFound, n.found[i])
	}
	for range n.passes {
		sample(recordPassed, n.passed)
	}
	if !n.tried.IsZero() {
		s.write(recordTried, name, 0, n.tried)
	}
	if n.fails {
		sample(recordFailed, n.failed)
	}
	sample(recordTold, n.told)
}

// Load takes in what Save wrote, in place of what the Learner knew. The name stands in errors, which give file, line and column.
// After an error the Learner is as it was.
func (l *Learner) Load(r io.Reader, name string) error {
	in := loader{into: NewLearner(l.cfg)}
	if err := in.read(r, name); err != nil {
		return err
	}
	if !in.ended {
		return fmt.Errorf("%s: ends in the middle, after %d records: use a copy that is whole, or remove it to learn anew", name, in.rows)
	}
	l.classes = in.into.classes
	return nil
}
