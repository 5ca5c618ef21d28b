package dataplane

import (
	"fmt"
	"math/bits"

	"quicedge/internal/class"
)

// validateMark refuses a mark mask that does not hold a class: one with gaps, or with less than ten bits.
func validateMark(mask uint32) error {
	run := mask >> bits.TrailingZeros32(mask)
	if mask == 0 || run >= class.Max-1 && run&(run+1) == 0 {
		return nil
	}
	return fmt.Errorf("mark mask %#x: give the bits of skb->mark that the class goes into, %d or more that follow each other, such as 0x3ff0000",
		mask, bits.Len(class.Max-1))
}
