package lab

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/csvfile"
	"quicedge/test/lab/link"
)

// profileColumns are those of profiles.csv, which explains them.
var profileColumns = [...]string{
	"province_id", "isp", "mtu", "icmp", "rtt_ms", "jitter_ms", "loss_pct", "burst_pct", "burst_packets",
	"above_bytes", "above_pct", "down_mbit", "up_mbit", "nat_s", "given", "in_range",
}

// Profile is what the network between the edge and a class of clients is taken to be.
type Profile struct {
	ID      class.ID
	MTU     int           // bytes of the largest IP packet that passes
	ICMP    bool          // whether the sender of a larger one is told
	RTT     time.Duration // half of it in each direction
	Jitter  time.Duration // at most, in each direction
	Loss    float64       // share of packets in each direction, bursts included
	Bursty  float64       // share of Loss that comes in bursts
	Burst   float64       // packets of a burst, mean
	Large   link.Large    // loss above a size
	Down    int64         // bit/s towards the client
	Up      int64
	NAT     time.Duration // timeout of the client's NAT
	Given   []string      // columns whose values were given, not assumed
	InRange []string      // columns of which a range was given, and the place in it assumed
}

// ReadProfiles reads profiles.csv. The name stands in errors, which give file, line and column.
func ReadProfiles(r io.Reader, name string) (all []Profile, err error) {
	seen := map[class.ID]int{}
	err = csvfile.Read(r, name, profileColumns[:], class.Max, func(in csvfile.Row) error {
		p, err := readProfile(in)
		if err != nil {
			return err
		}
		if line, twice := seen[p.ID]; twice {
			return in.Errorf(0, "class %s: given twice, first on line %d", p.ID, line)
		}
		seen[p.ID] = in.Line
		all = append(all, p)
		return nil
	})
	return all, err
}

func readProfile(in csvfile.Row) (p Profile, err error) {
	province, err := class.ParseProvince(in.Fields[0])
	if err != nil {
		return p, in.Errorf(0, "%w", err)
	}
	isp, err := class.ParseISP(in.Fields[1])
	if err != nil {
		return p, in.Errorf(1, "%w", err)
	}
	p.ID = class.Of(province, isp)
	if p.ICMP, err = strconv.ParseBool(in.Fields[3]); err != nil {
		return p, in.Errorf(3, "icmp %q: give true or false", in.Fields[3])
	}
	numbers := map[int]float64{}
	for i := range profileColumns {
		if i < 2 || i == 3 || i >= 14 {
			continue
		}
		text := in.Fields[i]
		if strings.HasSuffix(profileColumns[i], "_pct") {
			text += "e-2"
		}
		if numbers[i], err = strconv.ParseFloat(text, 64); err != nil || !(numbers[i] >= 0) {
			return p, in.Errorf(i, "%s %q: give a number, 0 or more", profileColumns[i], in.Fields[i])
		}
	}
	p.fill(numbers)
	for i, to := range map[int]*[]string{14: &p.Given, 15: &p.InRange} {
		if *to, err = columnNames(in.Fields[i]); err != nil {
			return p, in.Errorf(i, "%w", err)
		}
	}
	if err := p.Settings().Check(); err != nil {
		return p, in.Errorf(0, "%w", err)
	}
	return p, nil
}

func (p *Profile) fill(column map[int]float64) {
	ms := func(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
	p.MTU, p.RTT, p.Jitter = int(column[2]), ms(column[4]), ms(column[5])
	p.Loss, p.Bursty, p.Burst = column[6], column[7], column[8]
	p.Large = link.Large{Size: int(column[9]), Loss: column[10]}
	p.Down, p.Up = int64(column[11]*1e6), int64(column[12]*1e6)
	p.NAT = time.Duration(column[13] * float64(time.Second))
}

func columnNames(s string) ([]string, error) {
	names := strings.Fields(s)
	for _, n := range names {
		if !strings.Contains(" "+strings.Join(profileColumns[2:14], " ")+" ", " "+n+" ") {
			return nil, fmt.Errorf("no column %q", n)
		}
	}
	return names, nil
}

// Settings makes the link of the profile.
func (p Profile) Settings() link.Settings {
	path := link.Path{
		Delay:  p.RTT / 2,
		Jitter: p.Jitter,
		Loss:   p.Loss * (1 - p.Bursty),
		Burst:  link.Bursts(p.Loss*p.Bursty, p.Burst),
		Large:  p.Large,
		MTU:    p.MTU,
		ICMP:   p.ICMP,
	}
	s := link.Settings{Up: path, Down: path, NAT: link.NAT{On: p.NAT > 0, Timeout: p.NAT}}
	s.Up.Rate, s.Down.Rate = p.Up, p.Down
	return s
}
