package edge

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"
)

func TestClientLearnsHowTheNodeSeesIt(t *testing.T) {
	e := newEdge(t, func(cfg *Config) {
		cfg.Version = "1.2"
		cfg.Connection = func(context.Context) Connection { return Connection{RTT: 12500 * time.Microsecond} }
	})
	var got clientAnswer
	if err := json.Unmarshal(ask(e.Public(), httptest.NewRequest("GET", "/api/v1/client", nil)).Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	rtt := got.RTTms
	got.RTTms = nil
	want := clientAnswer{
		Region: "hlj-01", Version: "1.2", Protocol: "http/1.1", Address: "192.0.2.1", Class: "23/CMCC", ProvinceID: 23,
		Province: "Heilongjiang", ProvinceZH: "黑龙江", ISP: "CMCC", MTU: 1372, Source: "csv", Uploads: true,
	}
	if got != want || rtt == nil || *rtt != 12.5 {
		t.Errorf("got %+v, round trip %v", got, rtt)
	}
}

func TestPipelinesAreListed(t *testing.T) {
	w := ask(newEdge(t, nil).Public(), httptest.NewRequest("GET", "/api/v1/pipelines", nil))
	want := `{"pipelines":[{"name":"beauty_v2","summary":"smooths skin","gives":["video"]},{"name":"copy","summary":"changes nothing","gives":["video","verdicts"]}]}` + "\n"
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	none := newEdge(t, func(cfg *Config) { cfg.Processor = nil })
	if w := ask(none.Operator(), httptest.NewRequest("GET", "/api/v1/pipelines", nil)); w.Code != 503 {
		t.Errorf("without a worker: %d", w.Code)
	}
}
