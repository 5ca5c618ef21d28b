package pipeline_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// A fault damages a clip in a way that a parser of its format has to notice. It changes its own copy.
type fault func(clip []byte, r *rand.Rand) []byte

// Faults of MP4 (ISO/IEC 14496-12). A kind of box is looked for by its four letters.

// boxSize gives every box of a kind another size.
func boxSize(kind string, size uint32) fault {
	return inBoxes(kind, func(box []byte, _ *rand.Rand) { binary.BigEndian.PutUint32(box, size) })
}

// boxGrown adds to the size of every box of a kind.
func boxGrown(kind string, by int) fault {
	return inBoxes(kind, func(box []byte, _ *rand.Rand) {
		binary.BigEndian.PutUint32(box, binary.BigEndian.Uint32(box)+uint32(by))
	})
}

// field writes value at an offset of every box of a kind; the box's header has 8 bytes.
func field(kind string, offset int, value uint32) fault {
	return inBoxes(kind, func(box []byte, _ *rand.Rand) {
		if len(box) >= offset+4 {
			binary.BigEndian.PutUint32(box[offset:], value)
		}
	})
}

// noise fills every box of a kind, behind version and flags, with random bytes.
func noise(kind string) fault {
	return inBoxes(kind, func(box []byte, r *rand.Rand) {
		size := min(int(binary.BigEndian.Uint32(box)), len(box))
		for i := 12; i < size; i++ {
			box[i] = byte(r.Uint32())
		}
	})
}

// deltas gives every run of a table of times (stts, ctts) the same difference.
func deltas(kind string, delta uint32) fault {
	return inBoxes(kind, func(box []byte, _ *rand.Rand) {
		size := min(int(binary.BigEndian.Uint32(box)), len(box))
		for i := 16; i+8 <= size; i += 8 {
			binary.BigEndian.PutUint32(box[i+4:], delta)
		}
	})
}

// all does one after the other.
func all(faults ...fault) fault {
	return func(clip []byte, r *rand.Rand) []byte {
		for _, f := range faults {
			clip = f(clip, r)
		}
		return clip
	}
}

func inBoxes(kind string, change func(box []byte, r *rand.Rand)) fault {
	return func(clip []byte, r *rand.Rand) []byte {
		clip = bytes.Clone(clip)
		for from := 4; ; {
			i := bytes.Index(clip[from:], []byte(kind))
			if i < 0 {
				return clip
			}
			change(clip[from+i-4:], r)
			from += i + 4
		}
	}
}

// Faults of H.264 and H.265 byte streams (ISO/IEC 14496-10 and 23008-2, annex B).

// parameterSetsCut leaves a parameter set of each kind so many bytes long.
func parameterSetsCut(length int) fault {
	return func(clip []byte, _ *rand.Rand) []byte {
		var cut []byte
		for _, unit := range units(clip) {
			if isParameterSet(unit) {
				unit = unit[:min(length, len(unit))]
			}
			cut = append(append(cut, 0, 0, 0, 1), unit...)
		}
		return cut
	}
}

// unitsDamaged flips bytes of one in n units that hold pictures.
func unitsDamaged(n int) fault {
	return func(clip []byte, r *rand.Rand) []byte {
		var damaged []byte
		for i, unit := range units(clip) {
			unit = bytes.Clone(unit)
			if !isParameterSet(unit) && i%n == 0 {
				for range 1 + len(unit)/20 {
					unit[r.IntN(len(unit))] ^= byte(1 + r.IntN(255))
				}
			}
			damaged = append(append(damaged, 0, 0, 0, 1), unit...)
		}
		return damaged
	}
}

// unitsShuffled sends the units in another order, unitsDoubled each twice.
func unitsShuffled(clip []byte, r *rand.Rand) []byte {
	all := units(clip)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return join(all)
}

func unitsDoubled(clip []byte, _ *rand.Rand) []byte {
	var twice [][]byte
	for _, u := range units(clip) {
		twice = append(twice, u, u)
	}
	return join(twice)
}

// hugePicture puts an SPS of H.264 before the clip that says it is so large, in macroblocks of 16 pixels.
func hugePicture(width, height uint32) fault {
	return func(clip []byte, _ *rand.Rand) []byte {
		var b bitWriter
		b.bits(0x67, 8)         // a sequence parameter set
		b.bits(77<<16|0<<8, 24) // Main profile, no constraint
		b.exp(0, 0, 0, 0, 1)    // id, frame numbers of 4 bits, order type 0 of 4 bits, one reference
		b.bits(0, 1)
		b.exp(width-1, height-1)
		b.bits(1, 1) // frames only
		b.bits(0, 4) // no 8x8 inference, cropping or VUI; and the stop bit's neighbour
		b.bits(1, 1)
		return slices.Concat([]byte{0, 0, 0, 1}, b.bytes(), clip)
	}
}

func units(clip []byte) (found [][]byte) {
	for _, unit := range bytes.Split(clip, []byte{0, 0, 1}) {
		if unit = bytes.TrimRight(unit, "\x00"); len(unit) > 0 {
			found = append(found, unit)
		}
	}
	return found
}

func join(units [][]byte) []byte {
	var all []byte
	for _, u := range units {
		all = append(append(all, 0, 0, 0, 1), u...)
	}
	return all
}

// isParameterSet knows SPS and PPS of H.264, and VPS, SPS and PPS of H.265, by the numbers that only they have.
func isParameterSet(unit []byte) bool {
	old, new := unit[0]&0x1f, unit[0]>>1&0x3f
	return old == 7 && unit[0]&0x60 != 0 || old == 8 && unit[0]&0x60 != 0 || new >= 32 && new <= 34
}

// bitWriter writes numbers bit by bit, and as Exp-Golomb codes.
type bitWriter struct{ done []bool }

func (b *bitWriter) bits(v uint32, n int) {
	for i := n - 1; i >= 0; i-- {
		b.done = append(b.done, v>>i&1 == 1)
	}
}

func (b *bitWriter) exp(values ...uint32) {
	for _, v := range values {
		length := 0
		for (v+1)>>length > 1 {
			length++
		}
		b.bits(0, length)
		b.bits(v+1, length+1)
	}
}

func (b *bitWriter) bytes() []byte {
	out := make([]byte, (len(b.done)+7)/8)
	for i, bit := range b.done {
		if bit {
			out[i/8] |= 0x80 >> (i % 8)
		}
	}
	return out
}

// Faults of MPEG-TS (ISO/IEC 13818-1).

// packets changes each packet of 188 bytes that ok says.
func packets(ok func(p []byte) bool, change func(p []byte, r *rand.Rand)) fault {
	return func(clip []byte, r *rand.Rand) []byte {
		clip = bytes.Clone(clip)
		for p := clip; len(p) >= 188; p = p[188:] {
			if ok(p) {
				change(p[:188], r)
			}
		}
		return clip
	}
}

func every([]byte) bool { return true }

// startsPES says that a packet begins a PES packet: payload start, and the prefix 00 00 01.
func startsPES(p []byte) bool { return p[1]&0x40 != 0 && payload(p) != nil }

// payload is a PES packet's begin within a packet, nil where there is none.
func payload(p []byte) []byte {
	start := 4
	if p[3]&0x20 != 0 {
		start += 1 + int(p[4])
	}
	if p[3]&0x10 == 0 || start+14 > 188 || !bytes.Equal(p[start:start+3], []byte{0, 0, 1}) {
		return nil
	}
	return p[start:]
}

func hasPCR(p []byte) bool { return p[3]&0x20 != 0 && p[4] >= 7 && p[5]&0x10 != 0 }

// Faults of FLV and Matroska: fields that say how long something is.

// tagSizes changes the length of each FLV tag, whose header is 11 bytes behind the 13 bytes of the file's.
func tagSizes(change func(size uint32) uint32) fault {
	return func(clip []byte, _ *rand.Rand) []byte {
		clip = bytes.Clone(clip)
		for at := 13; at+11 < len(clip); {
			size := uint32(clip[at+1])<<16 | uint32(clip[at+2])<<8 | uint32(clip[at+3])
			wrong := change(size)
			clip[at+1], clip[at+2], clip[at+3] = byte(wrong>>16), byte(wrong>>8), byte(wrong)
			at += 11 + int(size) + 4
		}
		return clip
	}
}

// elementSizes sets the size behind each occurrence of an EBML id (RFC 8794) to eight bytes of value.
func elementSizes(id []byte, first byte) fault {
	return func(clip []byte, _ *rand.Rand) []byte {
		clip = bytes.Clone(clip)
		for from := 0; ; {
			i := bytes.Index(clip[from:], id)
			if i < 0 || from+i+len(id) >= len(clip) {
				return clip
			}
			clip[from+i+len(id)] = first
			from += i + len(id)
		}
	}
}

// sprinkled flips n bytes anywhere, cutOff keeps a share of the clip, repeated sends a piece again.
func sprinkled(n int) fault {
	return func(clip []byte, r *rand.Rand) []byte {
		clip = bytes.Clone(clip)
		for range n {
			clip[r.IntN(len(clip))] ^= byte(1 + r.IntN(255))
		}
		return clip
	}
}

func cutOff(clip []byte, r *rand.Rand) []byte { return clip[:r.IntN(len(clip))] }

func repeated(clip []byte, r *rand.Rand) []byte {
	from := r.IntN(len(clip))
	return slices.Concat(clip[:from], clip[r.IntN(from+1):])
}
