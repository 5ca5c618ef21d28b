package mtu_test

import (
	"strings"
	"testing"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
)

// what writes candidates as "source mtu: reason" with a star at the one that won.
func what(all []mtu.Candidate) []string {
	var lines []string
	for _, c := range all {
		star := ""
		if c.Wins {
			star = "*"
		}
		lines = append(lines, star+c.Source.String()+": "+c.Reason)
	}
	return lines
}

func TestExplainSaysWhyEachWonOrLost(t *testing.T) {
	const rows = head + `any,any,1490,
any,CMCC,1480,rtt_ms > 300
62,any,1470,
62,any,1465,loss_rate < 1%
62,CMCC,1450,
62,CMCC,1360,loss_rate > 6.5%
62,CMCC,1355,loss_rate > 6.5% && rtt_ms > 5
23,any,1372,
default,any,1500,
`
	l := mtu.Layers{CSV: parseTable(t, rows)}
	j := mtu.NewJudge(mtu.JudgeConfig{})
	m := mtu.Measured{LossRate: ratio(0.07)}
	judged(t, l, j, gansu, m, at(0))
	m.LossRate = ratio(0.061)
	check(t, l.Explain(j, gansu, m, at(60)),
		"csv: less specific than 62/CMCC on line 7",
		"csv: rtt_ms > 300 does not hold: rtt_ms is not measured yet",
		"csv: less specific than 62/CMCC on line 7",
		"csv: loss_rate < 1% does not hold: loss_rate is 6.10%",
		"csv: without a condition: 62/CMCC on line 7 has one that holds",
		"*csv: the most specific row that applies; loss_rate > 6.5% still holds: loss_rate is 6.10%, and ceases 10 % further",
		"csv: loss_rate > 6.5% && rtt_ms > 5 does not hold: loss_rate is 6.10%, rtt_ms is not measured yet",
		"csv: is for 23/any",
		"default: the default row comes last: 62/CMCC on line 7 applies")
	m = mtu.Measured{LossRate: ratio(0.08), RTT: ratio(20)}
	check(t, l.Explain(nil, gansu, m, at(60))[5:7],
		"*csv: the most specific row that applies; loss_rate > 6.5% holds: loss_rate is 8.00%",
		"csv: later than 62/CMCC on line 7; loss_rate > 6.5% && rtt_ms > 5 holds: loss_rate is 8.00%, rtt_ms is 20.00")
}

func TestExplainNamesTheDwell(t *testing.T) {
	l, j := shipped(t), mtu.NewJudge(mtu.JudgeConfig{})
	judged(t, l, j, gansu, mtu.Measured{LossRate: ratio(0.02)}, at(0))
	judged(t, l, j, gansu, mtu.Measured{LossRate: ratio(0.07)}, at(60))
	got := l.Explain(j, gansu, mtu.Measured{LossRate: ratio(0.02)}, at(61))[1]
	if want := "loss_rate > 6.5% still holds: loss_rate is 2.00%, and has changed less than 10s ago"; !got.Wins || !strings.HasSuffix(got.Reason, want) {
		t.Errorf("%+v, want %q", got, want)
	}
	if got := l.Explain(j, gansu, mtu.Measured{LossRate: ratio(0.02)}, at(600))[1]; got.Wins {
		t.Errorf("explaining has changed what stands: %+v", got)
	}
}

func TestLayersFromWeakToStrong(t *testing.T) {
	sel := mtu.For(gansu)
	all := mtu.Layers{
		CSV:       parseTable(t, head+"62,any,1480,\ndefault,any,1500,\n"),
		Learned:   map[class.ID]mtu.Learned{gansu: {MTU: 1300, Proven: 1300, Networks: 7, Samples: 21}},
		Policy:    (*mtu.Table)(nil).With(sel, 1390),
		Overrides: (*mtu.Table)(nil).With(sel, 1490),
	}
	learned := func(l mtu.Learned) map[class.ID]mtu.Learned { return map[class.ID]mtu.Learned{gansu: l} }
	tests := []struct {
		l      mtu.Layers
		want   uint16
		source mtu.Source
		why    []string
	}{
		{mtu.Layers{CSV: all.CSV}, 1480, mtu.SourceCSV, []string{"*csv: the most specific row that applies", "default: the default row comes last: 62/any on line 2 applies"}},
		{mtu.Layers{CSV: all.CSV, Learned: all.Learned}, 1300, mtu.SourceLearned, []string{
			"*learned: below the table's 1480 bytes: 21 samples from 7 networks", "csv: a stronger layer decides: learned", "default: the default row comes last: 62/any on line 2 applies",
		}},
		{mtu.Layers{CSV: all.CSV, Learned: all.Learned, Policy: all.Policy}, 1390, mtu.SourcePolicy, []string{
			"*policy: the most specific row that applies", "learned: a stronger layer decides: policy", "csv: a stronger layer decides: policy", "default: the default row comes last: 62/any on line 2 applies",
		}},
		{all, 1490, mtu.SourceOverride, []string{
			"*override: the most specific row that applies", "policy: a stronger layer decides: override",
			"learned: a stronger layer decides: override", "csv: a stronger layer decides: override", "default: the default row comes last: 62/any on line 2 applies",
		}},
		{mtu.Layers{CSV: all.CSV, Learned: learned(mtu.Learned{MTU: 1490})}, 1480, mtu.SourceCSV, []string{"learned: not below the table's 1480 bytes", "*csv: ", "default: "}},
		{mtu.Layers{CSV: all.CSV, Learned: learned(mtu.Learned{Probing: true, Proven: 1300})}, 1480, mtu.SourceCSV, []string{
			"learned: the table's 1480 bytes are being tried again, 1300 are proven", "*csv: ", "default: ",
		}},
		{mtu.Layers{CSV: all.CSV, Learned: learned(mtu.Learned{Proven: 1470})}, 1480, mtu.SourceCSV, []string{"learned: the table's 1480 bytes stand, 1470 are proven", "*csv: ", "default: "}},
		{mtu.Layers{CSV: all.CSV, Learned: learned(mtu.Learned{Networks: 1, Samples: 2})}, 1480, mtu.SourceCSV, []string{
			"learned: nothing proven, connections start small: 2 samples from 1 networks", "*csv: ", "default: ",
		}},
	}
	for _, tt := range tests {
		got, err := tt.l.Effective(gansu, mtu.Measured{})
		if err != nil || got.MTU != tt.want || got.Source != tt.source {
			t.Errorf("%+v, %v; want %d from %s", got, err, tt.want, tt.source)
		}
		check(t, tt.l.Explain(nil, gansu, mtu.Measured{}, at(0)), tt.why...)
	}
	if got, err := all.Table(nil, gansu, mtu.Measured{}, at(0)); err != nil || got.MTU != 1480 {
		t.Errorf("the table alone: %+v, %v", got, err)
	}
}

func check(t *testing.T, got []mtu.Candidate, want ...string) {
	t.Helper()
	lines := what(got)
	for i := range max(len(lines), len(want)) {
		switch {
		case i >= len(lines) || i >= len(want):
			t.Fatalf("%d candidates, want %d:\n%s", len(lines), len(want), strings.Join(lines, "\n"))
		case !strings.HasPrefix(lines[i], want[i]):
			t.Errorf("candidate %d:\n%s\n%s", i, lines[i], want[i])
		}
	}
}
