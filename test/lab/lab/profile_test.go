package lab

import (
	"strings"
	"testing"
	"time"

	"quicedge/test/lab/link"
)

const columns = "province_id,isp,mtu,icmp,rtt_ms,jitter_ms,loss_pct,burst_pct,burst_packets,above_bytes,above_pct,down_mbit,up_mbit,nat_s,given,in_range\n"

func TestProfileBecomesALink(t *testing.T) {
	all, err := ReadProfiles(strings.NewReader(columns+"44,CUCC,1480,true,50,5,4,25,4,1412,1.3,20,5,60,mtu above_pct,loss_pct\n"), "p.csv")
	if err != nil || len(all) != 1 || all[0].ID != guangdong || len(all[0].Given) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	s := all[0].Settings()
	path := link.Path{
		Delay: 25 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.04 * 0.75, Burst: link.Bursts(0.01, 4), Large: link.Large{Size: 1412, Loss: 0.013},
		Rate: 20_000_000, MTU: 1480, ICMP: true,
	}
	if s.Down != path || s.Up.Rate != 5_000_000 || s.NAT != (link.NAT{On: true, Timeout: time.Minute}) {
		t.Errorf("%+v", s)
	}
}

func TestWrongProfilesAreRefusedWithTheirPlace(t *testing.T) {
	for row, want := range map[string]string{
		"99,CUCC,1480,true,50,5,4,25,4,0,0,20,5,60,,":                                                      "p.csv:2:1",
		"44,AOL,1480,true,50,5,4,25,4,0,0,20,5,60,,":                                                       "p.csv:2:4",
		"44,CUCC,1480,maybe,50,5,4,25,4,0,0,20,5,60,,":                                                     "p.csv:2:14",
		"44,CUCC,1480,true,-1,5,4,25,4,0,0,20,5,60,,":                                                      "p.csv:2:19",
		"44,CUCC,1480,true,50,5,4,25,4,0,0,20,5,60,speed,":                                                 "p.csv:2:43",
		"44,CUCC,1480,true,50,5,400,25,4,0,0,20,5,60,,":                                                    "p.csv:2:1",
		"44,CUCC,1500,true,50,5,4,25,4,0,0,20,5,60,,\n44,CUCC,1500,true,50,5,4,25,4,0,0,20,5,60,,loss_pct": "p.csv:3:1",
	} {
		if _, err := ReadProfiles(strings.NewReader(columns+row+"\n"), "p.csv"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", row, err, want)
		}
	}
}
