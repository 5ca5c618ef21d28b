package netnstest

import (
	"fmt"
	"testing"

	"github.com/vishvananda/netlink"
)

// VLANs puts as many VLAN devices over one end of a link, one over the other. The last has the end's addresses and routes.
// Where there is more than one, the lowest is a provider's (IEEE 802.1ad). The kernel must have such devices.
func VLANs(t testing.TB, e End, tags int) {
	t.Helper()
	with(t, e.NS, func(h *netlink.Handle) error {
		for i := range tags {
			name, err := addVLAN(h, e.Name, i, tags > 1)
			if err != nil {
				return err
			}
			if i < tags-1 {
				if err := (End{Name: name}).setUp(h); err != nil {
					return err
				}
			}
			e.Name = name
		}
		return nil
	})
	Join(t, e)
}

func addVLAN(h *netlink.Handle, below string, level int, provider bool) (name string, err error) {
	parent, err := h.LinkByName(below)
	if err != nil {
		return "", err
	}
	name = fmt.Sprintf("vlan%d", level)
	dev := &netlink.Vlan{
		LinkAttrs:    netlink.LinkAttrs{Name: name, ParentIndex: parent.Attrs().Index},
		VlanId:       5 + level,
		VlanProtocol: netlink.VLAN_PROTOCOL_8021Q,
	}
	if provider && level == 0 {
		dev.VlanProtocol = netlink.VLAN_PROTOCOL_8021AD
	}
	return name, h.LinkAdd(dev)
}
