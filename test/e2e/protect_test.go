package e2e

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
)

// protection seals packets of one direction with AES-128-GCM and SHA-256 (RFC 9001, section 5).
type protection struct {
	aead   cipher.AEAD
	iv     []byte
	header cipher.Block
}

// protect derives the keys of a secret (section 5.1).
func protect(secret []byte) (*protection, error) {
	key, err := expand(secret, "quic key", 16)
	if err != nil {
		return nil, err
	}
	p := &protection{}
	if p.iv, err = expand(secret, "quic iv", 12); err != nil {
		return nil, err
	}
	hp, err := expand(secret, "quic hp", 16)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if p.aead, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	p.header, err = aes.NewCipher(hp)
	return p, err
}

// expand is HKDF-Expand-Label (RFC 8446, section 7.1).
func expand(secret []byte, label string, length int) ([]byte, error) {
	label = "tls13 " + label
	info := append([]byte{0, byte(length), byte(len(label))}, label...)
	return hkdf.Expand(sha256.New, secret, string(append(info, 0)), length)
}

// seal makes a packet of a header without its packet number, of 4 bytes, and of frames.
func (p *protection) seal(header []byte, number uint32, frames []byte) []byte {
	at := len(header)
	packet := binary.BigEndian.AppendUint32(header, number)
	nonce := append([]byte(nil), p.iv...)
	for i := range 4 {
		nonce[8+i] ^= packet[at+i]
	}
	packet = p.aead.Seal(packet, nonce, frames, packet)
	var mask [aes.BlockSize]byte
	p.header.Encrypt(mask[:], packet[at+4:at+4+aes.BlockSize]) // section 5.4.1
	if packet[0]&0x80 != 0 {
		packet[0] ^= mask[0] & 0x0f
	} else {
		packet[0] ^= mask[0] & 0x1f
	}
	for i := range 4 {
		packet[at+i] ^= mask[1+i]
	}
	return packet
}

// varint is an integer of RFC 9000, section 16, in its form of 4 bytes.
func varint(b []byte, v int) []byte { return binary.BigEndian.AppendUint32(b, uint32(v)|0x80000000) }
