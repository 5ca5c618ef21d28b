package mtu

import (
	"fmt"
	"strings"
)

// because says why a condition holds or does not, with the numbers that decided; "" for one that always does.
func (c Condition) because(v Verdict, j *Judge, m Measured) string {
	if c.program == nil {
		return ""
	}
	verb := "does not hold"
	switch {
	case v.Holds && v.Held != NotHeld:
		verb = "still holds"
	case v.Holds:
		verb = "holds"
	case v.Held != NotHeld:
		verb = "does not hold yet"
	}
	text := c.text + " " + verb + c.numbers(m)
	switch v.Held {
	case ByMargin:
		text += fmt.Sprintf(", and ceases %g %% further", j.cfg.Margin*100)
	case ByDwell:
		text += fmt.Sprintf(", and has changed less than %s ago", j.cfg.Dwell)
	}
	return text
}

// numbers are the measured values that a condition turns on.
func (c Condition) numbers(m Measured) string {
	var parts []string
	if c.uses.loss {
		parts = append(parts, number(lossName, m.LossRate, 100, "%"))
	}
	if c.uses.rtt {
		parts = append(parts, number(rttName, m.RTT, 1, ""))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

func number(name string, value *float64, scale float64, unit string) string {
	if value == nil {
		return name + " is not measured yet"
	}
	return fmt.Sprintf("%s is %.2f%s", name, *value*scale, unit)
}

func join(parts ...string) string {
	var some []string
	for _, p := range parts {
		if p != "" {
			some = append(some, p)
		}
	}
	return strings.Join(some, "; ")
}
