package edge

import (
	"context"
	"encoding/hex"
	"net/http"
)

// Headers of W3C Trace Context. The node answers with the second, which names the span that it gave to the request.
const (
	TraceParent   = "Traceparent"
	TraceResponse = "Traceresponse"
)

// Trace says where a request stands in a distributed trace (W3C Trace Context, level 2).
type Trace struct {
	ID     [16]byte // of the whole trace: the client's where it sent one
	Span   [8]byte  // of this node's work for the request
	Parent [8]byte  // of the client's; zero where it sent none
	Flags  byte     // the client's, of which bit 0 says that it records
}

// newTrace continues the trace that a client sent, or begins one, with random bits. What is no traceparent, or is given twice,
// counts as none.
func newTrace(h http.Header, random [24]byte) Trace {
	t := Trace{Span: [8]byte(random[16:]), Flags: 2} // an ID that is random throughout says so
	if values := h[TraceParent]; len(values) != 1 || !t.parse(values[0]) {
		t.ID = [16]byte(random[:16])
	}
	return t
}

// parse reads "00-" ID "-" parent "-" flags in lower-case hexadecimal digits. A later version may have more after a dash. ID and
// parent are not all zeros.
func (t *Trace) parse(s string) bool {
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return false
	}
	version, ok := lowerHex[[1]byte](s[:2])
	if !ok || version[0] == 0xff || len(s) > 55 && (version[0] == 0 || s[55] != '-') {
		return false
	}
	id, goodID := lowerHex[[16]byte](s[3:35])
	parent, goodParent := lowerHex[[8]byte](s[36:52])
	flags, goodFlags := lowerHex[[1]byte](s[53:55])
	if !goodID || !goodParent || !goodFlags || id == [16]byte{} || parent == [8]byte{} {
		return false
	}
	t.ID, t.Parent, t.Flags = id, parent, flags[0]&3 // the bits that this version knows
	return true
}

func lowerHex[A [1]byte | [8]byte | [16]byte](s string) (a A, ok bool) {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'F' {
			return a, false
		}
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(a) {
		return a, false
	}
	return A(b), true
}

// continued reports whether the client takes part in the trace.
func (t *Trace) continued() bool { return t.Parent != [8]byte{} }

// String is the traceparent of whatever works for this request, and its traceresponse.
func (t Trace) String() string {
	b := make([]byte, 0, 55)
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, t.ID[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, t.Span[:])
	b = append(b, '-')
	return string(hex.AppendEncode(b, []byte{t.Flags}))
}

// id is the trace's ID as logs and tracing systems write it.
func (t Trace) id() string { return hex.EncodeToString(t.ID[:]) }

// TraceOf returns the trace of the request that ctx belongs to; the zero Trace for none.
func TraceOf(ctx context.Context) Trace {
	if i, ok := ctx.Value(identityKey{}).(*identity); ok {
		return i.trace
	}
	return Trace{}
}
