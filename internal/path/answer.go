package path

import "time"

// Answer is a Match as commands and the admin socket give it out. It is a public interface: fields are added, never renamed.
type Answer struct {
	APIVersion string `json:"apiVersion"`  // "quicedge/v1"
	Address    string `json:"address"`     // as it was asked for, "" where a class was
	Prefix     string `json:"prefix"`      // the longest prefix that covers it, "" for none
	ProvinceID int    `json:"province_id"` // GB/T 2260 code, 0 for unknown
	Province   string `json:"province"`    // in Latin letters
	ProvinceZH string `json:"province_zh"` // in Chinese
	ISP        string `json:"isp"`         // CMCC, CUCC, CTCC, CBN, CERNET or OTHER
	Class      int    `json:"class"`       // number of the class in the kernel's maps
	MTU        int    `json:"mtu"`         // bytes of the largest IP packet to it
	Budget     int    `json:"budget"`      // bytes of the largest UDP payload to it
	Initial    int    `json:"initial"`     // bytes of UDP payload that the server starts with
	Search     bool   `json:"search"`      // whether discovery may go above initial
	Source     string `json:"source"`      // the layer that set the MTU: default, csv, learned, policy or override
	Proven     int    `json:"proven"`      // bytes of IP packet that validated connections have shown to pass, 0 for none
	Probing    bool   `json:"probing"`     // whether an MTU that was lowered is being tried again

	ACK            ACKAnswer `json:"ack"`
	KeepAliveSec   float64   `json:"keep_alive_sec"`   // silence after which the server sends a packet, 0 for unknown
	IdleTimeoutSec float64   `json:"idle_timeout_sec"` // silence that ends a connection, 0 for unknown
	RTTms          *float64  `json:"rtt_ms"`           // smoothed, null where it is not measured
	LossRate       *float64  `json:"loss_rate"`        // lost packets over sent ones, smoothed, null where it is not measured
}

// ACKAnswer is how clients of the class should acknowledge.
type ACKAnswer struct {
	Exponent   int     `json:"exponent"`
	MaxDelayMs float64 `json:"max_delay_ms"`
	Threshold  int     `json:"threshold"` // packets
	State      string  `json:"state"`     // computed: known, but quic-go cannot be told; unknown
}

// APIVersion marks every JSON answer of the program.
const APIVersion = "quicedge/v1"

// Answer writes a Match out.
func (m Match) Answer() Answer {
	a := Answer{
		APIVersion: APIVersion,
		ProvinceID: int(m.Class.Province()),
		Province:   m.Class.Province().Name(),
		ProvinceZH: m.Class.Province().Chinese(),
		ISP:        m.Class.ISP().String(),
		Class:      int(m.Class),
		MTU:        int(m.Profile.MTU),
		Budget:     int(m.Profile.Budget),
		Initial:    int(m.Profile.Initial),
		Search:     m.Profile.Search,
		Source:     m.Profile.Source.String(),
		Proven:     int(m.Profile.Proven),
		Probing:    m.Profile.Probing,

		ACK:            m.Profile.ACK.answer(),
		KeepAliveSec:   m.Profile.KeepAlive.Seconds(),
		IdleTimeoutSec: m.Profile.IdleTimeout.Seconds(),
	}
	if m.Profile.RTT > 0 {
		a.RTTms = new(milliseconds(m.Profile.RTT))
	}
	if m.Profile.Loss.Known() {
		a.LossRate = new(m.Profile.Loss.Ratio())
	}
	if m.Addr.IsValid() {
		a.Address = m.Addr.String()
	}
	if m.Prefix.IsValid() {
		a.Prefix = m.Prefix.String()
	}
	return a
}

func (a ACK) answer() ACKAnswer {
	out := ACKAnswer{Exponent: int(a.Exponent), MaxDelayMs: milliseconds(a.MaxDelay), Threshold: int(a.Threshold), State: "computed"}
	if a == (ACK{}) {
		out.State = "unknown"
	}
	return out
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
