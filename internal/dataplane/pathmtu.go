package dataplane

import (
	"encoding/binary"
	"errors"
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
	err = eachException(func(m []byte) bool {
		if told, ok := pathMTU(m); ok {
			all = append(all, told)
		}
		return true
	})
	return all, explain("ask for what the kernel knows of paths", err)
}

// eachException hands over the exceptions of routes, as the kernel writes them.
func eachException(take func([]byte) bool) error {
	s, err := strictSocket()
	if err != nil {
		return err
	}
	defer s.Close()
	req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, unix.NLM_F_DUMP)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: s}}
	req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Flags: unix.RTM_F_CLONED}})
	return req.ExecuteIter(unix.NETLINK_ROUTE, unix.RTM_NEWROUTE, take)
}

// strictSocket is one on which the kernel takes RTM_F_CLONED at its word, and leaves the routes themselves out: a host with the routes
// of the Internet has a million.
func strictSocket() (*nl.NetlinkSocket, error) {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	err = errors.Join(s.SetSendTimeout(&nl.SocketTimeoutTv), s.SetReceiveTimeout(&nl.SocketTimeoutTv),
		unix.SetsockoptInt(s.GetFd(), unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1))
	if err != nil {
		s.Close()
	}
	return s, err
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
