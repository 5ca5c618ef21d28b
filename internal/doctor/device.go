package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"quicedge/internal/class"
	"quicedge/internal/dataplane"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// namedClasses is how many classes a finding names; a person who mends these sees the rest next.
const namedClasses = 3

func (f Facts) devices() (found []Finding) {
	if f.DeviceErr != nil {
		found = append(found, problem("device", f.DeviceErr.Error(), "quicedge doctor --iface IF; ip link lists them"))
	}
	for _, d := range f.Devices {
		found = append(found, state(d))
		found = append(found, offloads(d)...)
		found = append(found, f.mtu(d))
	}
	return found
}

func state(d dataplane.DeviceFacts) Finding {
	check := "device " + d.Name
	if !d.Up {
		return warning(check, "down: no packet comes or goes", "ip link set dev "+d.Name+" up")
	}
	return ok(check, "up, %s (%s), index %d", d.Kind, d.Encap, d.Index)
}

// offloads judges what makes a QUIC server's bulk transfers cheap.
func offloads(d dataplane.DeviceFacts) []Finding {
	if d.Offloads == nil {
		return []Finding{warning("offloads of "+d.Name, "the kernel does not tell them", "ethtool -k "+d.Name)}
	}
	var found []Finding
	for _, o := range []struct{ name, short, use, lack string }{
		{"tx-udp-segmentation", "tx-udp-segmentation", "the device cuts a server's large sends into datagrams", "the kernel cuts a server's large sends into datagrams, at a cost in CPU"},
		{"rx-gro", "gro", "packets of one connection come in together", "each packet comes in by itself, at a cost in CPU"},
	} {
		check := "offload " + o.name + " of " + d.Name
		switch has := d.Offloads[o.name]; {
		case has.On:
			found = append(found, ok(check, "on: %s", o.use))
		case has.Changeable:
			found = append(found, warning(check, "off: "+o.lack, fmt.Sprintf("ethtool -K %s %s on", d.Name, o.short)))
		default:
			found = append(found, ok(check, "not offered by the driver: %s", o.lack))
		}
	}
	return found
}

func (f Facts) table() []Finding {
	switch {
	case f.TableErr == nil:
		return nil
	case errors.Is(f.TableErr, fs.ErrPermission):
		return []Finding{warning("table", f.TableErr.Error(), "sudo quicedge doctor")}
	}
	return []Finding{problem("table", f.TableErr.Error(), "mend the file it names; quicedge check says when it is right")}
}

// mtu holds the table against the device. The rows that are compared are those that somebody wrote for a class: that a path of
// which nothing is known may be larger than the device is no mistake.
func (f Facts) mtu(d dataplane.DeviceFacts) Finding {
	check := "mtu of " + d.Name
	var over, broken []class.ID
	largest := 0
	for _, id := range class.All() {
		p := f.Profiles[id]
		if p.Source == mtu.SourceDefault || p == (path.Profile{}) {
			continue
		}
		largest = max(largest, int(p.MTU))
		if int(p.MTU) > d.MTU {
			over = append(over, id)
		}
		if int(p.Initial)+mtu.Overhead > d.MTU {
			broken = append(broken, id)
		}
	}
	raise := fmt.Sprintf("ip link set dev %s mtu %d, where the network below carries it", d.Name, largest)
	switch {
	case d.MTU < path.MinInitial+mtu.Overhead:
		return problem(check, fmt.Sprintf("%d: QUIC needs %d", d.MTU, path.MinInitial+mtu.Overhead), fmt.Sprintf("ip link set dev %s mtu 1500", d.Name))
	case len(broken) > 0:
		return problem(check, fmt.Sprintf("%d: the first packets to %s do not fit it over IPv6, and handshakes fail", d.MTU, list(broken)), lower(broken[0], d.MTU)+", or "+raise)
	case len(over) > 0:
		return warning(check, fmt.Sprintf("%d: the table lets packets to %s be larger than the device sends", d.MTU, list(over)), lower(over[0], d.MTU)+", or "+raise)
	}
	return ok(check, "%d, and no row of the table is above it", d.MTU)
}

func lower(id class.ID, size int) string {
	return fmt.Sprintf("quicedge mtu set --province %s --isp %s %d", id.Province(), id.ISP(), size)
}

// list names some classes and counts the rest.
func list(ids []class.ID) string {
	var names []string
	for _, id := range ids[:min(len(ids), namedClasses)] {
		names = append(names, fmt.Sprintf("%s (%s)", id, id.Province().Name()))
	}
	text := strings.Join(names, ", ")
	if more := len(ids) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more classes", more)
	}
	return text
}
