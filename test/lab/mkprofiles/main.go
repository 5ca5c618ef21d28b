// Mkprofiles writes profiles.csv: 32 provinces by three ISPs, out of the few values that are given and the rules by which the others are
// assumed. Both stand at the head of what it writes.
package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"quicedge/internal/class"
)

const head = `# What the lab takes the networks of 32 provinces and three ISPs to be. Written by test/lab/mkprofiles: change that, then "go generate ./test/lab".
# The provinces are the 34 codes of GB/T 2260 without 81 Hong Kong and 82 Macao.
#
# Nothing in this file was measured. "given" names the columns of a row whose values were given (the rows of province_mtu.csv; the loss above 1412 bytes of
# Guangdong CUCC); "in_range" those of which only a range over all provinces was given (loss, 2.1 to 8.7 %). All else is assumed, by these rules:
#   mtu            bytes of the IP packet; 1500, Ethernet's, where not given
#   icmp           whether senders of larger packets are told: CTCC yes, others no
#   rtt_ms         from an edge in East China, by the region of the code (first digit): 3x 15, 1x and 4x 30, 2x 40, 5x 45, 7x 50, 6x 60; CUCC 5 more, CMCC 8 more
#   jitter_ms      a tenth of the RTT, at most, in each direction
#   loss_pct       of packets in each direction: provinces in the order of their region's RTT, then of the code, evenly spread over the given range
#   burst_pct      share of the loss that comes in bursts: half
#   burst_packets  mean length of a burst: 4
#   above_bytes    packets larger than this ...
#   above_pct      ... are lost with this chance besides; 0 where not given
#   down_mbit      20 towards the client, up_mbit 5 from it
#   nat_s          timeout of the client's NAT in seconds: CMCC 30 (the least of RFC 9308, section 3.2), CUCC 60, CTCC 120
province_id,isp,mtu,icmp,rtt_ms,jitter_ms,loss_pct,burst_pct,burst_packets,above_bytes,above_pct,down_mbit,up_mbit,nat_s,given,in_range
`

// given are the path MTUs of province_mtu.csv. The row of Guangdong CUCC is a size above which a carrier loses packets, not one above which none pass.
var given = map[class.ID]int{
	class.Of(62, class.CMCC): 1360,
	class.Of(53, class.CMCC): 1380,
	class.Of(15, class.CTCC): 1420,
	class.Of(23, class.CMCC): 1372,
	class.Of(23, class.CUCC): 1372,
	class.Of(23, class.CTCC): 1372,
}

var (
	dropper   = class.Of(44, class.CUCC)
	regionRTT = map[class.Province]int{1: 30, 2: 40, 3: 15, 4: 30, 5: 45, 6: 60, 7: 50} // ms, by the first digit of the code
	extraRTT  = map[class.ISP]int{class.CTCC: 0, class.CUCC: 5, class.CMCC: 8}
	natTime   = map[class.ISP]int{class.CMCC: 30, class.CUCC: 60, class.CTCC: 120} // s
)

const (
	leastLoss, mostLoss = 2.1, 8.7 // %
)

func main() {
	w := bufio.NewWriter(os.Stdout)
	write(w)
	if err := w.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "write the profiles:", err)
		os.Exit(1)
	}
}

func write(w io.Writer) {
	io.WriteString(w, head)
	loss := losses()
	for _, p := range provinces() {
		for _, isp := range []class.ISP{class.CMCC, class.CUCC, class.CTCC} {
			io.WriteString(w, row(class.Of(p, isp), loss[p])+"\n")
		}
	}
}

func provinces() []class.Province {
	return slices.DeleteFunc(class.Provinces(), func(p class.Province) bool { return p == 81 || p == 82 })
}

// losses spreads the provinces over the given range.
func losses() map[class.Province]float64 {
	all := provinces()
	slices.SortFunc(all, func(a, b class.Province) int {
		return cmp.Or(cmp.Compare(regionRTT[a/10], regionRTT[b/10]), cmp.Compare(a, b))
	})
	loss := map[class.Province]float64{}
	for i, p := range all {
		loss[p] = leastLoss + (mostLoss-leastLoss)*float64(i)/float64(len(all)-1)
	}
	return loss
}

func row(id class.ID, loss float64) string {
	isp, names := id.ISP(), []string{}
	mtu, ok := given[id]
	if ok {
		names = append(names, "mtu")
	} else {
		mtu = 1500
	}
	above, abovePct := 0, 0.0
	if id == dropper {
		above, abovePct = 1412, 1.3
		names = append(names, "above_bytes", "above_pct")
	}
	rtt := regionRTT[id.Province()/10] + extraRTT[isp]
	return fmt.Sprintf("%s,%s,%d,%t,%d,%.1f,%.1f,50,4,%d,%g,20,5,%d,%s,loss_pct", id.Province(), isp, mtu, isp == class.CTCC, rtt, float64(rtt)/10,
		loss, above, abovePct, natTime[isp], strings.Join(names, " "))
}
