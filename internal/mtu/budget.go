package mtu

// Bounds of an MTU in bytes.
const (
	Min = 1248 // a QUIC datagram needs 1200 bytes (RFC 9000, section 14.1), 48 more are its headers
	Max = 9000 // jumbo frames

	// Overhead is the IPv6 header (40) and the UDP header (8). IPv4 needs 20 bytes less: a budget that fits one fits both.
	Overhead = 48
)

// Budget returns the UDP payload in bytes that fits an MTU over IPv4 and IPv6.
func Budget(mtu uint16) uint16 { return mtu - Overhead }
