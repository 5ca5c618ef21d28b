package quicsrv

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
)

// Whole sends answers over HTTP/3 that are there as a whole, by one write of fields that were encoded beforehand. Through net/http an answer
// to a small request costs more than the request: a map is filled and encoded, and the stream is written to in three pieces.
// The zero value is ready. It is safe for concurrent use.
type Whole struct {
	encoders sync.Pool // of *fieldEncoder
	buffers  sync.Pool // of *[]byte
}

// fieldEncoder encodes fields without the prefix of a section.
type fieldEncoder struct {
	to  []byte
	enc *qpack.Encoder
}

func (f *fieldEncoder) Write(p []byte) (int, error) {
	f.to = append(f.to, p...)
	return len(p), nil
}

func newFieldEncoder() *fieldEncoder {
	f := &fieldEncoder{}
	f.enc = qpack.NewEncoder(f)
	_ = f.enc.WriteField(qpack.HeaderField{Name: ":status", Value: "200"}) // takes the prefix with it
	return f
}

// AppendField appends a header field as HTTP/3 sends it (RFC 9204, with nothing but the static table). The name is in lower case.
func (s *Whole) AppendField(to []byte, name, value string) []byte {
	f, ok := s.encoders.Get().(*fieldEncoder)
	if !ok {
		f = newFieldEncoder()
	}
	f.to = to
	_ = f.enc.WriteField(qpack.HeaderField{Name: name, Value: value}) // its writer never fails
	to, f.to = f.to, nil
	s.encoders.Put(f)
	return to
}

// Send answers a request with fields, ":status" the first of them, those that the writer's header has, and a body. taken is false where it
// cannot, as over TCP: then w is as it was. Otherwise the answer is over; where there is an error, the client did not take it to its end:
// it is os.ErrDeadlineExceeded where there was no room for it within stall.
func (s *Whole) Send(w http.ResponseWriter, fields, body []byte, stall time.Duration) (taken bool, err error) {
	streamer, ok := w.(http3.HTTPStreamer)
	if !ok {
		return false, nil
	}
	if h := w.Header(); len(h) > 0 {
		fields = s.appendHeader(fields, h)
	}
	stream, err := streamer.HTTPStream()
	if err != nil {
		return false, nil
	}
	return true, finish(stream, s.write(stream.QUICStream(), fields, body, stall))
}

func (s *Whole) appendHeader(to []byte, h http.Header) []byte {
	for name, values := range h {
		for _, value := range values {
			to = s.AppendField(to, strings.ToLower(name), value)
		}
	}
	return to
}

func (s *Whole) write(to *quic.Stream, fields, body []byte, stall time.Duration) error {
	buf, ok := s.buffers.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	*buf = appendMessage((*buf)[:0], fields, body)
	err := to.TryWriteAll(*buf)
	if errors.Is(err, quic.ErrWouldBlock) {
		err = writeSlowly(to, *buf, stall)
	}
	s.buffers.Put(buf)
	return err
}

// Types of HTTP/3 frames (RFC 9114, section 7.2).
const (
	dataFrame    = 0x0
	headersFrame = 0x1
)

// emptyPrefix is that of a field section which refers to no dynamic table (RFC 9204, section 4.5.1).
const emptyPrefix = "\x00\x00"

func appendMessage(to, fields, body []byte) []byte {
	to = quicvarint.Append(to, headersFrame)
	to = quicvarint.Append(to, uint64(len(emptyPrefix)+len(fields)))
	to = append(to, emptyPrefix...)
	to = append(to, fields...)
	if len(body) == 0 {
		return to
	}
	to = quicvarint.Append(to, dataFrame)
	to = quicvarint.Append(to, uint64(len(body)))
	return append(to, body...)
}

// writeSlowly waits for flow control, which has room for most answers at once.
func writeSlowly(to *quic.Stream, message []byte, stall time.Duration) error {
	if err := to.SetWriteDeadline(time.Now().Add(stall)); err != nil {
		return err
	}
	_, err := to.Write(message)
	return err
}

// finish ends a stream as http3 does: a body of the request that nobody read is not wanted.
func finish(stream *http3.Stream, err error) error {
	if err != nil {
		stream.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
		stream.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
		return err
	}
	stream.CancelRead(quic.StreamErrorCode(http3.ErrCodeNoError))
	return stream.Close()
}
