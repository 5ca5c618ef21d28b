package main

import (
	"io"

	"github.com/spf13/cobra"

	"quicedge/internal/class"
	"quicedge/internal/dataplane"
	"quicedge/internal/path"
)

// classCount and reasonCount are public: fields are added, never renamed. Counts are since load; bytes are of whole frames.
type classCount struct {
	Class      int    `json:"class"`
	ProvinceID int    `json:"province_id"`
	Province   string `json:"province"`
	ISP        string `json:"isp"`
	Hook       string `json:"hook"`
	Packets    uint64 `json:"packets"`
	Bytes      uint64 `json:"bytes"`
	Clamped    uint64 `json:"clamped"`
}

type reasonCount struct {
	Class      int    `json:"class"`
	ProvinceID int    `json:"province_id"`
	Province   string `json:"province"`
	ISP        string `json:"isp"`
	Hook       string `json:"hook"`
	Reason     string `json:"reason"`
	Packets    uint64 `json:"packets"`
	Bytes      uint64 `json:"bytes"`
}

type attachment struct {
	Interface string `json:"interface"`
	Index     int    `json:"index"`
	Hook      string `json:"hook"`
	ProgramID uint32 `json:"program_id"`
}

type statsAnswer struct {
	APIVersion  string        `json:"apiVersion"`
	Attachments []attachment  `json:"attachments"`
	Ports       []uint16      `json:"ports"`
	Classes     []classCount  `json:"classes"`
	Reasons     []reasonCount `json:"reasons"`
}

func (a *app) statsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Print the data plane's counters by class and by reason",
		Long: `Prints packets and bytes by class and hook, and by the reason with which the programs let them go.
JSON fields: attachments (interface index hook program_id), ports, classes (class province_id province isp hook packets bytes clamped) and
reasons (class province_id province isp hook reason packets bytes).`,
		Args: cobra.NoArgs,
	}
	a.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		out, err := readStats(cfg.PinDir)
		if err != nil {
			return err
		}
		return a.print(out, func(w io.Writer) { statsTable(w, out) })
	}
	return cmd
}

func readStats(pinDir string) (out statsAnswer, err error) {
	plane, err := dataplane.Open(pinDir)
	if err != nil {
		return out, err
	}
	defer plane.Close()
	out = statsAnswer{APIVersion: path.APIVersion, Attachments: []attachment{}, Classes: []classCount{}, Reasons: []reasonCount{}}
	attached, err := plane.Interfaces()
	if err != nil {
		return out, err
	}
	for _, at := range attached {
		out.Attachments = append(out.Attachments, attachment{at.Interface, at.Index, at.Hook, uint32(at.ProgramID)})
	}
	if out.Ports, err = plane.Ports(); err != nil {
		return out, err
	}
	stats, err := plane.Stats()
	if err != nil {
		return out, err
	}
	for _, c := range stats.Classes {
		n, name, isp := names(c.Class)
		out.Classes = append(out.Classes, classCount{int(c.Class), n, name, isp, c.Hook, c.Packets, c.Bytes, c.Clamped})
	}
	for _, r := range stats.Reasons {
		n, name, isp := names(r.Class)
		out.Reasons = append(out.Reasons, reasonCount{int(r.Class), n, name, isp, r.Hook, r.Reason, r.Packets, r.Bytes})
	}
	return out, nil
}

func names(id class.ID) (provinceID int, province, isp string) {
	return int(id.Province()), id.Province().Name(), id.ISP().String()
}

func statsTable(w io.Writer, out statsAnswer) {
	cells(w, "PROVINCE", "ISP", "HOOK", "PACKETS", "BYTES", "CLAMPED")
	for _, c := range out.Classes {
		cells(w, c.Province, c.ISP, c.Hook, c.Packets, c.Bytes, c.Clamped)
	}
	cells(w)
	cells(w, "PROVINCE", "ISP", "HOOK", "REASON", "PACKETS", "BYTES")
	for _, r := range out.Reasons {
		cells(w, r.Province, r.ISP, r.Hook, r.Reason, r.Packets, r.Bytes)
	}
}
