package dataplane

import (
	"reflect"
	"testing"
	"time"
)

func TestSinceIsWhatWasCountedMeanwhile(t *testing.T) {
	before := Stats{
		Classes: []ClassStats{{Class: heilongjiang, Hook: "ingress", Packets: 10, Bytes: 1000, Initials: 1}, {Class: heilongjiang, Hook: "egress", Packets: 5, Bytes: 50}},
		Reasons: []ReasonStats{{heilongjiang, "ingress", "pass", 10, 1000}, {0, "ingress", "not-udp", 3, 30}},
		RTT:     []ClassRTT{{Class: heilongjiang, Samples: 2, Sum: 4 * time.Millisecond, Buckets: [rttBuckets]uint64{10: 2}}},
	}
	now := Stats{
		Classes: []ClassStats{
			{Class: heilongjiang, Hook: "ingress", Packets: 17, Bytes: 1700, Clamped: 1, Screened: 2, Initials: 4, Retries: 3, MSSClamped: 6},
			{Class: heilongjiang, Hook: "egress", Packets: 5, Bytes: 50},
			{Class: 0, Hook: "egress", Packets: 1, Bytes: 9},
		},
		Reasons: []ReasonStats{{heilongjiang, "ingress", "pass", 17, 1700}, {0, "ingress", "not-udp", 3, 30}},
		RTT:     []ClassRTT{{Class: heilongjiang, Samples: 3, Sum: 9 * time.Millisecond, Buckets: [rttBuckets]uint64{10: 2, 12: 1}}},
	}
	want := Stats{
		Classes: []ClassStats{{heilongjiang, "ingress", 7, 700, 1, 2, 3, 3, 6}, {Class: 0, Hook: "egress", Packets: 1, Bytes: 9}},
		Reasons: []ReasonStats{{heilongjiang, "ingress", "pass", 7, 700}},
		RTT:     []ClassRTT{{Class: heilongjiang, Samples: 1, Sum: 5 * time.Millisecond, Buckets: [rttBuckets]uint64{12: 1}}},
	}
	if got := now.Since(before); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got := now.Since(now); !reflect.DeepEqual(got, Stats{}) {
		t.Errorf("nothing happened: %+v", got)
	}
	if got := before.Since(now); got.Classes[0].Packets != 10 || got.RTT[0].Samples != 2 || got.RTT[0].Sum != 4*time.Millisecond {
		t.Errorf("counters that were made anew count whole: %+v", got)
	}
}

func TestMedianLiesInItsBucket(t *testing.T) {
	for name, tt := range map[string]struct {
		buckets [rttBuckets]uint64
		want    time.Duration
	}{
		"no sample":        {[rttBuckets]uint64{}, 0},
		"the first bucket": {[rttBuckets]uint64{0: 1}, time.Microsecond},
		"one sample":       {[rttBuckets]uint64{10: 1}, 1536 * time.Microsecond},
		"a few":            {[rttBuckets]uint64{4: 1, 10: 4, 20: 1}, 1536 * time.Microsecond},
		"at a border":      {[rttBuckets]uint64{4: 5, 10: 5}, 32 * time.Microsecond},
		"the last bucket":  {[rttBuckets]uint64{rttBuckets - 1: 2}, 3 << (rttBuckets - 2) * time.Microsecond},
	} {
		if got := (ClassRTT{Buckets: tt.buckets}).Median(); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	if got := (ClassRTT{Samples: 4, Sum: 10 * time.Second}).Mean(); got != 2500*time.Millisecond {
		t.Errorf("mean %s", got)
	}
	if got := (ClassRTT{}).Mean(); got != 0 {
		t.Errorf("mean of nothing: %s", got)
	}
}
