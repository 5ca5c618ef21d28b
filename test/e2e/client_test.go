package e2e

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"quicedge/internal/netnstest"
)

// client speaks HTTP/3 from a namespace, with quic-go's defaults.
type client struct {
	http.Client
	conn *net.UDPConn // kept: the socket must not be collected
}

func newClient(t *testing.T, ns netnstest.NS) *client {
	t.Helper()
	c := &client{}
	var err error
	netnstest.Do(t, ns, func() { c.conn, err = net.ListenUDP("udp", nil) })
	if err != nil {
		t.Fatal(err)
	}
	tr := &quic.Transport{Conn: c.conn}
	h3 := &http3.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the node's certificate is self-signed
		Dial: func(ctx context.Context, addr string, tlsConf *tls.Config, conf *quic.Config) (*quic.Conn, error) {
			to, err := net.ResolveUDPAddr("udp", addr)
			if err != nil {
				return nil, err
			}
			return tr.DialEarly(ctx, to, tlsConf, conf)
		},
	}
	c.Transport = h3
	t.Cleanup(func() {
		h3.Close()
		tr.Close()
		c.conn.Close()
	})
	return c
}
