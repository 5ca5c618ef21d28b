package dataplane

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// errNoEthtool is returned where the kernel speaks no ethtool over netlink (Linux before 5.7, or without ETHTOOL_NETLINK).
var errNoEthtool = errors.New("the kernel tells no offloads over netlink")

// offloads asks for the features of a device (Documentation/networking/ethtool-netlink.rst, FEATURES_GET).
func offloads(device string) (map[string]Offload, error) {
	family, err := netlink.GenlFamilyGet(unix.ETHTOOL_GENL_NAME)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoEthtool, err)
	}
	req := nl.NewNetlinkRequest(int(family.ID), 0)
	req.AddData(&nl.Genlmsg{Command: unix.ETHTOOL_MSG_FEATURES_GET, Version: unix.ETHTOOL_GENL_VERSION})
	header := nl.NewRtAttr(unix.ETHTOOL_A_FEATURES_HEADER|unix.NLA_F_NESTED, nil)
	header.AddRtAttr(unix.ETHTOOL_A_HEADER_DEV_NAME, nl.ZeroTerminated(device))
	req.AddData(header)
	answers, err := req.Execute(unix.NETLINK_GENERIC, 0)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil, fmt.Errorf("%w: %w", errNoEthtool, err)
	}
	if err != nil {
		return nil, err
	}
	all := map[string]Offload{}
	for _, answer := range answers {
		if err := readFeatures(answer[nl.SizeofGenlmsg:], all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// readFeatures notes every feature that is on, or can be.
func readFeatures(answer []byte, all map[string]Offload) error {
	sets, err := attributes(answer)
	if err != nil {
		return err
	}
	for _, kind := range []uint16{unix.ETHTOOL_A_FEATURES_ACTIVE, unix.ETHTOOL_A_FEATURES_HW, unix.ETHTOOL_A_FEATURES_NOCHANGE} {
		for _, set := range sets[kind] {
			names, err := bitNames(set)
			if err != nil {
				return err
			}
			for _, name := range names {
				on, changeable := all[name].On || kind == unix.ETHTOOL_A_FEATURES_ACTIVE, kind == unix.ETHTOOL_A_FEATURES_HW
				all[name] = Offload{on, changeable} // what is fixed comes last
			}
		}
	}
	return nil
}

// bitNames returns the bits that are set in a bitset of the verbose form: those marked as set, or all where there is no mask.
func bitNames(bitset []byte) (names []string, err error) {
	parts, err := attributes(bitset)
	if err != nil {
		return nil, err
	}
	_, noMask := parts[unix.ETHTOOL_A_BITSET_NOMASK]
	for _, list := range parts[unix.ETHTOOL_A_BITSET_BITS] {
		bits, err := attributes(list)
		if err != nil {
			return nil, err
		}
		for _, bit := range bits[unix.ETHTOOL_A_BITSET_BITS_BIT] {
			of, err := attributes(bit)
			if err != nil {
				return nil, err
			}
			_, set := of[unix.ETHTOOL_A_BITSET_BIT_VALUE]
			if name := of[unix.ETHTOOL_A_BITSET_BIT_NAME]; len(name) == 1 && (set || noMask) {
				names = append(names, nl.BytesToString(name[0]))
			}
		}
	}
	return names, nil
}

// attributes returns the values of netlink attributes by type.
func attributes(b []byte) (map[uint16][][]byte, error) {
	all, err := nl.ParseRouteAttr(b)
	if err != nil {
		return nil, err
	}
	values := map[uint16][][]byte{}
	for _, a := range all {
		kind := a.Attr.Type & nl.NLA_TYPE_MASK
		values[kind] = append(values[kind], a.Value)
	}
	return values, nil
}
