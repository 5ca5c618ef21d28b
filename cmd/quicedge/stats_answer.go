package main

import (
	"io"
	"math"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/dataplane"
	"quicedge/internal/path"
)

// classNames say of which class a row is. They, and what they are part of, are public: fields are added, never renamed.
type classNames struct {
	Class      int    `json:"class"`
	ProvinceID int    `json:"province_id"`
	Province   string `json:"province"`
	ProvinceZH string `json:"province_zh"`
	ISP        string `json:"isp"`
}

func namesOf(id class.ID) classNames {
	p := id.Province()
	return classNames{int(id), int(p), p.Name(), p.Chinese(), id.ISP().String()}
}

// classCount counts since load, or within an interval. Bytes begin at the IP header.
type classCount struct {
	classNames
	Hook       string `json:"hook"`
	Packets    uint64 `json:"packets"`
	Bytes      uint64 `json:"bytes"`
	Clamped    uint64 `json:"clamped"`
	Screened   uint64 `json:"screened"`
	Initials   uint64 `json:"initials"`
	Retries    uint64 `json:"retries"`
	MSSClamped uint64 `json:"mss_clamped"`
}

type reasonCount struct {
	classNames
	Hook    string `json:"hook"`
	Reason  string `json:"reason"`
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// classRTT are the round-trip times of handshakes with a class's clients.
type classRTT struct {
	classNames
	Samples  uint64      `json:"samples"`
	MeanMS   float64     `json:"mean_ms"`
	MedianMS float64     `json:"median_ms"` // estimated from the buckets
	Buckets  []rttBucket `json:"buckets"`   // those with samples
}

type rttBucket struct {
	BelowMS float64 `json:"below_ms"` // and at least half of it
	Samples uint64  `json:"samples"`
}

type attachment struct {
	Interface string         `json:"interface"`
	Index     int            `json:"index"`
	Hook      string         `json:"hook"`
	ProgramID uint32         `json:"program_id"`
	Mode      dataplane.Mode `json:"mode"`
}

type counters struct {
	Classes []classCount  `json:"classes"`
	Reasons []reasonCount `json:"reasons"`
	RTT     []classRTT    `json:"rtt"`
}

type statsAnswer struct {
	APIVersion  string       `json:"apiVersion"`
	Attachments []attachment `json:"attachments"`
	Ports       []uint16     `json:"ports"`
	counters
}

// statsTick is what one interval of --watch added.
type statsTick struct {
	APIVersion string    `json:"apiVersion"`
	Time       time.Time `json:"time"`
	IntervalMS float64   `json:"interval_ms"`
	counters
}

func newStatsAnswer(attached []dataplane.Attachment, ports []uint16, s dataplane.Stats) statsAnswer {
	out := statsAnswer{APIVersion: path.APIVersion, Attachments: []attachment{}, Ports: ports, counters: count(s)}
	for _, at := range attached {
		out.Attachments = append(out.Attachments, attachment{at.Interface, at.Index, at.Hook, at.ProgramID, at.Mode})
	}
	return out
}

func newStatsTick(at time.Time, took time.Duration, s dataplane.Stats) statsTick {
	return statsTick{path.APIVersion, at, inMilliseconds(took), count(s)}
}

func count(s dataplane.Stats) counters {
	out := counters{[]classCount{}, []reasonCount{}, []classRTT{}}
	for _, c := range s.Classes {
		out.Classes = append(out.Classes, classCount{namesOf(c.Class), c.Hook, c.Packets, c.Bytes, c.Clamped, c.Screened, c.Initials, c.Retries, c.MSSClamped})
	}
	for _, r := range s.Reasons {
		out.Reasons = append(out.Reasons, reasonCount{namesOf(r.Class), r.Hook, r.Reason, r.Packets, r.Bytes})
	}
	for _, r := range s.RTT {
		t := classRTT{namesOf(r.Class), r.Samples, inMilliseconds(r.Mean()), inMilliseconds(r.Median()), nil}
		for i, n := range r.Buckets {
			if n > 0 {
				t.Buckets = append(t.Buckets, rttBucket{inMilliseconds(dataplane.BucketTo(i)), n})
			}
		}
		out.RTT = append(out.RTT, t)
	}
	return out
}

// inMilliseconds has microseconds behind the point.
func inMilliseconds(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

// statsTable leaves out what was not asked for.
func statsTable(w io.Writer, out counters, pick picker) {
	if len(pick.reasons) == 0 {
		cells(w, "PROVINCE", "ISP", "HOOK", "PACKETS", "BYTES", "CLAMPED", "SCREENED", "INITIALS", "RETRIES", "MSS-CLAMPED")
		for _, c := range out.Classes {
			cells(w, c.Province, c.ISP, c.Hook, c.Packets, c.Bytes, c.Clamped, c.Screened, c.Initials, c.Retries, c.MSSClamped)
		}
		cells(w)
	}
	cells(w, "PROVINCE", "ISP", "HOOK", "REASON", "PACKETS", "BYTES")
	for _, r := range out.Reasons {
		cells(w, r.Province, r.ISP, r.Hook, r.Reason, r.Packets, r.Bytes)
	}
	if len(pick.reasons) > 0 || len(out.RTT) == 0 {
		return
	}
	cells(w)
	cells(w, "PROVINCE", "ISP", "HANDSHAKES", "MEDIAN MS", "MEAN MS")
	for _, r := range out.RTT {
		cells(w, r.Province, r.ISP, r.Samples, r.MedianMS, r.MeanMS)
	}
}
