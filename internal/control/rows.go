package control

import (
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// Rows returns the overrides and the table below them, each row with the number of classes whose MTU it sets now.
func (l *Loop) Rows() []path.RowAnswer {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	layers := l.inputs.Layers
	layers.Learned = l.learned
	return rowsOf(layers, func(id class.ID) (mtu.Row, mtu.Source) {
		return layers.Deciding(l.judge, id, measuredOf(l.estimator.Class(id, now)), now)
	})
}

// Rows returns the same of layers in which nothing is measured.
func Rows(layers mtu.Layers) []path.RowAnswer {
	return rowsOf(layers, func(id class.ID) (mtu.Row, mtu.Source) {
		return layers.Deciding(nil, id, mtu.Measured{}, time.Time{})
	})
}

func rowsOf(layers mtu.Layers, deciding func(class.ID) (mtu.Row, mtu.Source)) []path.RowAnswer {
	all := []path.RowAnswer{}
	for _, r := range layers.Overrides.Rows() {
		all = append(all, path.RowAnswerOf(r, mtu.SourceOverride))
	}
	for _, r := range layers.CSV.Rows() {
		all = append(all, path.RowAnswerOf(r, mtu.SourceCSV))
	}
	place := make(map[path.RowAnswer]int, len(all)) // a table has no two rows alike, and a row of each layer its own source
	for i, r := range all {
		place[r] = i
	}
	for _, id := range class.All() {
		r, source := deciding(id)
		if i, known := place[path.RowAnswerOf(r, source)]; known {
			all[i].Classes++
		}
	}
	return all
}
