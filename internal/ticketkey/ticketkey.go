// Package ticketkey keeps the secrets by which any worker, process or node takes up what another has begun: the keys of TLS session
// tickets, which rotate, and those of QUIC's address tokens and stateless resets. They lie in a file of mode 0600. Nodes with the same
// file have the same keys at any time.
package ticketkey

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// Key is a secret of 32 bytes.
type Key [32]byte

// String hides the key from logs.
func (Key) String() string { return "hidden" }

// Secret is one that ticket keys are derived from.
type Secret struct {
	From time.Time // tickets are sealed by it from then on, until the next one's
	Key  Key
}

// Set is what a key file holds.
type Set struct {
	Node    Key      // of tokens and resets
	Tickets []Secret // at least one, in the order of From
}

// Period is for how long one key seals tickets. All nodes derive the next at the same moment.
const Period = 12 * time.Hour

// keptPeriods is how many keys before the current one still open tickets: one is good for at least a day.
const keptPeriods = 2

// Kept is the longest that a ticket can be opened.
const Kept = (keptPeriods + 1) * Period

// TicketKeys returns the keys in force at a time. The first seals new tickets, all of them open old ones. That of the next period is
// among them, for tickets of nodes whose clock is ahead.
func (s Set) TicketKeys(now time.Time) ([][32]byte, error) {
	active := s.active(now)
	order := append([]Secret{s.Tickets[active]}, slices.Delete(slices.Clone(s.Tickets), active, active+1)...)
	var keys [][32]byte
	period := now.Unix() / int64(Period/time.Second)
	for _, secret := range order {
		for _, p := range []int64{period, period + 1, period - 1, period - keptPeriods} {
			k, err := derive(secret.Key, "ticket", uint64(p))
			if err != nil {
				return nil, err
			}
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// active is the place of the secret that seals tickets: the last that has begun, or the first where none has.
func (s Set) active(now time.Time) int {
	at := 0
	for i, secret := range s.Tickets {
		if !secret.From.After(now) {
			at = i
		}
	}
	return at
}

// NextChange returns when TicketKeys will give others.
func (s Set) NextChange(now time.Time) time.Time {
	next := now.Truncate(Period).Add(Period)
	for _, secret := range s.Tickets {
		if secret.From.After(now) && secret.From.Before(next) {
			next = secret.From
		}
	}
	return next
}

// TokenKey seals what proves a client's address (RFC 9000, section 8.1).
func (s Set) TokenKey() (Key, error) { return derive(s.Node, "token", 0) }

// ResetKey makes stateless reset tokens (RFC 9000, section 10.3.2).
func (s Set) ResetKey() (Key, error) { return derive(s.Node, "reset", 0) }

// derive makes the key of one use and period (RFC 5869).
func derive(from Key, use string, period uint64) (k Key, err error) {
	info := string(binary.BigEndian.AppendUint64([]byte("quicedge "+use+" "), period))
	b, err := hkdf.Expand(sha256.New, from[:], info, len(k))
	if err != nil {
		return k, fmt.Errorf("derive %s key: %w", use, err)
	}
	copy(k[:], b)
	return k, nil
}
