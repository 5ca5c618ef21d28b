package dataplane

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
)

// leftToTheDevice is an untagged frame whose UDP checksum the device is to make: it holds the sum of the pseudo-header.
func leftToTheDevice(frame []byte) []byte {
	b := append([]byte(nil), frame...)
	f, ok := findUDP(b, 14, b[14]>>4)
	if !ok {
		panic("no datagram")
	}
	pseudo := append(append(f.src.AsSlice(), f.dst.AsSlice()...), 0, protoUDP, b[f.l4+4], b[f.l4+5])
	binary.BigEndian.PutUint16(b[f.l4+6:], ^checksum(pseudo))
	return b
}

// The checksum of a quoted datagram that was still to be made is made where the error leaves by a device that makes none
// (skb_checksum_help of Linux). The error is right before and after.
func TestErrorsAreRightWhenAQuotedChecksumIsMade(t *testing.T) {
	b := newBench(t, testSnapshot(t), false)
	for _, client := range []netip.Addr{harbin4, harbin6} {
		headers := headersOf(toClient(client, 1400)) // of IP and UDP
		for port := range uint16(500) {
			frame := toClient(client, 1400+int(port))
			binary.BigEndian.PutUint16(frame[14+headers-6:], 1+131*port)
			frame = leftToTheDevice(frame)
			for _, tags := range [][]uint32{nil, {tagC | 5}} {
				name := fmt.Sprintf("%s, port %d, tags %x", client, 1+131*port, tags)
				verdict, out := b.run(t, "egress", tagged(frame, tags...), gso{})
				if verdict != redirect {
					t.Fatalf("%s: verdict %d", name, verdict)
				}
				if wrong := wrongError(out[b.l3(out):]); wrong != "" {
					t.Fatalf("%s: %s is wrong in %x", name, wrong, out)
				}
				quoted := out[len(out)-8:]
				made := checksum(quoted)
				if made == 0 {
					made = 0xffff
				}
				binary.BigEndian.PutUint16(quoted[6:], made)
				if wrong := wrongError(out[b.l3(out):]); wrong != "" {
					t.Fatalf("%s, after the checksum was made: %s is wrong in %x", name, wrong, out)
				}
			}
		}
	}
}
