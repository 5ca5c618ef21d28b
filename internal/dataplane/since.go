package dataplane

import (
	"time"

	"quicedge/internal/class"
)

// Since returns what was counted after before: the difference of each counter, and nothing of those that stood still. A
// counter that went back was made anew meanwhile, and counts whole.
func (s Stats) Since(before Stats) Stats {
	var d Stats
	classes := index(before.Classes, func(c ClassStats) counterKey { return counterKey{c.Class, c.Hook, ""} })
	for _, c := range s.Classes {
		b := classes[counterKey{c.Class, c.Hook, ""}]
		n := ClassStats{
			c.Class, c.Hook, grown(c.Packets, b.Packets), grown(c.Bytes, b.Bytes), grown(c.Clamped, b.Clamped), grown(c.Screened, b.Screened),
			grown(c.Initials, b.Initials), grown(c.Retries, b.Retries), grown(c.MSSClamped, b.MSSClamped),
		}
		if n != (ClassStats{Class: c.Class, Hook: c.Hook}) {
			d.Classes = append(d.Classes, n)
		}
	}
	reasons := index(before.Reasons, func(r ReasonStats) counterKey { return counterKey{r.Class, r.Hook, r.Reason} })
	for _, r := range s.Reasons {
		b := reasons[counterKey{r.Class, r.Hook, r.Reason}]
		if n := grown(r.Packets, b.Packets); n > 0 {
			d.Reasons = append(d.Reasons, ReasonStats{r.Class, r.Hook, r.Reason, n, grown(r.Bytes, b.Bytes)})
		}
	}
	times := index(before.RTT, func(r ClassRTT) class.ID { return r.Class })
	for _, r := range s.RTT {
		if n := r.since(times[r.Class]); n.Samples > 0 {
			d.RTT = append(d.RTT, n)
		}
	}
	return d
}

// counterKey says where a counter is.
type counterKey struct {
	class  class.ID
	hook   string
	reason string
}

func index[K comparable, V any](all []V, key func(V) K) map[K]V {
	m := make(map[K]V, len(all))
	for _, v := range all {
		m[key(v)] = v
	}
	return m
}

func grown(now, before uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

func (r ClassRTT) since(before ClassRTT) ClassRTT {
	if r.Samples < before.Samples {
		return r
	}
	r.Samples -= before.Samples
	r.Sum -= before.Sum
	for i := range r.Buckets {
		r.Buckets[i] = grown(r.Buckets[i], before.Buckets[i])
	}
	return r
}

// Median estimates the time that half of the samples are below: the bucket it lies in is known, and within it the samples are
// taken to be spread evenly. 0 without samples.
func (r ClassRTT) Median() time.Duration {
	var all, below uint64
	for _, n := range r.Buckets {
		all += n
	}
	for i, n := range r.Buckets {
		if 2*(below+n) >= all && n > 0 {
			into := (float64(all)/2 - float64(below)) / float64(n)
			low := bucketFrom(i)
			return low + time.Duration(into*float64(BucketTo(i)-low))
		}
		below += n
	}
	return 0
}

// Mean is the samples' mean, 0 without samples.
func (r ClassRTT) Mean() time.Duration {
	if r.Samples == 0 {
		return 0
	}
	return r.Sum / time.Duration(r.Samples)
}

// BucketTo is the time that all samples of a bucket of ClassRTT are below.
func BucketTo(i int) time.Duration { return time.Microsecond << (i + 1) }

func bucketFrom(i int) time.Duration {
	if i == 0 {
		return 0
	}
	return time.Microsecond << i
}
