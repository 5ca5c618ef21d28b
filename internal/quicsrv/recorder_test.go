package quicsrv

import (
	"slices"
	"testing"

	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"
)

// sizes turns probe sizes into what quic-go records: a negative one is lost, a positive one passes.
func sizes(probes ...int) (events []qlogwriter.Event) {
	for i, size := range probes {
		header := qlog.PacketHeader{PacketType: qlog.PacketType1RTT}
		for range i + 1 {
			header.PacketNumber++
		}
		events = append(events, qlog.PacketSent{Header: header, Raw: qlog.RawInfo{Length: max(size, -size)}, IsMTUProbePacket: true})
		if size < 0 {
			events = append(events, qlog.PacketLost{Header: header, IsMTUProbePacket: true})
		} else {
			events = append(events, qlog.MTUUpdated{Value: size})
		}
	}
	return events
}

func TestRecorderTellsTheEndOfADiscovery(t *testing.T) {
	// The search on a path of 1272 bytes of payload, which is 1300 over IPv4.
	to1300 := []int{-1326, 1263, -1357, -1294, -1278, 1270, -1298, -1274, 1272, -1283}
	full := []int{1326, 1389, 1420, 1436}
	moved := []qlogwriter.Event{qlog.TupleAssigned{}}
	takes := func(most int) []qlogwriter.Event {
		p := qlog.ParametersSet{Initiator: qlog.InitiatorRemote}
		for range most {
			p.MaxUDPPayloadSize++
		}
		return []qlogwriter.Event{p}
	}
	for name, tt := range map[string]struct {
		table  uint16
		events []qlogwriter.Event
		want   []Event
	}{
		"the table says more":             {1420, sizes(to1300...), []Event{{Kind: Discovered, Addr: other, MTU: 1300}}},
		"the table says the same":         {1320, sizes(to1300...), []Event{{Kind: Carried, Addr: other, MTU: 1300}}},
		"over before its end":             {1420, sizes(to1300[:9]...), []Event{{Kind: Carried, Addr: other, MTU: 1300}}},
		"over before anything passed":     {1420, sizes(to1300[:1]...), nil},
		"nothing refused":                 {1500, sizes(full...), []Event{{Kind: Carried, Addr: other, MTU: 1464}}},
		"the client takes no more":        {1500, slices.Concat(takes(1350), sizes(1275, 1312, 1331)), []Event{{Kind: Carried, Addr: other, MTU: 1359}}},
		"the client takes anything":       {1500, slices.Concat(takes(65527), sizes(full...)), []Event{{Kind: Carried, Addr: other, MTU: 1464}}},
		"it moved before the end":         {1420, slices.Concat(sizes(to1300[:9]...), moved, sizes(-1326, 1263)), []Event{{Kind: Carried, Addr: other, MTU: 1291}}},
		"it moved and nothing passed yet": {1420, slices.Concat(sizes(to1300[:9]...), moved, sizes(-1326)), nil},
		"it moved, and both paths tell":   {1420, slices.Concat(sizes(to1300...), moved, sizes(full...)), []Event{{Kind: Discovered, Addr: other, MTU: 1300}, {Kind: Carried, Addr: other, MTU: 1464}}},
		"it moved to a path of its own":   {1420, slices.Concat(moved[:0], []qlogwriter.Event{qlog.TupleAssigned{TupleID: "1"}}, sizes(to1300...)), []Event{{Kind: Discovered, Addr: other, MTU: 1300}}},
		"lost packets that are no probes": {1420, []qlogwriter.Event{qlog.PacketLost{}, qlog.PacketLost{IsMTUProbePacket: true}, qlog.PacketSent{}}, nil},
	} {
		observed := newSeen()
		c := newPaths(Config{Observer: observed}).begin(other, unproven(tt.table)(other))
		r := c.AddProducer()
		for _, e := range tt.events {
			r.RecordEvent(e)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if got := observed.all(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}
