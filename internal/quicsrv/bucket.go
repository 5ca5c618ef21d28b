package quicsrv

import "time"

// bucket holds what was done lately, and leaks: so much a second may be done, and as much at once after a second's pause, as nginx's
// limit_req has it with a burst of one second and no delay. The zero value is empty.
type bucket struct {
	level float64
	at    time.Time
}

// take puts one in, unless the bucket is full. A rate of 0 is no bound.
func (b *bucket) take(rate int, now time.Time) bool {
	if rate <= 0 {
		return true
	}
	b.level = max(b.level-now.Sub(b.at).Seconds()*float64(rate), 0)
	b.at = now
	if b.level+1 > float64(rate) {
		return false
	}
	b.level++
	return true
}
