package node

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"

	"quicedge/internal/dataplane"
	"quicedge/internal/handover"
)

// Where the workers steer, the process that takes over gets the UDP sockets as well, and ways to the processes before it, by which it sends
// them what is theirs. It gets them by these names, with a number behind; the ways have that of the process.
const (
	giftUDP = "udp"
	giftWay = "way"
)

// What else it is told.
const (
	valueKey     = "key"     // of the connection IDs, in hexadecimal
	valueProcess = "process" // its own number in them
)

// inheritDatagrams takes the UDP sockets of the process before; none where the kernel steers.
func (n *Node) inheritDatagrams() (all []*net.UDPConn, err error) {
	for {
		conn, err := n.estate.Datagrams(giftUDP + strconv.Itoa(len(all)))
		if conn == nil || err != nil {
			return all, err
		}
		all = append(all, conn)
	}
}

// inherited reports whether the workers steered in the process before, as they then must here.
func (n *Node) inherited() bool { return n.estate != nil && n.estate.Value(valueKey) != "" }

// inheritSteering goes on with the connection IDs of the process before, under a number of this process's own.
func (n *Node) inheritSteering() (s steering, err error) {
	s = steering{state: byWorkers, ways: map[uint8]*net.UnixConn{}}
	key, err := hex.DecodeString(n.estate.Value(valueKey))
	number, wrong := strconv.ParseUint(n.estate.Value(valueProcess), 10, 8)
	if err = errors.Join(err, wrong); err != nil || len(key) != len(s.key) || number >= dataplane.Generations {
		return s, fmt.Errorf("take over connection IDs: the process before gives a key of %d bytes and the number %d: it is of another version (%w)", len(key), number, err)
	}
	s.key = [16]byte(key)
	s.ids = places{dataplane.NewCIDs(s.key), uint8(number)}
	for process := range uint8(dataplane.Generations) {
		way, err := n.estate.Packets(giftWay + strconv.Itoa(int(process)))
		if err != nil {
			return s, err
		}
		if way != nil {
			s.ways[process] = way
		}
	}
	return s, nil
}

// bequest is what the process that takes over gets.
type bequest struct {
	gifts  []handover.Gift
	values map[string]string
	inbox  *net.UnixConn // what that process has read for this one comes out of it; nil where the kernel steers, as is the next
	outlet *net.UnixConn // its other end, which is among the gifts
}

// close is for what no process has got. Who takes from the inbox knows by it that nobody does.
func (b *bequest) close() {
	if b.inbox != nil {
		b.outlet.Close() // closed already where it was given
		b.inbox.Close()  // this too where its other end has been
	}
}

// bequeathDatagrams adds what the next process needs to steer. It fails where there are as many processes already as connection IDs can
// name.
func (n *Node) bequeathDatagrams(will *bequest) (err error) {
	ways := n.public.Ways()
	own := n.steers.ids.generation
	next := (own + 1) % dataplane.Generations
	for ways[next] != nil {
		next = (next + 1) % dataplane.Generations
	}
	if next == own {
		return fmt.Errorf("%d processes before this one still have connections: wait until one has ended, which keep_timeout bounds, or end one (SIGTERM)", len(ways))
	}
	will.values = map[string]string{valueKey: hex.EncodeToString(n.steers.key[:]), valueProcess: strconv.Itoa(int(next))}
	for i, udp := range n.sockets.UDP() {
		will.gifts = append(will.gifts, handover.Gift{Name: giftUDP + strconv.Itoa(i), Of: udp})
	}
	if will.inbox, will.outlet, err = handover.Pair(); err != nil {
		return err
	}
	ways[own] = will.outlet
	for number, way := range ways {
		will.gifts = append(will.gifts, handover.Gift{Name: giftWay + strconv.Itoa(int(number)), Of: way})
	}
	return nil
}

// leaveDatagrams lets the next process read the clients' sockets. Where that ends, this one reads them again, as its inbox ends then.
func (n *Node) leaveDatagrams(will *bequest) error {
	if will.inbox == nil {
		return nil
	}
	return errors.Join(will.outlet.Close(), n.public.Leave(will.inbox))
}
