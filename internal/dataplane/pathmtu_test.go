package dataplane

import (
	"fmt"
	"net"
	"testing"

	"github.com/vishvananda/netlink"

	"quicedge/internal/netnstest"
)

// BenchmarkPathMTUs asks what ICMP has told, on hosts with few and with many routes.
func BenchmarkPathMTUs(b *testing.B) {
	for _, routes := range []int{0, 50_000} {
		b.Run(fmt.Sprintf("routes=%d", routes), func(b *testing.B) {
			ns := netnstest.New(b)
			netnstest.Do(b, ns, func() {
				addRoutes(b, routes)
				for b.Loop() {
					if _, err := PathMTUs(); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// A look at what the kernel was told does not read the routes themselves.
func TestRoutesThemselvesAreNotRead(t *testing.T) {
	ns := netnstest.New(t)
	netnstest.Do(t, ns, func() {
		addRoutes(t, 100)
		read := 0
		if err := eachException(func([]byte) bool { read++; return true }); err != nil || read > 0 {
			t.Errorf("%d routes, %v", read, err)
		}
	})
}

func addRoutes(t testing.TB, n int) {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Error(err)
		return
	}
	for i := range n {
		to := &net.IPNet{IP: net.IPv4(20, byte(i>>16), byte(i>>8), byte(i)), Mask: net.CIDRMask(32, 32)}
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: lo.Attrs().Index, Dst: to}); err != nil {
			t.Error(err)
			return
		}
	}
}
