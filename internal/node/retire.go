package node

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// hand leaves to the new process what there is one of. The locks are among that: where it dies, a node that is started again finds them
// free, however long this process keeps its connections.
func (n *Node) hand(pid int) {
	n.heir.Store(int64(pid))
	n.handed.Store(true)
	if unix, ok := n.adminAt.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false)
	}
	n.endTend()
	n.lock.Release()
	if n.plane.plane != nil {
		n.plane.plane.HandOver()
	}
	close(n.succeeded)
}

// Succeeded is closed when another process has taken over.
func (n *Node) Succeeded() <-chan struct{} { return n.succeeded }

// Retire serves the connections that this process has left, until they have ended or ctx has; Stop comes next. Operators and commands
// reach the new process from now on; what they have under way here ends in its own time, as that of clients does.
func (n *Node) Retire(ctx context.Context) {
	var operators sync.WaitGroup
	defer operators.Wait()
	for _, s := range []*http.Server{n.operator, n.admin} {
		operators.Go(func() {
			if err := shutdown(ctx, s); err != nil {
				n.log.Warn("an operator's request is cut", "error", err)
			}
		})
	}
	began := time.Now()
	if err := n.public.Retire(ctx); err != nil {
		n.log.Info("clients that are left are asked to go", "connections", n.public.Connections(), "after", time.Since(began), "because", err)
		return
	}
	n.log.Info("the last connection has ended", "after", time.Since(began))
}
