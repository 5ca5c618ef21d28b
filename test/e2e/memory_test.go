package e2e

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"quicedge/internal/netnstest"
	"quicedge/internal/pipeline/testclip"
)

// What a process may hold more of in the last third of the run than in the third before. A picture of 640x360 is 0.3 MiB, a clip
// 0.1 MiB: what is kept of each stream would be more within a minute.
const (
	nodeGrowth   = 16 << 20
	workerGrowth = 32 << 20
)

// TestMemoryStaysFlat streams without a pause through all pipelines and containers, and watches what node and workers hold.
func TestMemoryStaysFlat(t *testing.T) {
	n := place(t, netnstest.New(t))
	n.start("--iface", "none", "--video-workers", "2")
	n.until("two workers and the spare one", func() bool { return len(n.workers()) == 3 })
	before := n.workers()
	var clips [][]byte
	for _, s := range []testclip.Spec{
		{Audio: true, Format: testclip.MPEGTS},
		{Audio: true, Format: testclip.MP4IndexLast},
		{Width: 322, Height: 242, Format: testclip.AnnexB},
	} {
		clips = append(clips, testclip.Read(t, s))
	}
	length := time.Duration(times(9, 600)) * time.Second
	end := time.Now().Add(length)
	var clients sync.WaitGroup
	streams := make([]int, 3) // one client more than there are workers: one waits
	for c := range streams {
		clients.Go(func() {
			operator := n.operator()
			for i := c; time.Now().Before(end) && !t.Failed(); i++ {
				if err := streamed(operator, c, i, clips[i%len(clips)]); err != nil {
					t.Errorf("stream %d of client %d: %v", i, c, err)
				}
				streams[c]++
			}
		})
	}
	thirds := n.largest(end, length/3)
	clients.Wait()
	for _, pid := range slices.Sorted(maps.Keys(thirds[1])) {
		was, is, limit, who := thirds[1][pid], thirds[2][pid], workerGrowth, "worker"
		if pid == n.cmd.Process.Pid {
			limit, who = nodeGrowth, "node"
		}
		t.Logf("%s %d: %d MiB in the first third, %d in the second, %d in the last", who, pid, thirds[0][pid]>>20, was>>20, is>>20)
		if is-was > limit {
			t.Errorf("%s %d grew by %d MiB", who, pid, (is-was)>>20)
		}
	}
	t.Logf("%v streams", streams)
	if after := n.workers(); !slices.Equal(after, before) {
		t.Errorf("workers were %v, now %v", before, after)
	}
	for c, done := range streams {
		if done == 0 {
			t.Errorf("client %d was never served", c)
		}
	}
}

// streamed sends one clip; pipelines, containers and the way of the answer take turns.
func streamed(operator *http.Client, client, i int, clip []byte) error {
	pipelines, formats, answers := []string{"transcode", "beauty_v2", "fps_x2", "moderate"}, []string{"fmp4", "mp4", "ts"}, []string{"at-once", "after-upload"}
	url := fmt.Sprintf("http://localhost:8080/api/v1/streams/m-%d-%d?pipeline=%s&format=%s&answer=%s", client, i,
		pipelines[i%len(pipelines)], formats[i%len(formats)], answers[i/2%len(answers)])
	resp, err := operator.Post(url, "video/mp4", bytes.NewReader(clip))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	size, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || size == 0) {
		err = fmt.Errorf("%s, %d bytes", resp.Status, size)
	}
	return err
}

// largest returns the most that each process of the node held, by its pid, in each third of the time until end.
func (n *node) largest(end time.Time, third time.Duration) (thirds [3]map[int]int) {
	for i := range thirds {
		thirds[i] = map[int]int{}
		for until := end.Add(time.Duration(i-2) * third); time.Now().Before(until); {
			for _, pid := range append(n.workers(), n.cmd.Process.Pid) {
				thirds[i][pid] = max(thirds[i][pid], resident(pid))
			}
			<-time.After(50 * time.Millisecond)
		}
	}
	return thirds
}

// workers returns the pids of the node's children.
func (n *node) workers() (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", n.cmd.Process.Pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread that has ended has none
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	slices.Sort(pids)
	return pids
}

// resident is what a process holds of memory in bytes, 0 where it is gone.
func resident(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if fields := strings.Fields(string(text)); len(fields) > 1 {
		pages, _ := strconv.Atoi(fields[1])
		return pages * os.Getpagesize()
	}
	return 0
}
