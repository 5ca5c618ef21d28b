package config

import (
	"slices"
	"strings"
	"testing"
)

func TestACMEDomains(t *testing.T) {
	for text, want := range map[string]struct {
		domains []string
		wrong   string // in the error
	}{
		"acme: ''":                            {nil, ""},
		"acme: edge.example":                  {[]string{"edge.example"}, ""},
		"acme: edge.example, www.a.example":   {[]string{"edge.example", "www.a.example"}, ""},
		"acme: '*.edge.example'":              {nil, "wildcard"},
		"acme: 192.0.2.1":                     {nil, "not a domain"},
		"acme: localhost":                     {nil, "not a domain"},
		"acme: -a.example":                    {nil, "not a domain"},
		"acme: a.example/..":                  {nil, "not a domain"},
		"acme: a.example\ncert: c\nkey: k":    {nil, "give one of them"},
		"acme_email: nobody":                  {nil, "ops@"},
		"acme_ca: http://ca.example/":         {nil, "https://"},
		"acme_ca: https://ca.example/dir":     {nil, ""},
		"acme: a.example\nacme_email: a@b.de": {[]string{"a.example"}, ""},
	} {
		c, err := Load(Source{Path: write(t, text)})
		if want.wrong == "" && (err != nil || !slices.Equal(c.ACMEDomains(), want.domains)) {
			t.Errorf("%s: %q, %v", text, c.ACMEDomains(), err)
		}
		if want.wrong != "" && (err == nil || !strings.Contains(err.Error(), want.wrong) || !strings.Contains(err.Error(), "quicedge.yaml:1:")) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
