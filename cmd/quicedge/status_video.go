package main

import (
	"fmt"
	"io"
	"strings"

	"quicedge/internal/adminsocket"
	"quicedge/models"
)

// videoTable prints pipelines and models of the running node, and on what each version computes.
func videoTable(w io.Writer, v adminsocket.Video) {
	switch {
	case v.Error != "":
		cells(w, "video", "no workers: "+v.Error)
	case len(v.Pipelines) > 0:
		cells(w, "video", fmt.Sprintf("%d workers; pipelines %s", v.Workers, strings.Join(v.Pipelines, ", ")))
	}
	for _, m := range v.Models {
		text := models.Ref(m.Name, m.Version) + ", "
		if !m.InForce {
			text += "not "
		}
		text += "in force, "
		switch {
		case m.Provider == "":
			text += "not loaded yet"
		case m.Why == "":
			text += "on " + m.Provider
		default:
			text += fmt.Sprintf("on %s (%s)", m.Provider, m.Why)
		}
		cells(w, "model", text)
	}
}
