package quicsrv

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
)

// The stack schedules by RFC 9218; this holds it to that through our own layers. The client's window takes far less than one answer, so
// that all are under way when the first bytes of any are read.
func TestUrgentAnswersComeFirst(t *testing.T) {
	const size = 4 << 20
	var waiting sync.WaitGroup
	const requests = 6
	waiting.Add(requests)
	s, cert := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		waiting.Done()
		waiting.Wait() // all begin to write at once
		_, _ = w.Write(make([]byte, size))
	}), nil)
	conn, err := dialQUIC(t, s.Addr().String(), cert, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := clientOver(t, conn)
	ended := make(chan string, requests)
	var all sync.WaitGroup
	for i := range requests {
		priority := map[bool]string{true: "u=7", false: "u=0"}[i < requests-1] // the urgent one is the last
		all.Go(func() { ended <- fetch(t, client, s.Addr().String(), priority) })
	}
	if first := <-ended; first != "u=0" {
		t.Errorf("an answer of %s was complete before that of u=0", first)
	}
	all.Wait()
}

func fetch(t *testing.T, client *http.Client, addr, priority string) string {
	r, err := http.NewRequest(http.MethodGet, fmt.Sprintf("https://%s/", addr), nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	r.Header.Set("Priority", priority)
	answer, err := client.Do(r)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Error(err)
	}
	return priority
}
