package edge

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
)

const parentOf = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestTraceIsContinuedWhereItIsOne(t *testing.T) {
	h := newEdge(t, nil).Operator()
	for name, c := range map[string]struct {
		given     []string
		continued bool
	}{
		"a parent":             {[]string{parentOf}, true},
		"of a later version":   {[]string{"cc" + parentOf[2:] + "-more"}, true},
		"none":                 {nil, false},
		"empty":                {[]string{""}, false},
		"twice":                {[]string{parentOf, parentOf}, false},
		"version ff":           {[]string{"ff" + parentOf[2:]}, false},
		"longer in version 0":  {[]string{parentOf + "-more"}, false},
		"later, no dash":       {[]string{"cc" + parentOf[2:] + "x"}, false},
		"upper case":           {[]string{strings.ToUpper(parentOf)}, false},
		"no hexadecimal digit": {[]string{strings.Replace(parentOf, "a", "g", 1)}, false},
		"trace of zeros":       {[]string{"00-00000000000000000000000000000000-b7ad6b7169203331-01"}, false},
		"parent of zeros":      {[]string{"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"}, false},
		"cut":                  {[]string{parentOf[:54]}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/livez", nil)
			r.Header[TraceParent] = c.given
			answer := ask(h, r).Header().Get(TraceResponse)
			if !c.continued {
				if answer != "" {
					t.Errorf("a client that takes part in no trace was answered with %s", answer)
				}
				return
			}
			var got Trace
			if !got.parse(answer) {
				t.Fatalf("answered with %q", answer)
			}
			if got.id() != parentOf[3:35] {
				t.Errorf("answered with %s", answer)
			}
			if answer[36:52] == parentOf[36:52] {
				t.Errorf("the node's span is the client's: %s", answer)
			}
		})
	}
}

func TestTraceReachesTheProcessor(t *testing.T) {
	var got Trace
	e := newEdge(t, func(cfg *Config) {
		cfg.Processor = fakeProcessor{synthetic: func(ctx context.Context, _ SyntheticRequest) (SyntheticResult, error) {
			got = TraceOf(ctx)
			return SyntheticResult{}, nil
		}}
	})
	r := post("/api/v1/process", "", goodBody)
	r.Header.Set(TraceParent, parentOf)
	w := ask(e.Operator(), r)
	if got.id() != parentOf[3:35] || got.Flags != 1 || got.String() != w.Header().Get(TraceResponse) {
		t.Errorf("the processor has %s, the client %s", got, w.Header().Get(TraceResponse))
	}
	if TraceOf(t.Context()) != (Trace{}) || RequestID(t.Context()) != "" {
		t.Error("a context of no request has a trace")
	}
}

func FuzzTraceParent(f *testing.F) {
	f.Add(parentOf)
	f.Add("cc" + parentOf[2:] + "-x")
	f.Fuzz(func(t *testing.T, s string) {
		var tr, again Trace
		if tr.parse(s) && (tr.ID == [16]byte{} || !again.parse("00-"+s[3:52]+"-0"+string("0123"[tr.Flags])) || again != tr) {
			t.Errorf("%q became %+v, then %+v", s, tr, again)
		}
	})
}
