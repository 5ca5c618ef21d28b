package lab

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/path"
	"quicedge/test/lab/link"
)

// explain asks why an address gets its MTU.
func (n node) explain(t *testing.T, addr netip.Addr) path.Explained {
	t.Helper()
	e, err := n.Admin().Explain(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// rowOf returns the candidate of a row of the table.
func rowOf(e path.Explained, province, isp string) path.CandidateAnswer {
	for _, c := range e.Candidates {
		if c.ProvinceID == province && c.ISP == isp && (c.Source == "csv" || c.Source == "default") {
			return c
		}
	}
	return path.CandidateAnswer{}
}

// TestRowsOfTheShippedTableHold asks for clients of all five rows, and of classes beside them.
func TestRowsOfTheShippedTableHold(t *testing.T) {
	t.Parallel()
	n := runNode(t, New(t, Config{}), gansu, Node{})
	for _, tt := range []struct {
		id            class.ID
		mtu           int
		province, isp string // of the row that wins
		why           string
	}{
		{class.Of(44, class.CUCC), 1412, "44", "CUCC", `province_id == 44 && isp == "CUCC" holds`},
		{class.Of(44, class.CMCC), 1500, "default", "any", "the most specific row that applies"},
		{class.Of(62, class.CMCC), 1500, "default", "any", "the most specific row that applies"},
		{class.Of(53, class.CMCC), 1380, "53", "CMCC", "the most specific row that applies"},
		{class.Of(15, class.CTCC), 1420, "15", "CTCC", "the most specific row that applies"},
		{class.Of(23, class.CERNET), 1372, "23", "any", "the most specific row that applies"},
		{class.Of(23, class.CUCC), 1372, "23", "any", "the most specific row that applies"},
	} {
		for _, addr := range []netip.Addr{Host(Net4(tt.id, 5), 5), Host(Net6(tt.id, 5), 5)} {
			e := n.explain(t, addr)
			won := rowOf(e, tt.province, tt.isp)
			if e.MTU != tt.mtu || e.Budget != tt.mtu-48 || !won.Wins || won.MTU != tt.mtu || !strings.Contains(won.Reason, tt.why) {
				t.Errorf("%s: MTU %d, and of its row: %+v", tt.id, e.MTU, won)
			}
		}
	}
	if row := rowOf(n.explain(t, n.client(0)), "62", "CMCC"); row.Applies || !strings.Contains(row.Reason, "loss_rate is not measured yet") {
		t.Errorf("Gansu without a measurement: %+v", row)
	}
}

// TestGansusRowFollowsItsLoss raises the loss of Gansu CMCC above the threshold of its row, lowers it a little, and ends it.
func TestGansusRowFollowsItsLoss(t *testing.T) {
	t.Parallel()
	lossy := func(share float64) link.Settings {
		p := link.Path{Delay: 4 * time.Millisecond} // without a queue, whose losses would count too
		s := link.Settings{Up: p, Down: p}
		s.Down.Loss = share
		return s
	}
	l := New(t, Config{Seed: 1, Classes: []Class{{ID: gansu, Settings: lossy(0.02)}}})
	n := runNode(t, l, gansu, Node{Env: []string{"QUICEDGE_MEASURE_HALF_LIFE=1s"}})
	n.gather(t, 0, 1, 2, 3)
	row := func() path.CandidateAnswer { return rowOf(n.explain(t, n.client(0)), "62", "CMCC") }
	say := func(what string) {
		p := n.profile(t)
		c := row()
		t.Logf("%s: MTU %d by %s; %s", what, p.MTU, p.Source, c.Reason)
	}
	until(t, "a loss below the threshold is measured", func() bool {
		c := row()
		return !c.Applies && strings.Contains(c.Reason, "does not hold: loss_rate is 2.")
	})
	say("2 % of loss")
	change(t, l.Link(gansu), lossy(0.085))
	until(t, "the row applies", func() bool { p := n.profile(t); return p.MTU == 1360 && p.Source == "csv" })
	if c := row(); !c.Wins || !strings.Contains(c.Reason, "loss_rate > 6.5%") {
		t.Errorf("%+v", c)
	}
	until(t, "the loss of the link is measured", func() bool { return strings.Contains(row().Reason, "holds: loss_rate is 8.") })
	say("8.5 %")
	change(t, l.Link(gansu), lossy(0.062))
	until(t, "the row is held by the margin", func() bool {
		c := row()
		return c.Wins && strings.Contains(c.Reason, "still holds: loss_rate is 6.") && strings.Contains(c.Reason, "and ceases 10 % further")
	})
	say("6.2 %")
	change(t, l.Link(gansu), lossy(0.02))
	until(t, "the row ceases", func() bool { return n.profile(t).MTU == 1500 })
	if c := row(); c.Applies || !strings.Contains(c.Reason, "loss_rate > 6.5% does not hold") {
		t.Errorf("%+v", c)
	}
	say("2 %")
}
