package prefix

import (
	"testing"

	"quicedge/internal/class"
)

func TestStatCountsAddressesByTheirLongestPrefix(t *testing.T) {
	s := table(t, "10.0.0.0/8,44,CUCC\n10.1.0.0/16,23,CMCC\n10.1.2.0/24,44,CUCC\n192.0.2.0/24,0,OTHER\n2001:db8::/32,15,CTCC\n2001:db8:1::/48,0,CTCC\n2001:db9::/64,15,CTCC\n").Stat()
	cucc, cmcc := s.Classes[class.Of(44, class.CUCC)], s.Classes[class.Of(23, class.CMCC)]
	if cucc.Prefixes != 2 || cucc.IPv4 != 1<<24-1<<16+1<<8 || cmcc.IPv4 != 1<<16-1<<8 || cmcc.IPv6 != 0 {
		t.Errorf("44/CUCC %+v, 23/CMCC %+v", cucc, cmcc)
	}
	if got := s.Classes[class.Of(15, class.CTCC)]; got.IPv6 != 1<<16-1+1.0/(1<<16) || got.Prefixes != 2 {
		t.Errorf("15/CTCC %+v", got)
	}
	if got := s.Classes[0]; got.IPv4 != 256 {
		t.Errorf("class 0 %+v", got)
	}
	if all := s.Covered(); all.IPv4 != 1<<24+1<<8 || all.IPv6 != 1<<16+1.0/(1<<16) {
		t.Errorf("covered %+v", all)
	}
	if f := s.IPv4; f.Prefixes != 4 || f.Nested != 2 || f.Depth != 3 || f.Lengths[24] != 2 || f.Lengths[8] != 1 {
		t.Errorf("IPv4 %+v", f)
	}
	if f := s.IPv6; f.Prefixes != 3 || f.Nested != 1 || f.Depth != 2 || f.Lengths[48] != 1 {
		t.Errorf("IPv6 %+v", f)
	}
	if all := table(t, "0.0.0.0/0,44,CUCC\n::/0,44,CUCC\n").Stat().Covered(); all.IPv4 != 1<<32 || all.IPv6 != 1<<48 {
		t.Errorf("everything is %+v", all)
	}
}

func TestKernelSizeGrowsWithLongPrefixes(t *testing.T) {
	none4, none6, err := (&Table{}).KernelSize()
	if err != nil || none4 != DirRootsSize || none6 == 0 || none6%DxrBlockSize != 0 {
		t.Errorf("no prefixes: %d, %d, %v", none4, none6, err)
	}
	v4, v6, err := table(t, "10.0.0.0/25,44,CUCC\n10.0.0.192/26,44,CMCC\n10.0.1.0/24,44,CMCC\n10.0.2.1/32,44,CMCC\n2001:db8::/48,44,CUCC\n").KernelSize()
	if err != nil || v4 != none4+2*DirLeafSize || v6 < none6 {
		t.Errorf("two networks with longer prefixes: %d, %d, %v; without %d, %d", v4, v6, err, none4, none6)
	}
}
