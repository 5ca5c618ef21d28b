package mtu_test

import (
	"fmt"
	"strings"
	"testing"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
)

// In the tables of this test ^ stands before the character that the error must name.
func TestErrorsNameTheCharacterInTheCondition(t *testing.T) {
	for in, want := range map[string]string{
		`44,any,1400,^lossrate > 1%`:                                      "undeclared reference",
		`44,any,1400,loss_rate > 1% && ^rtt > 80`:                         "undeclared reference",
		`44,any,1400,  rtt_ms > 80 || ^loss > 6.5%`:                       "undeclared reference",
		`44,any,1400,isp ^> 3`:                                            "no matching overload",
		`44,any,1400,"loss_rate > 1% && isp == ""CMCC"" && ^isp_ > 3"`:    "undeclared reference",
		`44,any,1400,"isp == ""CMCC"" && province_id ^== ""44"""`:         "no matching overload",
		`44,any,1400,"isp == ^""cucc"""`:                                  "no class has the isp \"cucc\"",
		`44,any,1400,"isp in [""CUCC"", ^""CUUC""]"`:                      "no class has the isp \"CUUC\"",
		`44,any,1400,province_id != ^99`:                                  "no class has the province 99",
		`44,any,1400,loss_rate > 1% && ^47 == province_id`:                "no class has the province 47",
		"44,any,1400,\"loss_rate > 1% &&\n  rtt_ms > 8%\n  && ^rtt > 1\"": "undeclared reference",
		"44,any,1400,\"isp == \"\"CMCC\"\" ||\r\n ^rtt > 1\"":             "undeclared reference",
		`44,any,1400,rtt_ms > 80 ^)`:                                      "Syntax error",
		`44,any,1400,^loss_rate`:                                          "it is no comparison",
		`44,any,1400,"^isp"`:                                              "it is no comparison",
		`广东,any,1400,loss_rate > 5.5% || ^x > 1`:                          "undeclared reference",
		`44,any,1400,"""广东"" == isp || ^x > 1"`:                           "undeclared reference",
	} {
		before, _, _ := strings.Cut(in, "^")
		line, column := 2+strings.Count(before, "\n"), len(before)-strings.LastIndex(before, "\n")
		place := fmt.Sprintf("t.csv:%d:%d: condition ", line, column)
		_, err := mtu.ParseTable(strings.NewReader(head+strings.Replace(in, "^", "", 1)+"\ndefault,any,1500,\n"), "t.csv")
		if err == nil || !strings.HasPrefix(err.Error(), place) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s...%s", in, err, place, want)
		}
	}
}

func TestConditionKeepsRemainders(t *testing.T) {
	tests := map[string]bool{
		"province_id % 2 == 0": true, "province_id %2 == 0": true, "loss_rate > 6%": true, "loss_rate > 6.5%": true, "loss_rate>=7.0%": true,
		"loss_rate > 7.5% || rtt_ms > 1": false, "isp == 'CMCC' && (loss_rate > 5%)": true, "loss_rate > 8%": false, "rtt_ms > 80": false,
		"rtt_ms > 80 || loss_rate > 1%": true, "isp + \"5%\" == \"5%\"": false, "isp in ['CMCC', 'CTCC']": true,
	}
	for text, want := range tests {
		c, err := mtu.ParseCondition(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := c.Holds(class.Of(62, class.CMCC), mtu.Measured{LossRate: ratio(0.07)}); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
		if c.String() != text {
			t.Errorf("String() = %q, want %q", c, text)
		}
	}
}
