package path

import "time"

// ACK says how a receiver of the class should acknowledge. quic-go has these compiled in: the node computes and shows them, and
// any server on the host may take them from the kernel's map.
type ACK struct {
	Exponent  uint8         // of the unit of ACK delays, 2^Exponent microseconds (RFC 9000, section 18.2); 2 to 4
	MaxDelay  time.Duration // the longest that an ACK is held back (RFC 9000, section 13.2.1)
	Threshold uint16        // packets that ask for an ACK before that (RFC 9000, section 13.2.2)
}

// Bounds of the policy.
const (
	defaultExponent  = 3 // RFC 9000, section 18.2
	shortestDelay    = 5 * time.Millisecond
	longestDelay     = 25 * time.Millisecond // the default of RFC 9000, section 18.2
	defaultThreshold = 2                     // RFC 9000, section 13.2.2: at least every second packet
	lossyFrom        = 0.02
)

// PolicyFor computes how to acknowledge on a path.
//
// The exponent makes the field of the delay finer on short paths and smaller on long ones. Fewer ACKs spare the uplink of a long
// path; one that loses packets needs them for early repair, and so may one of which too little is known. A delay is never above the
// round-trip time, so that there is an ACK in each, as congestion control needs it (draft-ietf-quic-ack-frequency, "Determining
// Acknowledgment Frequency").
func PolicyFor(rtt time.Duration, loss Loss) ACK {
	ack := ACK{Exponent: defaultExponent, MaxDelay: longestDelay, Threshold: defaultThreshold}
	if rtt <= 0 {
		return ack
	}
	ack.Exponent = exponentFor(rtt)
	ack.MaxDelay = min(max(rtt/4, shortestDelay), longestDelay, rtt)
	if ack.MaxDelay > time.Millisecond {
		ack.MaxDelay = ack.MaxDelay.Truncate(time.Millisecond) // the unit of max_ack_delay
	}
	if loss.Known() && loss.Ratio() < lossyFrom {
		ack.Threshold = thresholdFor(rtt)
	}
	return ack
}

func exponentFor(rtt time.Duration) uint8 {
	switch {
	case rtt < 20*time.Millisecond:
		return 2
	case rtt <= 100*time.Millisecond:
		return 3
	}
	return 4
}

// thresholdFor follows what a slow uplink gained in measurements: most of it by an ACK for ten packets on long paths.
func thresholdFor(rtt time.Duration) uint16 {
	switch {
	case rtt < 20*time.Millisecond:
		return defaultThreshold
	case rtt < 60*time.Millisecond:
		return 4
	}
	return 10
}
