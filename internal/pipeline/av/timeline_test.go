package av

import (
	"slices"
	"testing"

	"github.com/asticode/go-astiav"
)

func TestTimelineGrowsWithoutJumps(t *testing.T) {
	none := astiav.NoPtsValue
	for name, tc := range map[string]struct {
		in, want []int64
	}{
		"as it is":                {[]int64{0, 40, 80, 120}, []int64{0, 40, 80, 120}},
		"variable rate":           {[]int64{0, 40, 500, 510}, []int64{0, 40, 500, 510}},
		"begins below zero":       {[]int64{-20, 20, 60}, []int64{-20, 20, 60}},
		"no times":                {[]int64{none, none, none}, []int64{0, 40, 80}},
		"one without a time":      {[]int64{0, none, 80}, []int64{0, 40, 80}},
		"the same twice":          {[]int64{0, 40, 40, 80}, []int64{0, 40, 41, 80}},
		"a little back":           {[]int64{0, 40, 30, 80}, []int64{0, 40, 41, 80}},
		"the clock jumps forward": {[]int64{0, 40, 900000, 900040}, []int64{0, 40, 80, 120}},
		"the clock starts again":  {[]int64{800, 840, -90000, -89960}, []int64{800, 840, 880, 920}},
		"begins anywhere":         {[]int64{1 << 40, 1<<40 + 40}, []int64{0, 40}},
		"one wild time":           {[]int64{0, 40, 1 << 50, 120, 160}, []int64{0, 40, 80, 120, 160}},
	} {
		t.Run(name, func(t *testing.T) {
			l := timeline{step: 40, jump: 1000}
			var got []int64
			for _, v := range tc.in {
				got = append(got, l.next(v))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%v became %v, want %v", tc.in, got, tc.want)
			}
		})
	}
}
