package importer

import (
	"errors"
	"fmt"
	"net/netip"

	"quicedge/internal/class"
	"quicedge/internal/prefix"
)

// errTooMany ends an import.
var errTooMany = errors.New("a table holds no more")

// tooMany says of errTooMany what to do; where is the place in the file.
func (o Options) tooMany(where string) error {
	cure := "is this the right file?"
	if o.All || !o.Aggregate {
		cure = "quicedge prefix import, without --all, joins them to fewer"
	}
	return fmt.Errorf("%s: more than %d prefixes: %w: %s", where, prefix.MaxPrefixes, errTooMany, cure)
}

// collector makes prefixes of runs of addresses that come in order and do not overlap, each family by itself. Neighbours of
// one class are joined before they count, so that a file may have more rows than a table has prefixes.
type collector struct {
	join    bool
	entries []prefix.Entry
	run     prefix.Span // not made into prefixes yet; invalid addresses are none
	apart   int         // how many prefixes the runs would be if they were not joined
	scratch []netip.Prefix
}

func (c *collector) add(first, last netip.Addr, id class.ID) error {
	if c.join {
		c.scratch = prefix.AppendPrefixes(c.scratch[:0], first, last)
		c.apart += len(c.scratch)
		if c.run.Last.IsValid() && c.run.Class == id && c.run.Last.Next() == first {
			c.run.Last = last
			return nil
		}
	}
	if err := c.flush(); err != nil {
		return err
	}
	c.run = prefix.Span{First: first, Last: last, Class: id}
	return nil
}

// flush makes prefixes of the last run.
func (c *collector) flush() error {
	if !c.run.Last.IsValid() {
		return nil
	}
	c.scratch = prefix.AppendPrefixes(c.scratch[:0], c.run.First, c.run.Last)
	if len(c.entries)+len(c.scratch) > prefix.MaxPrefixes {
		return errTooMany
	}
	for _, p := range c.scratch {
		c.entries = append(c.entries, prefix.Entry{Prefix: p, Class: c.run.Class})
	}
	c.run = prefix.Span{}
	return nil
}

// finish returns all prefixes.
func (c *collector) finish(report *Report) ([]prefix.Entry, error) {
	if err := c.flush(); err != nil {
		return nil, err
	}
	if c.join {
		report.Aggregated += c.apart - len(c.entries)
	}
	return c.entries, nil
}
