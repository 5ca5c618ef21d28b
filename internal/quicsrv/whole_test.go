package quicsrv

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// wholeSite answers with as many bytes as the path says, and tells what Send said.
func wholeSite(content []byte, stall time.Duration) (http.HandlerFunc, chan error) {
	send, failed := new(Whole), make(chan error, 16)
	return func(w http.ResponseWriter, r *http.Request) {
		body := content
		if n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/")); err == nil {
			body = content[:n]
		}
		w.Header()["X-Of-The-Writer"] = []string{"one", "two"}
		fields := send.AppendField(nil, ":status", "200")
		fields = send.AppendField(fields, "content-length", strconv.Itoa(len(body)))
		fields = send.AppendField(fields, "x-long", strings.Repeat("Wert ", 60))
		taken, err := send.Send(w, fields, body, stall)
		if !taken {
			_, err = w.Write([]byte("not taken"))
		}
		failed <- err
	}, failed
}

func TestAnswerIsSentWhole(t *testing.T) {
	content := make([]byte, 300_000)
	rand.Read(content)
	handler, failed := wholeSite(content, patience)
	s, cert := start(t, handler, nil)
	for name, conf := range map[string]*quic.Config{
		"at once":          nil,
		"little by little": {InitialStreamReceiveWindow: 2000, MaxStreamReceiveWindow: 2000, InitialConnectionReceiveWindow: 4000, MaxConnectionReceiveWindow: 4000},
	} {
		conn, err := dialQUIC(t, s.Addr().String(), cert, conf)
		if err != nil {
			t.Fatal(err)
		}
		client := clientOver(t, conn)
		for _, size := range []int{0, 1, 63, 1000, 1452, 4096, 16384, 300_000} {
			resp, err := client.Get("https://localhost/" + strconv.Itoa(size))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			err = errors.Join(err, resp.Body.Close())
			if err != nil || !bytes.Equal(got, content[:size]) || resp.ContentLength != int64(size) {
				t.Errorf("%s, %d bytes: got %d, %v, length %d", name, size, len(got), err, resp.ContentLength)
			}
			if h := resp.Header; len(h["X-Of-The-Writer"]) != 2 || len(h.Get("X-Long")) != 300 {
				t.Errorf("%s, %d bytes: header %v", name, size, h)
			}
			if err := <-failed; err != nil {
				t.Errorf("%s, %d bytes: %v", name, size, err)
			}
		}
	}
}

func TestHeadOfAWholeAnswerHasNoBody(t *testing.T) {
	send := new(Whole)
	s, cert := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fields := send.AppendField(send.AppendField(nil, ":status", "200"), "content-length", "1000")
		if taken, err := send.Send(w, fields, nil, patience); !taken || err != nil {
			t.Errorf("taken %v, %v", taken, err)
		}
	}), nil)
	conn, err := dialQUIC(t, s.Addr().String(), cert, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := clientOver(t, conn).Head("https://localhost/")
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.ContentLength != 1000 {
		t.Errorf("length %d, %v", resp.ContentLength, err)
	}
}

func TestClientThatTakesNothingOfAWholeAnswerIsCutOff(t *testing.T) {
	handler, failed := wholeSite(make([]byte, 300_000), 50*time.Millisecond)
	s, cert := start(t, handler, nil)
	conn, err := dialQUIC(t, s.Addr().String(), cert, &quic.Config{InitialStreamReceiveWindow: 1000, MaxStreamReceiveWindow: 1000})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := clientOver(t, conn).Get("https://localhost/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the server says %v", err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("%d bytes are taken for the whole", n)
	}
}

func TestAnswerOverTCPIsNotSentWhole(t *testing.T) {
	handler, failed := wholeSite(nil, patience)
	s, cert := start(t, handler, nil)
	direct := &http.Transport{TLSClientConfig: trust(cert)}
	defer direct.CloseIdleConnections()
	resp, err := (&http.Client{Transport: direct, Timeout: patience}).Get("https://" + s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "not taken" || <-failed != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
