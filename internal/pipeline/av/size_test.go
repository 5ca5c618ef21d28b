package av

import (
	"errors"
	"testing"
)

func TestSizesThatThePipelineTakes(t *testing.T) {
	for size, want := range map[[2]int]bool{
		{16, 16}: true, {640, 360}: true, {3840, 2160}: true, {2160, 3840}: true, {4096, 2024}: true, {641, 360}: true, {640, 361}: true,
		{14, 16}: false, {15, 15}: false, {4098, 16}: false, {160, 26202}: false, {4096, 2160}: false, {0, 0}: false,
	} {
		err := checkSize("encode", size[0], size[1])
		var unsupported *Unsupported
		if (err == nil) != want || err != nil && !errors.As(err, &unsupported) {
			t.Errorf("%dx%d: %v", size[0], size[1], err)
		}
	}
}
