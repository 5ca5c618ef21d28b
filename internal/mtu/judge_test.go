package mtu_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"quicedge"
	"quicedge/internal/class"
	"quicedge/internal/mtu"
)

var (
	gansu = class.Of(62, class.CMCC)
	start = time.Unix(1_700_000_000, 0)
)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

func parseTable(t *testing.T, in string) *mtu.Table {
	t.Helper()
	table, err := mtu.ParseTable(strings.NewReader(in), "t.csv")
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func shipped(t *testing.T) mtu.Layers {
	t.Helper()
	return mtu.Layers{CSV: parseTable(t, string(bytes.TrimSpace(quicedge.DefaultTable)))}
}

func judged(t *testing.T, l mtu.Layers, j *mtu.Judge, id class.ID, m mtu.Measured, now time.Time) uint16 {
	t.Helper()
	e, err := l.Judged(j, id, m, now)
	if err != nil {
		t.Fatal(err)
	}
	return e.MTU
}

// The five rows of the table, over a day on which the loss of every class rises from 2 % to 9 % and falls again.
func TestShippedRowsUnderRisingAndFallingLoss(t *testing.T) {
	tests := []struct {
		id     class.ID
		at     []float64 // percent of loss, in the order of time
		want   []uint16
		source mtu.Source // at the highest loss
	}{
		{class.Of(44, class.CUCC), []float64{2, 6.6, 9, 6.2, 2}, []uint16{1412, 1412, 1412, 1412, 1412}, mtu.SourceCSV},
		{gansu, []float64{2, 6.4, 6.5, 6.51, 9, 6.4, 5.92, 5.9, 6.4, 6.51}, []uint16{1500, 1500, 1500, 1360, 1360, 1360, 1360, 1500, 1500, 1360}, mtu.SourceCSV},
		{class.Of(62, class.CUCC), []float64{2, 9}, []uint16{1500, 1500}, mtu.SourceDefault},
		{class.Of(53, class.CMCC), []float64{2, 9, 2}, []uint16{1380, 1380, 1380}, mtu.SourceCSV},
		{class.Of(15, class.CTCC), []float64{2, 9, 2}, []uint16{1420, 1420, 1420}, mtu.SourceCSV},
		{class.Of(23, class.CBN), []float64{2, 9, 2}, []uint16{1372, 1372, 1372}, mtu.SourceCSV},
	}
	l, j := shipped(t), mtu.NewJudge(mtu.JudgeConfig{})
	for _, tt := range tests {
		for i, loss := range tt.at {
			m := mtu.Measured{LossRate: ratio(loss / 100)}
			if got := judged(t, l, j, tt.id, m, at(float64(i)*60)); got != tt.want[i] {
				t.Errorf("class %s at %g %% after %v: %d, want %d", tt.id, loss, tt.at[:i], got, tt.want[i])
			}
		}
		e, err := l.Effective(tt.id, mtu.Measured{LossRate: ratio(0.09)})
		if err != nil || e.Source != tt.source {
			t.Errorf("class %s: from %s, %v; want %s", tt.id, e.Source, err, tt.source)
		}
	}
}

func TestARowDoesNotFlapUnderNoiseAroundTheThreshold(t *testing.T) {
	tests := map[string]struct {
		base, noise float64 // percent of loss
		most        int     // changes in an hour of a reading a second
	}{
		"at the threshold":            {6.5, 0.4, 1},
		"where the row ends":          {5.91, 0.4, 1},
		"noise wider than the margin": {6.2, 3, 3600 / 10},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, 7))
			l, j := shipped(t), mtu.NewJudge(mtu.JudgeConfig{})
			changes, last := -1, uint16(0)
			for second := range 3600 {
				loss := (tt.base + tt.noise*(2*random.Float64()-1)) / 100
				if got := judged(t, l, j, gansu, mtu.Measured{LossRate: &loss}, at(float64(second))); got != last {
					changes, last = changes+1, got
				}
			}
			if changes > tt.most {
				t.Errorf("changed %d times, want at most %d", changes, tt.most)
			}
		})
	}
}

func TestAChangeIsNotTakenBackAtOnce(t *testing.T) {
	l, j := shipped(t), mtu.NewJudge(mtu.JudgeConfig{})
	for _, step := range []struct {
		second, loss float64
		want         uint16
	}{{0, 0.03, 1500}, {1, 0.08, 1360}, {2, 0.02, 1360}, {10.9, 0.02, 1360}, {11, 0.02, 1500}, {12, 0.09, 1500}, {21, 0.09, 1360}, {-3600, 0.02, 1500}} {
		if got := judged(t, l, j, gansu, mtu.Measured{LossRate: &step.loss}, at(step.second)); got != step.want {
			t.Errorf("second %g, loss %g: %d, want %d", step.second, step.loss, got, step.want)
		}
	}
}

func TestAValueThatExpiredEndsItsRow(t *testing.T) {
	l, j := shipped(t), mtu.NewJudge(mtu.JudgeConfig{})
	if got := judged(t, l, j, gansu, mtu.Measured{LossRate: ratio(0.08)}, at(0)); got != 1360 {
		t.Fatalf("got %d", got)
	}
	if got := judged(t, l, j, gansu, mtu.Measured{RTT: ratio(80)}, at(300)); got != 1500 {
		t.Errorf("loss is unknown, and the row stands: %d", got)
	}
}

func TestBothValuesOfAConditionHaveAMargin(t *testing.T) {
	l := mtu.Layers{CSV: parseTable(t, head+"62,any,1300,loss_rate > 5% && rtt_ms < 100\ndefault,any,1500,\n")}
	j := mtu.NewJudge(mtu.JudgeConfig{Margin: 0.2})
	for i, step := range []struct {
		loss, rtt float64
		want      uint16
	}{{0.05, 90, 1500}, {0.051, 99, 1300}, {0.042, 124, 1300}, {0.042, 126, 1500}, {0.042, 124, 1500}, {0.06, 99, 1300}, {0.041, 50, 1500}} {
		if got := judged(t, l, j, gansu, mtu.Measured{LossRate: &step.loss, RTT: &step.rtt}, at(float64(i)*60)); got != step.want {
			t.Errorf("step %d: %d, want %d", i, got, step.want)
		}
	}
}

func TestWhatStandsOutlivesAReload(t *testing.T) {
	j := mtu.NewJudge(mtu.JudgeConfig{})
	before := mtu.Layers{CSV: parseTable(t, head+"62,CMCC,1360,loss_rate > 6.5%\ndefault,any,1500,\n")}
	after := mtu.Layers{CSV: parseTable(t, head+"11,any,1400,\n62,CMCC,1350,loss_rate > 6.5%\n62,any,1390,loss_rate > 6.5%\ndefault,any,1500,\n")}
	m := mtu.Measured{LossRate: ratio(0.07)}
	judged(t, before, j, gansu, m, at(0))
	m = mtu.Measured{LossRate: ratio(0.062)}
	if got := judged(t, after, j, gansu, m, at(60)); got != 1350 {
		t.Errorf("got %d, want the row that stood", got)
	}
	if got := judged(t, after, j, class.Of(62, class.CUCC), m, at(60)); got != 1500 {
		t.Errorf("another class got %d", got)
	}
}
