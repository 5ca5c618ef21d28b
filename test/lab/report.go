package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"quicedge/test/lab/lab"
	"quicedge/test/lab/link"
)

// report is everything that was measured. Its JSON is a public interface: fields are added, never renamed.
type report struct {
	APIVersion  string         `json:"apiVersion"` // "quicedge-lab/v1"
	Scenario    string         `json:"scenario"`
	Says        string         `json:"says"` // what happens in it
	Seed        uint64         `json:"seed"`
	Seconds     float64        `json:"duration_s"`
	Connections int            `json:"connections"` // of each class
	Servers     []serverResult `json:"servers"`     // stock first, where it ran
}

type serverResult struct {
	Name    string        `json:"name"`
	Dropped uint64        `json:"dropped"` // packets that the lab itself lost: the machine was too slow for a fair run if this is not 0
	Classes []classResult `json:"classes"`
}

// classResult is what the clients of one class got. Times and rates are medians over connections, of those that had any.
type classResult struct {
	Class      string        `json:"class"` // "44/CUCC"
	Province   string        `json:"province"`
	MTU        int           `json:"path_mtu"` // bytes of the largest IP packet that is not lost for its size
	Handshakes int           `json:"handshakes"`
	Failed     int           `json:"handshakes_failed"`
	Incomplete int           `json:"incomplete"`     // fetches that were not whole in time; all are, in scenarios with an event
	FirstByte  float64       `json:"first_byte_ms"`  // from the client's first packet; 0: none came
	Goodput    float64       `json:"goodput_mbit"`   // of the body
	Recovered  int           `json:"recovered"`      // clients to which data flowed again after the event
	Recovery   float64       `json:"recovery_ms"`    // 0: none did, or there was no event
	OverFirst  uint64        `json:"over_mtu_first"` // datagrams to the client over path_mtu: each connection's first
	OverAfter  uint64        `json:"over_mtu_after"` // and later ones
	ForSize    uint64        `json:"lost_for_size"`  // packets to the client
	Silent     int           `json:"silent"`         // clients that said nothing for a while
	Lived      int           `json:"lived"`          // those of them whose connection was there afterwards
	LeastMTU   int           `json:"mtu_least"`      // that our node had for the class; 0 for other programs
	EndMTU     int           `json:"mtu_end"`        // that it had in the end
	Down       link.Counters `json:"down"`
	Up         link.Counters `json:"up"`
}

func newReport(cfg config) report {
	return report{
		APIVersion: "quicedge-lab/v1", Scenario: cfg.Scenario.name, Says: cfg.Scenario.says,
		Seed: cfg.Seed, Seconds: cfg.Duration.Seconds(), Connections: cfg.Connections,
	}
}

func newClassResult(cfg config, p lab.Profile, clients []seen, down, up link.Counters) classResult {
	r := classResult{
		Class: p.ID.String(), Province: p.ID.Province().Name(), MTU: p.Settings().Down.Carries(),
		OverFirst: down.OversizeFirst, OverAfter: down.OversizeAfter, ForSize: down.Lost.ForSize(), Down: down, Up: up,
	}
	var first, goodput, recovery []float64
	for _, c := range clients {
		var bytes int64
		for _, f := range c.fetches {
			r.Handshakes++
			bytes += f.Bytes
			if f.Handshake == 0 {
				r.Failed++
			} else if f.Err != nil {
				r.Incomplete++
			}
			if f.FirstByte > 0 {
				first = append(first, ms(f.FirstByte))
			}
			if cfg.Scenario.event == nil {
				goodput = append(goodput, f.Goodput()/1e6)
			}
		}
		if cfg.Scenario.event != nil {
			goodput = append(goodput, float64(bytes)*8/cfg.Duration.Seconds()/1e6)
		}
		if c.silent {
			r.Silent++
		}
		if c.lived {
			r.Lived++
		}
		if c.recovery > 0 {
			recovery = append(recovery, ms(c.recovery))
		}
	}
	r.FirstByte, r.Goodput, r.Recovery, r.Recovered = median(first), median(goodput), median(recovery), len(recovery)
	return r
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// median returns the middle, or the mean of the two in the middle, and 0 of none.
func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}

// write prints the report, and draws it where that is wanted.
func (r report) write(cfg config, w io.Writer) error {
	if cfg.SVG != "" {
		f, err := os.Create(cfg.SVG)
		if err != nil {
			return fmt.Errorf("write the picture: %w", err)
		}
		r.draw(f)
		if err := f.Close(); err != nil {
			return fmt.Errorf("write the picture: %w", err)
		}
	}
	if cfg.Output == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	return r.table(w)
}
