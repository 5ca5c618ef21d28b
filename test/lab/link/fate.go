package link

import "hash/fnv"

// What is drawn for each packet.
const (
	drawLoss = iota
	drawBurst
	drawBurstLoss
	drawLarge
	drawJitter
	draws
)

// generator gives each packet its own random numbers: the n-th packet's do not depend on what was drawn before, so that a link that
// loses more, or is changed, goes on with the same numbers.
type generator uint64

func newGenerator(seed uint64, link string, d Direction) generator {
	h := fnv.New64a()
	h.Write([]byte(link)) // never fails
	return generator(mix(mix(seed) ^ h.Sum64() + uint64(d)))
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood 2014): a bijection whose output bits all depend on all input bits.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// draw returns a number from 0 to less than 1, evenly spread.
func (g generator) draw(packet uint64, what uint64) float64 {
	const golden = 0x9e3779b97f4a7c15 // SplitMix64's step
	return float64(mix(uint64(g)+(packet*draws+what+1)*golden)>>11) / (1 << 53)
}

// luck is the part of a direction's state that chance decides.
type luck struct {
	generator
	number uint64 // of the next packet
	bad    bool   // of Burst
}

// next decides on a packet by chance, and returns its number. The state of Burst moves with every packet, lost or not.
func (l *luck) next(p Path, size int) (number uint64, lost Reason) {
	number = l.number
	l.number++
	turn := l.draw(number, drawBurst)
	if l.bad {
		l.bad = turn >= p.Burst.Leave
	} else {
		l.bad = turn < p.Burst.Enter
	}
	switch {
	case l.draw(number, drawLoss) < p.Loss:
		return number, Random
	case l.bad && l.draw(number, drawBurstLoss) < p.Burst.Loss:
		return number, Bursty
	case p.Large.Size > 0 && size > p.Large.Size && l.draw(number, drawLarge) < p.Large.Loss:
		return number, Size
	}
	return number, None
}
