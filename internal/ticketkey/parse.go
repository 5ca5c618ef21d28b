package ticketkey

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A key file is text of ASCII lines, fields parted by one space:
//
//	quicedge-keys 1
//	node KEY
//	ticket FROM KEY      one or more, FROM ascending
//	end
//
// KEY is 64 hexadecimal digits (openssl rand -hex 32), FROM a time of RFC 3339. Lines that begin with # and empty lines say nothing.
// The last line shows that the file is whole.
const (
	firstLine = "quicedge-keys 1"
	lastLine  = "end"

	maxFile    = 64 << 10 // bytes
	maxTickets = 8        // each costs every ticket that is not ours four hashes
)

// Parse reads the text of a key file. name stands for it in errors, which never hold a key.
func Parse(text []byte, name string) (Set, error) {
	var s Set
	var seen struct{ first, node, last bool }
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		err := func() error {
			kind, rest, _ := strings.Cut(line, " ")
			switch {
			case seen.last:
				return errors.New("nothing may follow " + lastLine)
			case !seen.first:
				seen.first = line == firstLine
				if !seen.first {
					return errors.New("no key file: want " + firstLine)
				}
			case kind == "node" && !seen.node:
				seen.node = true
				return parseKey(&s.Node, rest)
			case kind == "ticket":
				return s.parseTicket(rest)
			case line == lastLine:
				seen.last = true
			default:
				return errors.New("want node KEY (once), ticket FROM KEY, or " + lastLine)
			}
			return nil
		}()
		if err != nil {
			return Set{}, fmt.Errorf("%s:%d: %w", name, n+1, err)
		}
	}
	switch {
	case !seen.last:
		return Set{}, fmt.Errorf("%s: it does not end with the line %q: it was cut short, or is being written", name, lastLine)
	case !seen.node || len(s.Tickets) == 0:
		return Set{}, fmt.Errorf("%s: it needs a node key and a ticket secret", name)
	}
	return s, nil
}

func (s *Set) parseTicket(text string) error {
	from, key, _ := strings.Cut(text, " ")
	t, err := time.Parse(time.RFC3339, from)
	if err != nil {
		return errors.New("want ticket FROM KEY, FROM such as 2026-01-02T15:04:05Z")
	}
	secret := Secret{From: t.UTC()}
	if err := parseKey(&secret.Key, key); err != nil {
		return err
	}
	n := len(s.Tickets)
	if n == maxTickets {
		return fmt.Errorf("more than %d ticket secrets: take out old ones", maxTickets)
	}
	if n > 0 && !secret.From.After(s.Tickets[n-1].From) {
		return errors.New("ticket secrets are not in the order of their times")
	}
	s.Tickets = append(s.Tickets, secret)
	return nil
}

func parseKey(k *Key, text string) error {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(k) {
		return fmt.Errorf("a key is %d hexadecimal digits: make one with openssl rand -hex %d", 2*len(k), len(k))
	}
	if bytes.Count(b, b[:1]) == len(b) {
		return errors.New("this key is no secret: make one with openssl rand -hex 32")
	}
	copy(k[:], b)
	return nil
}

// Text returns the file that Parse reads as this Set.
func (s Set) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nnode %x\n", firstLine, s.Node[:])
	for _, secret := range s.Tickets {
		fmt.Fprintf(&b, "ticket %s %x\n", secret.From.UTC().Format(time.RFC3339), secret.Key[:])
	}
	fmt.Fprintln(&b, lastLine)
	return b.Bytes()
}
