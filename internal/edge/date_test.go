package edge

import (
	"net/http"
	"testing"
	"time"
)

func TestDateIsThatOfItsSecond(t *testing.T) {
	var d date
	base := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	for _, after := range []time.Duration{0, 999 * time.Millisecond, time.Second, time.Hour, 0} {
		now := base.Add(after).In(time.FixedZone("CST", 8*3600))
		if got, want := d.at(now).text[0], now.UTC().Format(http.TimeFormat); got != want {
			t.Errorf("after %s: %s, want %s", after, got, want)
		}
	}
}
