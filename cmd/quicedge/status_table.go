package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"quicedge/internal/path"
)

func statusTable(w io.Writer, s statusAnswer) {
	cells(w, "state", s.State)
	for _, p := range s.Problems {
		cells(w, "problem", p.What)
		cells(w, "", "cure: "+p.Cure)
	}
	cells(w, "pin folder", s.PinDir)
	cells(w, "kernel", s.Kernel)
	cells(w, "node", nodeText(s.Node))
	if s.Node.Loop != nil {
		cells(w, "profiles", loopText(*s.Node.Loop))
	}
	if s.Node.Video != nil {
		videoTable(w, *s.Node.Video)
	}
	if !s.seen {
		return
	}
	for _, d := range s.Devices {
		var hooks []string
		for _, h := range d.Hooks {
			hooks = append(hooks, fmt.Sprintf("%s (program %d)", h.Hook, h.ProgramID))
		}
		cells(w, "device", fmt.Sprintf("%s, index %d, %s, by %s: %s", d.Interface, d.Index, d.State, d.Mode, strings.Join(hooks, ", ")))
	}
	for _, p := range s.Programs {
		at := "pinned"
		if len(p.Attached) > 0 {
			at = strings.Join(p.Attached, ", ")
		}
		cells(w, "program", fmt.Sprintf("%s, id %d, tag %s: %s", p.Name, p.ID, p.Tag, at))
	}
	cells(w, "udp ports", strings.Trim(fmt.Sprint(s.Ports), "[]"))
	cells(w, "tables", fmt.Sprintf("%s, generation %d: %d IPv4 prefixes (%s), %d IPv6 (%s)", s.Tables.Kind, s.Tables.Generation,
		s.Tables.IPv4.Prefixes, mebibytes(s.Tables.IPv4.Memory), s.Tables.IPv6.Prefixes, mebibytes(s.Tables.IPv6.Memory)))
	cells(w, "memory", mebibytes(s.Memory)+" in all maps")
	cells(w, "settings", settingsText(s.Settings))
	cells(w, "traffic", fmt.Sprintf("%d packets of QUIC servers, %.1f %% of clients that no prefix covers", s.Traffic.Packets, 100*s.Traffic.Share))
}

func nodeText(n nodeStatus) string {
	switch {
	case n.Error != "":
		return "not known: " + n.Error
	case n.Running && n.Holder == "node":
		return "runs, and keeps the data plane"
	case n.Running:
		return "runs, and does not keep the data plane"
	case n.Holder == "node":
		return "one with another state folder keeps the data plane"
	}
	return "none runs"
}

func loopText(l path.LoopAnswer) string {
	text := fmt.Sprintf("generation %d, in force for %s; %d classes measured, %d with something learned", l.Generation,
		time.Duration(l.AgeSec*float64(time.Second)).Round(time.Second), l.Measured, l.Learned)
	if l.LastError != "" {
		text += "; waiting: " + l.LastError
	}
	return text
}

func settingsText(s *loadSettings) string {
	if s == nil {
		return "not known: reading them takes CAP_SYS_ADMIN"
	}
	text := "screening off"
	if s.Screen {
		text = "screening on"
	}
	for _, one := range [][2]string{{"mark", s.Mark}, {"priority", s.Priority}} {
		if one[1] == "" {
			one[1] = "left alone"
		}
		text += ", " + one[0] + " " + one[1]
	}
	return text
}

func mebibytes(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
