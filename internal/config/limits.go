package config

// validateClients checks the bounds on what clients may take. 0 is no bound, but for what every connection has.
func (c Config) validateClients() *wrongValue {
	for _, n := range []struct {
		key                string
		value, least, most int
	}{
		{"limit_conn", c.LimitConn, 0, 100_000_000},
		{"limit_conn_prefix", c.LimitConnPrefix, 0, 100_000_000},
		{"limit_handshakes", c.LimitHandshakes, 0, 10_000_000},
		{"limit_handshakes_prefix", c.LimitHandshakesPrefix, 0, 10_000_000},
		{"limit_prefix_ipv4", c.LimitPrefixIPv4, 8, 32},
		{"limit_prefix_ipv6", c.LimitPrefixIPv6, 16, 128},
		{"limit_streams", c.LimitStreams, 1, 10_000},
		{"limit_header_kib", c.LimitHeaderKiB, 1, 1024},
	} {
		if n.value < n.least || n.value > n.most {
			return wrong(n.key, "%d: use %d to %d", n.value, n.least, n.most)
		}
	}
	return nil
}
