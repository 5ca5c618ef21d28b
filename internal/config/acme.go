package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

var (
	domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	mailbox    = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)
)

// ACMEDomains reads the domains of acme, "edge.example,www.edge.example". None: certificates come from files, or are self-signed.
func (c Config) ACMEDomains() []string {
	return strings.FieldsFunc(c.ACME, func(r rune) bool { return r == ',' || r == ' ' })
}

func (c Config) validateACME() *wrongValue {
	domains := c.ACMEDomains()
	if len(domains) > 0 && c.Cert != "" {
		return wrong("acme", "is given beside cert and key: give one of them")
	}
	for _, d := range domains {
		switch _, err := netip.ParseAddr(d); {
		case strings.HasPrefix(d, "*."):
			return wrong("acme", "%q: a wildcard takes access to the domain's DNS, which a node has not: name each host", d)
		case err == nil || len(d) > 253 || !domainName.MatchString(d):
			return wrong("acme", "%q: not a domain: write such as edge.example,www.edge.example, in lower case", d)
		}
	}
	if c.ACMEEmail != "" && !mailbox.MatchString(c.ACMEEmail) {
		return wrong("acme_email", "%q: write such as ops@edge.example", c.ACMEEmail)
	}
	if u, err := url.Parse(c.ACMECA); c.ACMECA != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return wrong("acme_ca", "%q: write the URL of its directory, https://...", c.ACMECA)
	}
	return nil
}
