package dataplane

import (
	"encoding/binary"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// PathMTU is the IP packet size in bytes that the kernel was told a path takes, by ICMP (RFC 1191, RFC 8201).
type PathMTU struct {
	Addr netip.Addr // at the path's end
	MTU  uint16
}

// PathMTUs returns those that the kernel remembers in the network namespace of the calling thread: ten minutes each where
// net.ipv4.route.mtu_expires and its twin for IPv6 are left alone. Among them are those that the programs told it.
func PathMTUs() (all []PathMTU, err error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, unix.NLM_F_DUMP)
	req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Flags: unix.RTM_F_CLONED}})
	err = req.ExecuteIter(unix.NETLINK_ROUTE, unix.RTM_NEWROUTE, func(m []byte) bool {
		if told, ok := pathMTU(m); ok {
			all = append(all, told)
		}
		return true
	})
	return all, explain("ask for what the kernel knows of paths", err)
}

// pathMTU reads an exception of a route; others have no MTU of their own.
func pathMTU(m []byte) (told PathMTU, ok bool) {
	if len(m) < unix.SizeofRtMsg || nl.DeserializeRtMsg(m).Flags&unix.RTM_F_CLONED == 0 {
		return told, false
	}
	attrs, err := nl.ParseRouteAttr(m[unix.SizeofRtMsg:])
	if err != nil {
		return told, false
	}
	for _, a := range attrs {
		switch a.Attr.Type {
		case unix.RTA_DST:
			told.Addr, _ = netip.AddrFromSlice(a.Value)
		case unix.RTA_METRICS:
			told.MTU = metricMTU(a.Value)
		}
	}
	return told, told.Addr.IsValid() && told.MTU > 0
}

func metricMTU(metrics []byte) uint16 {
	attrs, err := nl.ParseRouteAttr(metrics)
	if err != nil {
		return 0
	}
	for _, a := range attrs {
		if a.Attr.Type == unix.RTAX_MTU && len(a.Value) == 4 {
			return uint16(min(binary.NativeEndian.Uint32(a.Value), 0xffff))
		}
	}
	return 0
}
