package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"quicedge/internal/pipeline/wire"
	"quicedge/models"
)

// teachGrace is how long a worker may take to load a model: a large one takes seconds, and on CUDA more.
const teachGrace = time.Minute

// ErrModel is wrapped by the errors of a model that must not be used: it does not load, does not fit its contract, or gives what is
// no number.
var ErrModel = errors.New("the model is refused")

// teach gives a worker the models that it lacks. The worker's answer to a bad one wraps ErrModel; after any other error it must be
// ended. The child is the caller's alone.
func (p *Pool) teach(ctx context.Context, c *child, needed []models.Model, prove bool) error {
	for _, m := range needed {
		if c.knows[m.Ref()] && !prove {
			continue
		}
		stop := context.AfterFunc(ctx, c.kill)
		loaded, err := c.learn(m, prove, p.graphOf(m, prove), p.outdated(c, needed))
		stop()
		if err != nil {
			return err
		}
		p.ranOn(loaded)
	}
	return nil
}

// outdated names what a worker knows and no pipeline needs any more.
func (p *Pool) outdated(c *child, needed []models.Model) (refs []string) {
	wanted := map[string]bool{}
	for _, m := range needed {
		wanted[m.Ref()] = true
	}
	for _, m := range p.Library().needed() {
		wanted[m.Ref()] = true
	}
	for ref := range c.knows {
		if !wanted[ref] {
			refs = append(refs, ref)
		}
	}
	return refs
}

// learn sends one model and waits for the answer.
func (c *child) learn(m models.Model, prove bool, graph json.RawMessage, forget []string) (wire.Loaded, error) {
	var loaded wire.Loaded
	entry, err := entryOf(m)
	if err != nil {
		return loaded, err
	}
	if err := c.conn.SetDeadline(time.Now().Add(teachGrace)); err != nil {
		return loaded, err
	}
	err = c.out.SendJSON(wire.TypeModel, wire.Model{Entry: entry, Size: int64(len(m.ONNX)), Graph: graph, Prove: prove, Forget: forget})
	if err == nil {
		_, err = c.out.Write(m.ONNX)
	}
	if err == nil {
		err = c.out.Send(wire.TypeEnd, nil)
	}
	var f wire.Frame
	if err == nil {
		f, err = c.in.Next()
	}
	if err != nil {
		return loaded, c.failedToLearn(m, err)
	}
	for _, ref := range forget {
		delete(c.knows, ref)
	}
	switch f.Type {
	case wire.TypeLoaded:
		c.knows[m.Ref()] = true
		return loaded, errors.Join(f.Decode(&loaded), c.conn.SetDeadline(time.Time{}))
	case wire.TypeFail:
		var fail wire.Fail
		if err := f.Decode(&fail); err != nil {
			return loaded, err
		}
		return loaded, errors.Join(fmt.Errorf("%w: %s", ErrModel, fail.Reason), c.conn.SetDeadline(time.Time{}))
	}
	return loaded, fmt.Errorf("%w: %s from a worker that was given a model", wire.ErrFrame, f.Type)
}

// failedToLearn says why a worker did not answer. A model that ends it is a bad one.
func (c *child) failedToLearn(m models.Model, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("load model %s: %w: it was not loaded after %s", m.Ref(), ErrModel, teachGrace)
	}
	c.kill()
	why := c.state()
	if words := c.stderr.words(); words != "" {
		why += ", " + words
	}
	return fmt.Errorf("load model %s: %w (%s)", m.Ref(), ErrWorkerDied, why)
}

// graphOf is what a worker has said of a model before; a proof asks for nothing that is known.
func (p *Pool) graphOf(m models.Model, prove bool) json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	if prove {
		return nil
	}
	return p.providers[m.Ref()].Graph
}

// ranOn notes where a model computes.
func (p *Pool) ranOn(l wire.Loaded) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.providers[l.Model] = l
}
