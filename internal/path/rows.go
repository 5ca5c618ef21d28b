package path

import "quicedge/internal/mtu"

// RowAnswer is a row of a table or of the overrides, and how much hangs on it. It is a public interface: fields are added, never renamed.
type RowAnswer struct {
	ProvinceID string `json:"province_id"` // two digits, "any" or "default"
	Province   string `json:"province"`
	ISP        string `json:"isp"`
	MTU        int    `json:"mtu"`       // bytes
	Budget     int    `json:"budget"`    // bytes of UDP payload
	Condition  string `json:"condition"` // "always" or an expression
	Source     string `json:"source"`    // default, csv or override
	Line       int    `json:"line"`      // of its file, 0 for none
	Classes    int    `json:"classes"`   // classes that have their MTU of it now
}

// RowAnswerOf writes a row out.
func RowAnswerOf(r mtu.Row, source mtu.Source) RowAnswer {
	a := RowAnswer{
		ProvinceID: r.ProvinceName(), ISP: r.ISPName(), MTU: int(r.MTU), Budget: int(mtu.Budget(r.MTU)),
		Condition: r.Condition.String(), Source: source.String(), Line: r.Line,
	}
	if r.HasProvince {
		a.Province = r.Province.Name()
	}
	if r.Default {
		a.ProvinceID, a.Source = "default", mtu.SourceDefault.String()
	}
	return a
}
