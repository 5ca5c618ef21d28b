package mtu

import (
	"regexp"
	"strings"
)

// percent finds string literals, to leave them alone, and numbers followed by a percent sign that no operand follows:
// "7 % 2" is a remainder.
var percent = regexp.MustCompile(`"[^"]*"|'[^']*'|([0-9]+(?:\.[0-9]+)?)%(\s*(?:[^\s\w("'.-]|$))`)

// expanded is an expression without percentages.
type expanded struct {
	text   string
	origin []int // for each byte of text, and for its end, the offset in the text that was written
}

// expandPercent writes percentages as the ratios they stand for.
func expandPercent(written string) expanded {
	var e expanded
	var b strings.Builder
	keep := func(from, to int) {
		b.WriteString(written[from:to])
		for i := from; i < to; i++ {
			e.origin = append(e.origin, i)
		}
	}
	add := func(s string, at int) {
		b.WriteString(s)
		for range len(s) {
			e.origin = append(e.origin, at)
		}
	}
	done := 0
	for _, m := range percent.FindAllStringSubmatchIndex(written, -1) {
		start, end := m[2], m[3]
		if start < 0 {
			continue
		}
		keep(done, start)
		add("(", start)
		keep(start, end)
		if !strings.Contains(written[start:end], ".") {
			add(".0", start)
		}
		add("/100.0)", start)
		done = end + 1
	}
	keep(done, len(written))
	e.text, e.origin = b.String(), append(e.origin, len(written))
	return e
}

// offset returns where a place of the expanded text, by line from 1 and character from 0, stands in the text that was written.
func (e expanded) offset(line, character int) int {
	at := 0
	for ; line > 1; line-- {
		at += strings.IndexByte(e.text[at:], '\n') + 1
	}
	for i := range e.text[at:] {
		if character == 0 {
			return e.origin[at+i]
		}
		character--
	}
	return e.origin[len(e.text)]
}
