package pipeline

import (
	"errors"
	"fmt"
	"io"
	"time"

	"quicedge/internal/pipeline/wire"
)

// feed sends the body until it ends, the job is over or the worker is gone.
func (x *exchange) feed() {
	buf := make([]byte, wire.MaxPayload)
	var total int64
	for {
		n, err := x.in.Read(buf)
		total += int64(n)
		if limit := x.pool.cfg.MaxInput; total > limit {
			x.giveUp(fmt.Errorf("%w: the limit is %d bytes; send a shorter one", ErrTooLarge, limit))
			return
		}
		if n > 0 && !x.send(wire.TypeData, buf[:n]) {
			return
		}
		if errors.Is(err, io.EOF) {
			x.send(wire.TypeEnd, nil)
			return
		}
		if err != nil {
			x.giveUp(fmt.Errorf("read video: %w", err))
			return
		}
	}
}

// send passes a frame of the body on; false means that no more is wanted.
func (x *exchange) send(t wire.Type, payload []byte) bool {
	x.sendMu.Lock()
	defer x.sendMu.Unlock()
	if x.over {
		return false
	}
	if x.child.drained() { // a worker that leaves its body unread is no livelier for what is sent to it
		x.watchdog.Reset(x.pool.cfg.StallTimeout)
	}
	err := x.child.out.Send(t, payload)
	x.over = t == wire.TypeEnd || err != nil
	x.ended = t == wire.TypeEnd && err == nil
	return err == nil // the receiving side sees a broken socket too
}

// giveUp is fail, unless the job is over: a late error of a body that nobody waits for must not end a worker.
func (x *exchange) giveUp(cause error) {
	x.sendMu.Lock()
	defer x.sendMu.Unlock()
	if !x.over {
		x.over = true
		x.fail(cause)
	}
}

// finish tells the worker that no more of the body comes, if it has not been told.
func (x *exchange) finish() {
	_ = x.child.conn.SetWriteDeadline(time.Now().Add(time.Second)) // it discards what is in flight: milliseconds
	x.sendMu.Lock()
	defer x.sendMu.Unlock()
	if !x.over {
		x.over = true
		x.ended = x.child.out.Send(wire.TypeEnd, nil) == nil
	}
	_ = x.child.conn.SetWriteDeadline(time.Time{})
}
