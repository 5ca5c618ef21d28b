package e2e

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"

	"github.com/quic-go/quic-go/http3"
)

const initialSize = 1200

// clientHello makes Initial packets that a server cannot tell from those of clients: each has a connection ID of its own and a valid ClientHello.
type clientHello struct {
	salt   []byte
	frames []byte // CRYPTO and PADDING
}

// source is the Source Connection ID of them all, which the transport parameters repeat.
var source = []byte{1, 2, 3, 4}

func newClientHello() (*clientHello, error) {
	salt, err := hex.DecodeString("38762cf7f55934b34d179ae6a4c80cadccbb7f0a") // RFC 9001, section 5.2
	if err != nil {
		return nil, err
	}
	client := tls.QUICClient(&tls.QUICConfig{TLSConfig: &tls.Config{
		ServerName: "localhost", NextProtos: []string{http3.NextProtoH3}, MinVersion: tls.VersionTLS13,
		CurvePreferences: []tls.CurveID{tls.X25519}, // a larger key would take two packets
	}})
	client.SetTransportParameters(append([]byte{0x0f, byte(len(source))}, source...)) // initial_source_connection_id
	if err := client.Start(context.Background()); err != nil {
		return nil, err
	}
	for e := client.NextEvent(); e.Kind != tls.QUICNoEvent; e = client.NextEvent() {
		if e.Kind != tls.QUICWriteData {
			continue
		}
		frames := append(varint([]byte{6, 0}, len(e.Data)), e.Data...) // CRYPTO at offset 0
		return &clientHello{salt, append(frames, make([]byte, initialSize)...)}, nil
	}
	return nil, errors.New("no ClientHello")
}

// initial is one packet of 1200 bytes (RFC 9000, section 17.2.2).
func (h *clientHello) initial() ([]byte, error) {
	id := make([]byte, 8)
	rand.Read(id) // never fails
	header := append(append([]byte{0xc3, 0, 0, 0, 1, 8}, id...), byte(len(source)))
	header = append(append(header, source...), 0) // no token
	length := initialSize - len(header) - 4
	header = varint(header, length)
	common, err := hkdf.Extract(sha256.New, id, h.salt)
	if err != nil {
		return nil, err
	}
	secret, err := expand(common, "client in", sha256.Size)
	if err != nil {
		return nil, err
	}
	p, err := protect(secret)
	if err != nil {
		return nil, err
	}
	return p.seal(header, 0, h.frames[:length-4-p.aead.Overhead()]), nil
}

// noise is an Initial packet of which only the header is right.
func noise() []byte {
	packet := make([]byte, initialSize)
	rand.Read(packet) // never fails
	copy(packet, []byte{0xc3, 0, 0, 0, 1, 8})
	header := append(append([]byte{byte(len(source))}, source...), 0)
	copy(packet[14:], varint(header, initialSize-14-len(header)-4))
	return packet
}
