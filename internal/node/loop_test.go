package node

import (
	"testing"
	"time"

	"quicedge/internal/config"
)

func TestEverySettingOfTheLoopReachesIt(t *testing.T) {
	cfg := config.Default()
	cfg.Tick, cfg.MeasureHalfLife, cfg.MeasureExpire = 2*time.Second, 3*time.Second, 4*time.Second
	cfg.MeasureMinSamples, cfg.MeasureMinPackets = 5, 6
	cfg.ConditionMargin, cfg.ConditionDwell = 25, 7*time.Second
	cfg.LearnWindow, cfg.LearnRaiseAfter, cfg.LearnMinNetworks, cfg.LearnMinSamples = 8*time.Second, 9*time.Second, 10, 11
	s := LoopSettings(cfg, nil)
	switch {
	case s.Tick != 2*time.Second:
		t.Errorf("tick %s", s.Tick)
	case s.Measure.HalfLife != 3*time.Second || s.Measure.Expire != 4*time.Second || s.Measure.MinSamples != 5 || s.Measure.MinPackets != 6:
		t.Errorf("measure %+v", s.Measure)
	case s.Judge.Margin != 0.25 || s.Judge.Dwell != 7*time.Second:
		t.Errorf("judge %+v", s.Judge)
	case s.Learn.Window != 8*time.Second || s.Learn.RaiseAfter != 9*time.Second || s.Learn.MinNetworks != 10 || s.Learn.MinSamples != 11:
		t.Errorf("learn %+v", s.Learn)
	}
}
