package lab

import (
	"context"
	"testing"

	"quicedge/test/lab/link"
)

// TestWhatIPv4ProvesHoldsForIPv6 gives a class 20 bytes more than its paths carry, which is as much as an IPv4 header is shorter: what clients with
// IPv4 show to pass is no reason to send more to those with IPv6.
func TestWhatIPv4ProvesHoldsForIPv6(t *testing.T) {
	t.Parallel()
	const carries = 1405
	l := New(t, Config{Seed: 1, Classes: []Class{{ID: hunan, Settings: short(func(p *link.Path) { p.MTU = carries })}}})
	n := runNode(t, l, hunan, Node{Rows: []Row{{hunan, wrongly}}})
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error)
	for i := range 6 {
		go func() { gone <- l.Fetch(ctx, Host(Net4(hunan, i), 1), careful(), FileOf(endless), patience, nil).Err }()
	}
	until(t, "a proven size", func() bool { return n.learned(t).Proven > 0 })
	leave()
	for range 6 {
		<-gone
	}
	if failed, err := together(4, func(i int) error { return n.visit(t, Host(Net6(hunan, 10+i), 1)) }); failed > 0 {
		t.Errorf("with IPv6: %v", err)
	}
	if failed, err := together(4, func(i int) error { return n.visit(t, Host(Net4(hunan, 10+i), 1)) }); failed > 0 {
		t.Errorf("with IPv4: %v", err)
	}
	a := n.learned(t)
	if a.Proven > carries || a.Proven < carries-21 {
		t.Errorf("%d bytes proven where %d pass", a.Proven, carries)
	}
	t.Logf("table %d, path %d, seen by IPv4 alone: %d proven", wrongly, carries, a.Proven)
}
