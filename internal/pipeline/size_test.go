package pipeline

import "testing"

func TestWorkersFitTheMachine(t *testing.T) {
	const gib = int64(1) << 30
	for name, tt := range map[string]struct {
		machine machine
		set     Config
		workers int
		memory  int64
	}{
		"memory not known":            {machine{2, 0}, Config{}, 4, usualMemory},
		"plenty":                      {machine{2, 64 * gib}, Config{}, 4, usualMemory},
		"many CPUs":                   {machine{64, 256 * gib}, Config{}, 16, usualMemory},
		"one CPU":                     {machine{1, 64 * gib}, Config{}, 2, usualMemory},
		"2 cores and 4 GiB":           {machine{2, 4 * gib}, Config{Spares: 1}, 2, usualMemory},
		"2 cores and 2 GiB":           {machine{2, 2 * gib}, Config{Spares: 1}, 1, usualMemory},
		"1 GiB":                       {machine{2, gib}, Config{Spares: 1}, 1, gib*3/4 - idleMemory},
		"less than a worker":          {machine{2, gib / 8}, Config{}, 1, leastMemory},
		"number set":                  {machine{2, 4 * gib}, Config{Workers: 4}, 4, gib * 3 / 4},
		"number set, plenty":          {machine{2, 64 * gib}, Config{Workers: 6}, 6, usualMemory},
		"memory set":                  {machine{2, 4 * gib}, Config{MaxMemory: gib}, 3, gib},
		"both set stay as they are":   {machine{2, gib}, Config{Workers: 9, MaxMemory: gib}, 9, gib},
		"number set, too many to fit": {machine{2, gib}, Config{Workers: 100}, 100, leastMemory},
	} {
		t.Run(name, func(t *testing.T) {
			c := tt.set
			c.fit(tt.machine)
			if c.Workers != tt.workers || c.MaxMemory != tt.memory {
				t.Errorf("%d workers of %d MiB, want %d of %d MiB", c.Workers, c.MaxMemory>>20, tt.workers, tt.memory>>20)
			}
		})
	}
}

func TestThisMachineHasCPUsAndMemory(t *testing.T) {
	if m := thisMachine(); m.cpus < 1 || m.memory < 1<<26 {
		t.Errorf("this machine is %+v", m)
	}
}
