package lab

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"time"

	"github.com/quic-go/quic-go"
)

// Fetch is what a client saw of one download on a connection of its own.
type Fetch struct {
	Handshake time.Duration // from the first packet until the handshake was done; 0: it failed
	FirstByte time.Duration // from the first packet until the first byte of the body; 0: none came
	Took      time.Duration // from the request to the last byte that came
	Bytes     int64         // of the body
	Err       error         // why it is not whole
}

// Goodput returns bits of the body a second, from the request on.
func (f Fetch) Goodput() float64 {
	if f.Took <= 0 {
		return 0
	}
	return float64(f.Bytes) * 8 / f.Took.Seconds()
}

// ErrStalled says that nothing came for as long as the caller waits.
var ErrStalled = errors.New("stalled")

// Fetch downloads a path from a client's address. It gives up after stall without any byte, and calls progress, where it is not nil,
// whenever some of the body has come.
func (l *Lab) Fetch(ctx context.Context, from netip.Addr, conf *quic.Config, path string, stall time.Duration, progress func(at time.Time)) (f Fetch) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(stall, func() { cancel(ErrStalled) })
	defer watch.Stop()
	begun := time.Now()
	conn, err := l.Dial(ctx, from, conf)
	if err != nil {
		f.Err = err
		return f
	}
	f.Handshake = time.Since(begun)
	watch.Reset(stall)
	f.Err = errors.Join(f.download(ctx, conn, begun, path, func(at time.Time) {
		watch.Reset(stall)
		if progress != nil {
			progress(at)
		}
	}), conn.Close())
	if f.Err != nil && context.Cause(ctx) != nil {
		f.Err = errors.Join(context.Cause(ctx), f.Err)
	}
	return f
}

func (f *Fetch) download(ctx context.Context, conn *Conn, begun time.Time, path string, progress func(time.Time)) error {
	asked := time.Now()
	resp, err := conn.Get(ctx, path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(b)
		if n > 0 {
			now := time.Now()
			if f.Bytes == 0 {
				f.FirstByte = now.Sub(begun)
			}
			f.Bytes += int64(n)
			f.Took = now.Sub(asked)
			progress(now)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
