package path

// Answer is a Match as commands and the admin socket give it out. It is a public interface: fields are added, never renamed.
type Answer struct {
	APIVersion string `json:"apiVersion"`  // "quicedge/v1"
	Address    string `json:"address"`     // as it was asked for
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
}

// APIVersion marks every JSON answer of the program.
const APIVersion = "quicedge/v1"

// Answer writes a Match out.
func (m Match) Answer() Answer {
	a := Answer{
		APIVersion: APIVersion,
		Address:    m.Addr.String(),
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
	}
	if m.Prefix.IsValid() {
		a.Prefix = m.Prefix.String()
	}
	return a
}
