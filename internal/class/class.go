// Package class names the classes of clients that every other package works with: a class is a province and an ISP.
package class

import "fmt"

// ID is the number of a class in tables and in the kernel's maps: the province's GB/T 2260 code shifted left by three,
// with the ISP in the low three bits. It needs no table to be read back, and a new ISP renumbers nothing.
// 0 is the class of an address that no prefix covers.
type ID uint16

// Max bounds every ID: arrays indexed by ID have Max entries. Its twin in the kernel is MAX_CLASSES in bpf/types.h.
const Max = 1024

const ispBits = 3

// Of returns the class of a province and an ISP.
func Of(p Province, i ISP) ID { return ID(p)<<ispBits | ID(i) }

// Province returns the province of a class, 0 where it is unknown.
func (id ID) Province() Province { return Province(id >> ispBits) }

// ISP returns the ISP of a class.
func (id ID) ISP() ISP { return ISP(id & (1<<ispBits - 1)) }

// Valid reports whether id is made of a known province (or none) and a known ISP.
func (id ID) Valid() bool { return id < Max && id.Province().Valid() && id.ISP().Valid() }

// String names the class as "23/CMCC".
func (id ID) String() string { return fmt.Sprintf("%s/%s", id.Province(), id.ISP()) }

// All returns every valid class in the order of its number, class 0 first.
func All() []ID {
	var all []ID
	for _, p := range append([]Province{0}, Provinces()...) {
		for _, i := range ISPs() {
			all = append(all, Of(p, i))
		}
	}
	return all
}
