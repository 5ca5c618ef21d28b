package edge

import (
	"errors"
	"net/http/httptest"
	"reflect"
	"testing"
)

func TestStreamIsPackedAsItsClientAsks(t *testing.T) {
	for name, tc := range map[string]struct {
		query, accept string
		want          StreamRequest
		code          string
	}{
		"nothing":                    {"", "", StreamRequest{Format: "fmp4"}, ""},
		"anything":                   {"", "*/*", StreamRequest{Format: "fmp4"}, ""},
		"any video":                  {"", "video/*;q=0.8", StreamRequest{Format: "fmp4"}, ""},
		"mp4":                        {"", "video/mp4", StreamRequest{Format: "fmp4"}, ""},
		"mpeg-ts":                    {"", "video/mp2t", StreamRequest{Format: "ts"}, ""},
		"mpeg-ts, then anything":     {"", "text/html, video/MP2T, */*;q=0.1", StreamRequest{Format: "ts"}, ""},
		"anything but mpeg-ts":       {"", "video/mp2t;q=0.0, */*", StreamRequest{Format: "fmp4"}, ""},
		"the parameter before":       {"format=mp4", "video/mp2t", StreamRequest{Format: "mp4"}, ""},
		"codec":                      {"codec=h265", "", StreamRequest{Format: "fmp4", Codec: "h265"}, ""},
		"only what there is not":     {"", "video/webm", StreamRequest{}, "not_acceptable"},
		"a format that there is not": {"format=avi", "", StreamRequest{}, "invalid_value"},
		"a codec that there is not":  {"codec=vp8", "", StreamRequest{}, "invalid_value"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/api/v1/streams/a?pipeline=copy&"+tc.query, nil)
			if tc.accept != "" {
				r.Header.Set("Accept", tc.accept)
			}
			got, err := newEdge(t, nil).wanted(r)
			if tc.code != "" {
				var e *Error
				if !errors.As(err, &e) || e.Code != tc.code {
					t.Fatalf("wanted = %v, want %s", err, tc.code)
				}
				return
			}
			tc.want.Pipeline = "copy"
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("wanted = %+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
}
