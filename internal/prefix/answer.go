package prefix

import (
	"net/netip"

	"quicedge/internal/class"
)

// Answer is what a look-up says of an address, in the form of the kernel's tables: the class, and above it the length of the
// prefix in bits plus one. 0: no prefix covers the address.
type Answer uint32

// answerBits is where the length begins; its twin is ANSWER_BITS in bpf/types.h.
const answerBits = 16

func answer(bits int, id class.ID) Answer { return Answer(id) | Answer(bits+1)<<answerBits }

// Class returns the class of the address.
func (a Answer) Class() class.ID { return class.ID(a & (class.Max - 1)) }

// Prefix returns the prefix that covers the address that was asked for; false where none does.
func (a Answer) Prefix(addr netip.Addr) (netip.Prefix, bool) {
	p, err := addr.Prefix(int(a>>answerBits) - 1)
	return p, a != 0 && err == nil
}
