package node

import (
	"strings"
	"testing"

	"quicedge/internal/class"
	"quicedge/internal/control"
	"quicedge/internal/measure"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
	"quicedge/internal/statedir"
)

func TestLoopMetricsShowWhatIsMeasuredAndLearned(t *testing.T) {
	l, err := control.New(control.Files{State: statedir.At(t.TempDir())}, control.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	m := newLoopMetrics(l)
	if got := scrape(t, m); !strings.Contains(got, "quicedge_loop_generation 1\n") || strings.Contains(got, "quicedge_path_") {
		t.Errorf("of a loop that knows nothing:\n%s", got)
	}
	m.state = func() path.LoopAnswer {
		return path.LoopAnswer{Generation: 7, AgeSec: 2.5, Ticks: 90, EventsLost: 3, LastError: "busy"}
	}
	known := func(v float64) measure.Value { return measure.Value{Value: v, Known: true} }
	m.classes = func() []control.ClassState {
		return []control.ClassState{
			{
				Class: class.Of(62, class.CMCC), Measured: measure.Reading{LossRate: known(0.07), FailureRate: known(0.01)}, RTT: known(0.08),
				Learned: mtu.Learned{MTU: 1300, Proven: 1280, Networks: 4}, Profile: path.Profile{MTU: 1300, Source: mtu.SourceLearned},
			},
			{Class: class.Of(23, class.CTCC), RTT: known(0.02), Profile: path.Profile{MTU: 1372, Source: mtu.SourceCSV}},
		}
	}
	got := scrape(t, m)
	for _, want := range []string{
		"loop_generation 7", "loop_snapshot_age_seconds 2.5", "loop_ticks_total 90", "loop_events_lost_total 3", "loop_failing 1",
		`path_mtu_bytes{isp="CMCC",province="62",source="learned"} 1300`,
		`path_learned_mtu_bytes{isp="CMCC",province="62"} 1300`,
		`path_proven_mtu_bytes{isp="CMCC",province="62"} 1280`,
		`path_learned_networks{isp="CMCC",province="62"} 4`,
		`path_rtt_seconds{isp="CMCC",province="62"} 0.08`,
		`path_loss_ratio{isp="CMCC",province="62"} 0.07`,
		`path_handshake_failure_ratio{isp="CMCC",province="62"} 0.01`,
		`path_mtu_bytes{isp="CTCC",province="23",source="csv"} 1372`,
		`path_rtt_seconds{isp="CTCC",province="23"} 0.02`,
	} {
		if !strings.Contains(got, "quicedge_"+want+"\n") {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	for _, unknown := range []string{"path_loss_ratio", "path_learned_mtu_bytes", "path_proven_mtu_bytes", "path_handshake_failure_ratio"} {
		if strings.Contains(got, "quicedge_"+unknown+`{isp="CTCC"`) {
			t.Errorf("%s of a class that has none:\n%s", unknown, got)
		}
	}
}
