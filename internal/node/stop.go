package node

import (
	"context"
	"errors"
	"net/http"

	"quicedge/internal/adminsocket"
)

// Stop refuses new work, lets requests in progress end until ctx does, then takes everything down, the data plane included.
// The operators' port answers to the end, so that /readyz can say that the node drains.
func (n *Node) Stop(ctx context.Context) error {
	n.draining.Store(true)
	n.endUpgrades()
	n.upgrading.Lock() // where the other process has taken over by now, it has the data plane
	defer n.upgrading.Unlock()
	var errs []error
	if n.public != nil {
		errs = append(errs, n.public.Drain(ctx))
	}
	for _, s := range []*http.Server{n.operator, n.admin} {
		if s != nil {
			errs = append(errs, shutdown(ctx, s))
		}
	}
	errs = append(errs, n.closeParts(ctx)...)
	n.endLife()
	return errors.Join(errs...)
}

// closeParts closes what the servers used, in the opposite order of the start.
func (n *Node) closeParts(ctx context.Context) (errs []error) {
	if n.edge != nil {
		errs = append(errs, n.edge.Close())
	}
	if n.sockets != nil {
		errs = append(errs, n.sockets.Close()) // of a start that did not get as far as its server
	}
	n.stopLoop()
	n.closeACME()
	errs = append(errs, n.activated.close())
	errs = append(errs, n.steers.close(), n.detach(ctx))
	if n.video != nil {
		errs = append(errs, n.video.close(ctx))
	}
	errs = append(errs, n.resume.close())
	if n.operatorAt != nil {
		n.operatorAt.Close() // already closed where its server ran
	}
	if n.adminAt != nil {
		n.adminAt.Close() // this too; it removes the socket's file
	}
	n.lock.Release()
	if n.estate != nil {
		errs = append(errs, n.estate.Close())
	}
	return errs
}

// shutdown drains a plain HTTP server and cuts what is left at the end of ctx.
func shutdown(ctx context.Context, s *http.Server) error {
	err := s.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.Close())
	}
	return err
}

var _ adminsocket.Node = (*Node)(nil)
