package dataplane

import (
	"encoding/binary"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// headersOf is how many bytes of IP and UDP headers an untagged frame has, at most one extension header among them.
func headersOf(frame []byte) int {
	if frame[14]>>4 == 4 {
		return int(frame[14]&15)*4 + 8
	}
	if frame[20] == protoUDP {
		return 48
	}
	return 48 + 8*(int(frame[55])+1)
}

// icmpError is the untagged frame that a router would send back, as gopacket makes it.
func icmpError(frame []byte, headers int, mtu uint16) []byte {
	quote := gopacket.Payload(frame[14 : 14+headers])
	eth := &layers.Ethernet{DstMAC: frame[6:12], SrcMAC: frame[:6], EthernetType: layers.EthernetType(binary.BigEndian.Uint16(frame[12:]))}
	all := []gopacket.SerializableLayer{eth}
	if frame[14]>>4 == 4 {
		all = append(all,
			&layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: frame[30:34], DstIP: frame[26:30]},
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 4), Seq: mtu})
	} else {
		ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolICMPv6, SrcIP: frame[38:54], DstIP: frame[22:38]}
		icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(2, 0)}
		if err := icmp.SetNetworkLayerForChecksum(ip); err != nil {
			panic(err)
		}
		all = append(all, ip, icmp, gopacket.Payload(binary.BigEndian.AppendUint32(nil, uint32(mtu))))
	}
	b := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(b, opts, append(all, quote)...); err != nil {
		panic(err)
	}
	return b.Bytes()
}
