package acme

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"go.uber.org/zap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNobodyIsAskedBeforeThereIsACertificate(t *testing.T) {
	var log bytes.Buffer
	c := Open(Settings{Domains: []string{"edge.example"}, Dir: t.TempDir(), Port: 443, Log: slog.New(slog.NewTextHandler(&log, nil))})
	defer c.Close()
	conn, peer := net.Pipe()
	defer conn.Close()
	defer peer.Close()
	for _, name := range []string{"", "edge.example", "other.example"} {
		if got := c.Get(&tls.ClientHelloInfo{ServerName: name, Conn: conn}); got != nil {
			t.Errorf("%q gets %v", name, got)
		}
	}
	if log.Len() != 0 {
		t.Errorf("it says %s", &log)
	}
}

func TestTheLogOfTheLibraryIsTheNodes(t *testing.T) {
	var out bytes.Buffer
	log := bridge(slog.New(slog.NewTextHandler(&out, nil))).With(zap.String("ca", "x"))
	log.Debug("steps")
	log.Info("more steps")
	if out.Len() != 0 {
		t.Errorf("details are told: %s", &out)
	}
	log.Warn("slow", zap.Int("try", 2))
	log.Error("refused", zap.Error(errors.New("no such account")))
	for _, want := range []string{`level=WARN msg="acme: slow" ca=x try=2`, `level=ERROR msg="acme: refused" ca=x error="no such account"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, &out)
		}
	}
}
