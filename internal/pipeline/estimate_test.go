package pipeline

import (
	"testing"
	"time"
)

func TestWaitForAWorkerIsEstimatedFromWhatRuns(t *testing.T) {
	const s = time.Second
	for name, tt := range map[string]struct {
		left    []time.Duration
		waiting int
		want    time.Duration
	}{
		"nothing runs":                             {nil, 3, retryMin},
		"the first to end makes room":              {[]time.Duration{9 * s, 4 * s}, 0, 4 * s},
		"who waits already comes first":            {[]time.Duration{9 * s, 4 * s}, 1, 9 * s},
		"a second round takes as long as a job":    {[]time.Duration{9 * s, 4 * s}, 2, 14 * s},
		"a job that is late ends soon":             {[]time.Duration{0}, 0, retryMin},
		"nobody is sent away for longer than this": {[]time.Duration{time.Hour}, 5, retryMax},
	} {
		t.Run(name, func(t *testing.T) {
			if got := wait(tt.left, tt.waiting, 10*s); got != tt.want {
				t.Errorf("wait = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestWhatIsLeftOfAJob(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, tt := range map[string]struct {
		job  pace
		want time.Duration
	}{
		"a quarter in 5 s":    {pace{ago(5 * time.Second), 10 * time.Second, 40 * time.Second}, 15 * time.Second},
		"no duration":         {pace{began: ago(5 * time.Second), position: time.Second}, 7 * time.Second},
		"nothing decoded yet": {pace{began: ago(5 * time.Second), duration: time.Second}, 7 * time.Second},
		"longer than usual":   {pace{began: ago(time.Minute)}, 0},
		"behind its own end":  {pace{ago(time.Second), 3 * time.Second, 2 * time.Second}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.job.left(now, 12*time.Second); got != tt.want {
				t.Errorf("left = %s, want %s", got, tt.want)
			}
		})
	}
}
