package path

import (
	"time"

	"quicedge/internal/class"
)

// DefaultNATTimeout is how long a NAT is taken to remember a silent UDP flow: RFC 9308, section 3.2, reports 30 seconds as what to
// expect in practice, whatever RFC 4787 asks of NATs.
const DefaultNATTimeout = 30 * time.Second

// Bounds of what a profile asks of a server.
const (
	MinIdleTimeout     = 30 * time.Second
	DefaultIdleTimeout = 60 * time.Second
)

// NATTimeouts says how long the NATs of an ISP remember a silent UDP flow. An ISP that is not in it has DefaultNATTimeout.
type NATTimeouts map[class.ISP]time.Duration

// KeepAlive returns the silence after which a packet must be sent so that a NAT does not forget a flow: two thirds of its timeout,
// which leaves a third for the answer, for a packet that is lost and for timers that are late. 0 is DefaultNATTimeout.
func KeepAlive(nat time.Duration) time.Duration {
	if nat <= 0 {
		nat = DefaultNATTimeout
	}
	return (nat * 2 / 3).Truncate(time.Millisecond)
}

// IdleTimeout returns the silence that ends a connection which is kept alive so often: long enough for two packets of that to be
// lost in a row.
func IdleTimeout(keepAlive time.Duration) time.Duration { return max(3*keepAlive, DefaultIdleTimeout) }
