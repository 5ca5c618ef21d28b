package av

import (
	"errors"
	"math"
	"testing"

	"github.com/asticode/go-astiav"
)

func TestFasterFormatRefusesAClockThatCannotBeDivided(t *testing.T) {
	for _, tc := range []struct {
		clock int
		taken bool
	}{{90000, true}, {math.MaxInt32 / 2, true}, {math.MaxInt32/2 + 1, false}, {math.MaxInt32, false}} {
		f := MadeUp(64, 64, 25)
		f.base = astiav.NewRational(1, tc.clock)
		f.rate = astiav.NewRational(math.MaxInt32, math.MaxInt32/30)
		f = f.Faster(2)
		var refused *Unsupported
		if err := f.check(); errors.As(err, &refused) == tc.taken {
			t.Errorf("a clock of %d a second, twice as fast: %v", tc.clock, err)
		}
		if f.base.Den() <= 0 || f.rate.Float64() < 59 || f.rate.Float64() > 61 {
			t.Errorf("a clock of %d a second: base %v, rate %v, want 60 a second", tc.clock, f.base, f.rate)
		}
	}
}
