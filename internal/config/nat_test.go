package config

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"quicedge/internal/class"
)

func TestEveryISPHasANATTimeout(t *testing.T) {
	for text, want := range map[string]map[class.ISP]time.Duration{
		"30s":                          {class.Other: 30 * time.Second, class.CERNET: 30 * time.Second},
		"30s,CMCC=60s":                 {class.Other: 30 * time.Second, class.CUCC: 30 * time.Second, class.CMCC: time.Minute},
		" cmcc=1m , 20s , other=90s ":  {class.Other: 90 * time.Second, class.CTCC: 20 * time.Second, class.CMCC: time.Minute},
		"1h,CTCC=1s":                   {class.CBN: time.Hour, class.CTCC: time.Second},
		"45s,CMCC=45s,CUCC=30s,CBN=2m": {class.CMCC: 45 * time.Second, class.CUCC: 30 * time.Second, class.CBN: 2 * time.Minute},
	} {
		got, err := Config{NATTimeout: text}.NATTimeouts()
		if err != nil || len(got) != len(class.ISPs()) {
			t.Fatalf("%q: %v, %v", text, got, err)
		}
		for isp, timeout := range want {
			if got[isp] != timeout {
				t.Errorf("%q: %s has %s, want %s", text, isp, got[isp], timeout)
			}
		}
	}
}

func TestWrongNATTimeoutNamesPlaceAndCure(t *testing.T) {
	for value, want := range map[string]string{
		"":                  `nat_timeout "": "" is not a duration such as 30s; use such as 30s or 30s,CMCC=60s`,
		"soon":              `nat_timeout "soon": "soon" is not a duration`,
		"30":                `"30" is not a duration`,
		"30s,":              `"" is not a duration`,
		"30s,CMCC=":         `"" is not a duration`,
		"30s,CMCC":          `"CMCC" is not a duration`,
		"30s,CMC=60s":       `unknown isp "CMC": use one of`,
		"30s,CMCC=0s":       "0s: a timeout is 1s to 1h0m0s",
		"2h":                "2h0m0s: a timeout is",
		"CMCC=60s":          "no timeout for every isp: begin with one",
		"30s,40s":           "30s and 40s are both for every isp",
		"30s,CBN=1m,cbn=2m": "CBN has two timeouts",
	} {
		path := write(t, "region: a\nnat_timeout: '"+value+"'\n")
		if _, err := Load(Source{Path: path}); err == nil || !strings.HasPrefix(err.Error(), path+":2:14: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("file: got %v, want %s", err, want)
		}
		if value == "" {
			continue // an empty variable is one that is not set
		}
		if _, err := Load(Source{Path: write(t, ""), Environ: map[string]string{"QUICEDGE_NAT_TIMEOUT": value}}); err == nil || !strings.HasPrefix(err.Error(), "QUICEDGE_NAT_TIMEOUT: ") {
			t.Errorf("environment: got %v", err)
		}
		var bound Config
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		bound.NodeFlags(flags)
		if err := flags.Parse([]string{"--nat-timeout", value}); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(Source{Path: write(t, ""), Flags: flags}); err == nil || !strings.HasPrefix(err.Error(), "--nat-timeout: ") {
			t.Errorf("flag: got %v", err)
		}
	}
}
