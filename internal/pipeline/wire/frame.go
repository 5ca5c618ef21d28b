package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

const headerSize = 5

// ErrFrame is what Reader.Next wraps when the bytes are no frame: the two ends do not speak the same protocol.
var ErrFrame = errors.New("malformed frame")

// Frame is one frame as received. The payload is valid until the next call of Next.
type Frame struct {
	Type    Type
	Payload []byte
}

// Decode reads the JSON payload of a frame into v.
func (f Frame) Decode(v any) error {
	if err := json.Unmarshal(f.Payload, v); err != nil {
		return fmt.Errorf("decode %s frame: %w: %w", f.Type, ErrFrame, err)
	}
	return nil
}

// Reader takes frames off a stream. It is for one goroutine.
type Reader struct {
	r   *bufio.Reader
	buf []byte
}

// NewReader returns a Reader over r.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, MaxPayload+headerSize)}
}

// Next returns the next frame, io.EOF at a clean end, io.ErrUnexpectedEOF inside a frame, and an error that wraps
// ErrFrame for a type or a length that the protocol does not have. It never holds more than MaxPayload bytes.
func (r *Reader) Next() (Frame, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return Frame{}, err
	}
	t, n := Type(head[0]), binary.BigEndian.Uint32(head[1:])
	if t < TypeHello || t > TypeVerdict {
		return Frame{}, fmt.Errorf("%w: type %d", ErrFrame, head[0])
	}
	if n > MaxPayload {
		return Frame{}, fmt.Errorf("%w: %s of %d bytes, the limit is %d", ErrFrame, t, n, MaxPayload)
	}
	if uint32(cap(r.buf)) < n {
		r.buf = make([]byte, n)
	}
	payload := r.buf[:n]
	if _, err := io.ReadFull(r.r, payload); err != nil {
		return Frame{}, fmt.Errorf("read %s frame: %w", t, io.ErrUnexpectedEOF)
	}
	return Frame{Type: t, Payload: payload}, nil
}

// Writer puts frames on a stream. Its methods may be called from several goroutines.
type Writer struct {
	mu  sync.Mutex
	w   io.Writer
	buf []byte
}

// NewWriter returns a Writer over w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Send writes one frame of at most MaxPayload bytes, in one write.
func (w *Writer) Send(t Type, payload []byte) error {
	if len(payload) > MaxPayload {
		return fmt.Errorf("send %s frame: %w: %d bytes, the limit is %d", t, ErrFrame, len(payload), MaxPayload)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = append(w.buf[:0], byte(t))
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(len(payload)))
	w.buf = append(w.buf, payload...)
	if _, err := w.w.Write(w.buf); err != nil {
		return fmt.Errorf("send %s frame: %w", t, err)
	}
	return nil
}

// SendJSON writes one frame whose payload is v as JSON.
func (w *Writer) SendJSON(t Type, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s frame: %w", t, err)
	}
	return w.Send(t, payload)
}

// Write sends p as Data frames: an io.Writer for the body.
func (w *Writer) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n := min(len(p)-sent, MaxPayload)
		if err := w.Send(TypeData, p[sent:sent+n]); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}
