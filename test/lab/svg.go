package main

import (
	"fmt"
	"html"
	"io"
)

// Sizes of the picture in pixels.
const (
	nameWidth  = 150
	panelWidth = 260
	panelGap   = 60
	barHeight  = 7
	rowGap     = 5
	headHeight = 60
)

// panel is one measure of every class, drawn as bars.
type panel struct {
	title string
	value func(classResult) float64
}

func panels() []panel {
	return []panel{
		{"handshakes failed, %", func(c classResult) float64 { return 100 * float64(c.Failed) / float64(max(1, c.Handshakes)) }},
		{"time to first byte, ms", func(c classResult) float64 { return c.FirstByte }},
		{"goodput, Mbit/s", func(c classResult) float64 { return c.Goodput }},
	}
}

// colour returns that of the n-th server's bars.
func colour(n int) string { return [...]string{"#9aa5b1", "#1f77b4"}[n%2] }

// draw writes the report as an SVG picture: a row a class, a bar a server, a panel a measure. Errors show when the file is closed.
func (r report) draw(w io.Writer) {
	rowHeight := len(r.Servers)*barHeight + rowGap
	rows := len(r.Servers[0].Classes)
	width, height := nameWidth+len(panels())*(panelWidth+panelGap), headHeight+rows*rowHeight+20
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="10">`+"\n", width, height)
	fmt.Fprintf(w, `<rect width="100%%" height="100%%" fill="white"/><text x="8" y="16" font-size="12">%s: %s</text>`+"\n", html.EscapeString(r.Scenario), html.EscapeString(r.Says))
	for i, s := range r.Servers {
		fmt.Fprintf(w, `<rect x="%d" y="24" width="10" height="10" fill="%s"/><text x="%d" y="33">%s</text>`+"\n", 8+i*110, colour(i), 22+i*110, html.EscapeString(s.Name))
	}
	for i, c := range r.Servers[0].Classes {
		fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", nameWidth-8, headHeight+i*rowHeight+barHeight+2, html.EscapeString(c.Province+" "+c.Class))
	}
	for i, p := range panels() {
		r.drawPanel(w, p, nameWidth+i*(panelWidth+panelGap), rowHeight)
	}
	fmt.Fprintln(w, "</svg>")
}

func (r report) drawPanel(w io.Writer, p panel, x, rowHeight int) {
	most := 0.0
	for _, s := range r.Servers {
		for _, c := range s.Classes {
			most = max(most, p.value(c))
		}
	}
	fmt.Fprintf(w, `<text x="%d" y="%d" font-weight="bold">%s</text><line x1="%d" x2="%d" y1="%d" y2="%d" stroke="black"/>`+"\n",
		x, headHeight-8, html.EscapeString(p.title), x, x, headHeight-4, headHeight+len(r.Servers[0].Classes)*rowHeight)
	for n, s := range r.Servers {
		for i, c := range s.Classes {
			v, y := p.value(c), headHeight+i*rowHeight+n*barHeight
			length := 0.0
			if most > 0 {
				length = v / most * panelWidth
			}
			fmt.Fprintf(w, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d" font-size="7">%.4g</text>`+"\n",
				x, y, length, barHeight-1, colour(n), float64(x)+length+3, y+barHeight-1, v)
		}
	}
}
