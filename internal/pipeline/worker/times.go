package worker

import (
	"runtime"
	"sync/atomic"
	"time"
)

// The stages of a job whose time is measured. They overlap, so that their sum may exceed the time of the job.
const (
	stageDemux = iota
	stageDecode
	stageInfer
	stageEncode
	stageMux
	stageGenerate
	stages
)

var stageNames = [stages]string{"demux", "decode", "infer", "encode", "mux", "generate"}

// times adds up what the stages of a job take. It is for several goroutines.
type times struct {
	start     time.Time
	allocated int64 // objects, at the start
	stages    [stages]atomic.Int64
}

func newTimes() *times { return &times{start: time.Now(), allocated: allocations()} }

// allocations is how many objects the program has allocated so far.
func allocations() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m) // exact, which the counters of runtime/metrics are not
	return int64(m.Mallocs)
}

// add counts the time since begin for a stage and returns now, where the next stage begins.
func (t *times) add(stage int, begin time.Time) time.Time {
	now := time.Now()
	t.stages[stage].Add(int64(now.Sub(begin)))
	return now
}

// less takes off what a stage waited for another.
func (t *times) less(stage int, d time.Duration) { t.stages[stage].Add(-int64(d)) }

// sum is the time by the stage's name, of the stages that there were.
func (t *times) sum() map[string]time.Duration {
	sums := map[string]time.Duration{}
	for i, name := range stageNames {
		if d := t.stages[i].Load(); d > 0 {
			sums[name] = time.Duration(d)
		}
	}
	return sums
}
