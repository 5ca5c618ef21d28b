package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"quicedge/internal/class"
	"quicedge/internal/dataplane"
	"quicedge/internal/mtu"
)

// filter holds --class and --reason.
type filter struct{ classes, reasons []string }

func (f *filter) flags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.classes, "class", nil, "only these classes: a province, PROVINCE/ISP or a class's number, such as 23/CMCC, heilongjiang, 黑龙江/CMCC or 185")
	cmd.Flags().StringSliceVar(&f.reasons, "reason", nil, "only these reasons, such as clamped")
}

// picker picks counters. Empty lists are all.
type picker struct {
	classes []mtu.Selector
	reasons []string
}

func (f filter) parse() (p picker, err error) {
	for _, text := range f.classes {
		sel, err := parseClass(text)
		if err != nil {
			return p, usageError{fmt.Errorf("--class %q: %w; or a class's number, such as 185", text, err)}
		}
		p.classes = append(p.classes, sel)
	}
	known, err := dataplane.Reasons()
	if err != nil {
		return p, err
	}
	for _, text := range f.reasons {
		if !slices.Contains(known, text) {
			return p, usageError{fmt.Errorf("--reason %q: there is none of this name: use %s", text, strings.Join(known, ", "))}
		}
	}
	p.reasons = f.reasons
	return p, nil
}

// parseClass reads "23/CMCC", "heilongjiang", "any/CMCC", "unknown" or the number of a class. No number of a class is a
// province's code.
func parseClass(text string) (mtu.Selector, error) {
	if n, err := strconv.ParseUint(text, 10, 16); err == nil && class.ID(n).Valid() {
		return mtu.For(class.ID(n)), nil
	}
	province, isp, _ := strings.Cut(text, "/")
	if province == class.Province(0).Name() {
		province = class.Province(0).String()
	}
	return mtu.ParseSelector(province, isp)
}

func (p picker) class(id class.ID) bool {
	return len(p.classes) == 0 || slices.ContainsFunc(p.classes, func(sel mtu.Selector) bool { return sel.Covers(id) })
}

// of returns what was picked. The counters of a class are of all its reasons.
func (p picker) of(s dataplane.Stats) dataplane.Stats {
	s.Classes = slices.DeleteFunc(s.Classes, func(c dataplane.ClassStats) bool { return !p.class(c.Class) })
	s.Reasons = slices.DeleteFunc(s.Reasons, func(r dataplane.ReasonStats) bool {
		return !p.class(r.Class) || len(p.reasons) > 0 && !slices.Contains(p.reasons, r.Reason)
	})
	s.RTT = slices.DeleteFunc(s.RTT, func(r dataplane.ClassRTT) bool { return !p.class(r.Class) })
	return s
}
