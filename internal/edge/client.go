package edge

import "net/http"

// clientAnswer is the answer of GET /api/v1/client: how the node sees the one who asks.
type clientAnswer struct {
	Region     string   `json:"region"`      // of the node
	Version    string   `json:"version"`     // of the node's program
	Protocol   string   `json:"protocol"`    // of this request: http/1.0, http/1.1, h2 or h3
	EarlyData  bool     `json:"early_data"`  // whether this request came as 0-RTT data
	Address    string   `json:"address"`     // of the client
	Class      string   `json:"class"`       // "23/CMCC"
	ProvinceID int      `json:"province_id"` // GB/T 2260 code, 0 for unknown
	Province   string   `json:"province"`    // in Latin letters
	ProvinceZH string   `json:"province_zh"` // in Chinese
	ISP        string   `json:"isp"`         // CMCC, CUCC, CTCC, CBN, CERNET or OTHER
	MTU        int      `json:"mtu"`         // bytes of the largest IP packet to the client
	Source     string   `json:"source"`      // the layer that set the MTU
	RTTms      *float64 `json:"rtt_ms"`      // of this connection, smoothed; null where it is not measured
	Uploads    bool     `json:"uploads"`     // whether clients may send video
}

// seen is how the node sees the client of a request, who may send video or not.
func (e *Edge) seen(r *http.Request, uploads bool) clientAnswer {
	match := e.cfg.Classify(clientAddr(r))
	province := match.Class.Province()
	a := clientAnswer{
		Region: e.cfg.Node, Version: e.cfg.Version, Protocol: protocol(r), EarlyData: early(r),
		Class: match.Class.String(), ProvinceID: int(province), Province: province.Name(), ProvinceZH: province.Chinese(), ISP: match.Class.ISP().String(),
		MTU: int(match.Profile.MTU), Source: match.Profile.Source.String(), Uploads: uploads,
	}
	if match.Addr.IsValid() {
		a.Address = match.Addr.String()
	}
	if rtt := e.cfg.Connection(r.Context()).RTT; rtt > 0 {
		a.RTTms = new(milliseconds(rtt))
	}
	return a
}
