package prefix

// run is the addresses from start to before the start of the next run, which have one answer. A is an address.
type run[A comparable] struct {
	start  A
	answer uint32
}

// flattener turns prefixes that lie within each other into runs that follow each other: the longest prefix's answer counts.
// It is given the prefixes in order: by address, a prefix before those within it.
type flattener[A comparable] struct {
	less func(a, b A) bool
	next func(A) A // the address after; not called for the highest
	min  A         // the lowest
	max  A         // the highest
	open []cover[A]
	runs []run[A]
}

// cover is a prefix whose last address has not been passed yet.
type cover[A comparable] struct {
	last   A
	answer uint32
}

// begin covers everything with the answer 0. n is how many prefixes there will be.
func (f *flattener[A]) begin(n int) {
	f.open = append(f.open, cover[A]{f.max, 0})
	f.runs = append(make([]run[A], 0, 2*n+1), run[A]{f.min, 0})
}

func (f *flattener[A]) add(first, last A, answer uint32) {
	f.closeBefore(first)
	f.open = append(f.open, cover[A]{last, answer})
	f.emit(first, answer)
}

// closeBefore ends the prefixes that end before an address: the one around each goes on.
func (f *flattener[A]) closeBefore(first A) {
	for top := len(f.open) - 1; f.less(f.open[top].last, first); top-- {
		end := f.open[top].last
		f.open = f.open[:top]
		f.emit(f.next(end), f.open[top-1].answer)
	}
}

func (f *flattener[A]) finish() []run[A] {
	for top := len(f.open) - 1; f.open[top].last != f.max; top-- {
		end := f.open[top].last
		f.open = f.open[:top]
		f.emit(f.next(end), f.open[top-1].answer)
	}
	return f.runs
}

// emit begins a run, in place of one that begins at the same address; neighbours of one answer are one run.
func (f *flattener[A]) emit(start A, answer uint32) {
	n := len(f.runs)
	if f.runs[n-1].start == start {
		n--
	}
	f.runs = f.runs[:n]
	if n == 0 || f.runs[n-1].answer != answer {
		f.runs = append(f.runs, run[A]{start, answer})
	}
}

// flatten4's answers are DIR-24-8 entries.
func flatten4(keys []Key4) []run[uint32] {
	f := flattener[uint32]{
		less: func(a, b uint32) bool { return a < b },
		next: func(a uint32) uint32 { return a + 1 },
		max:  1<<32 - 1,
	}
	f.begin(len(keys))
	for _, k := range keys {
		f.add(k.first(), k.last(), uint32(k&(1<<entryBits-1)))
	}
	return f.finish()
}

// addr6 is an IPv6 address.
type addr6 struct{ high, low uint64 }

func flatten6(keys []Key6) []run[addr6] {
	f := flattener[addr6]{
		less: func(a, b addr6) bool { return a.high < b.high || a.high == b.high && a.low < b.low },
		next: func(a addr6) addr6 {
			if a.low++; a.low == 0 {
				a.high++
			}
			return a
		},
		max: addr6{1<<64 - 1, 1<<64 - 1},
	}
	f.begin(len(keys))
	for _, k := range keys {
		f.add(k.first(), k.last(), uint32(k.Answer))
	}
	return f.finish()
}
