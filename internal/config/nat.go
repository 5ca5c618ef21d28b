package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"quicedge/internal/class"
)

// Bounds of a NAT's timeout. RFC 4787, section 4.3, asks for 2 minutes; those found in the field are shorter, and a keep-alive
// within a second would be traffic of its own.
const (
	minNATTimeout = time.Second
	maxNATTimeout = time.Hour
)

// NATTimeouts reads the times after which NATs forget a silent flow, "30s,CMCC=60s": that of every ISP, and those of single ones.
// Every ISP has an entry.
func (c Config) NATTimeouts() (map[class.ISP]time.Duration, error) {
	named := map[class.ISP]time.Duration{}
	var common time.Duration
	for entry := range strings.SplitSeq(c.NATTimeout, ",") {
		name, text, one := strings.Cut(strings.TrimSpace(entry), "=")
		if !one {
			text = name
		}
		timeout, err := natTimeout(text)
		if err != nil {
			return nil, err
		}
		if !one {
			if common != 0 {
				return nil, fmt.Errorf("%s and %s are both for every isp: name the isp of one", common, timeout)
			}
			common = timeout
			continue
		}
		isp, err := class.ParseISP(name)
		if err != nil {
			return nil, err
		}
		if _, twice := named[isp]; twice {
			return nil, fmt.Errorf("%s has two timeouts: leave one", isp)
		}
		named[isp] = timeout
	}
	if common == 0 {
		return nil, errors.New("no timeout for every isp: begin with one, such as 30s")
	}
	for _, isp := range class.ISPs() {
		if named[isp] == 0 {
			named[isp] = common
		}
	}
	return named, nil
}

func natTimeout(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 30s", text)
	}
	if d < minNATTimeout || d > maxNATTimeout {
		return 0, fmt.Errorf("%s: a timeout is %s to %s", d, minNATTimeout, maxNATTimeout)
	}
	return d, nil
}

func (c Config) validateNAT() *wrongValue {
	if _, err := c.NATTimeouts(); err != nil {
		return wrong("nat_timeout", "%q: %v; use such as 30s or 30s,CMCC=60s", c.NATTimeout, err)
	}
	return nil
}
