package worker

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"quicedge/internal/pipeline/infer"
	"quicedge/internal/pipeline/wire"
	"quicedge/models"
)

// loaded are the models of a worker, by name and version.
type loaded map[string]*infer.Session

// modelError says that a model must not be used.
type modelError struct{ error }

func (e modelError) Unwrap() error { return e.error }

// learn takes a model in and answers. The error is that of the socket.
func (s *server) learn(order wire.Model) error {
	begin := time.Now()
	for _, ref := range order.Forget {
		if m, ok := s.models[ref]; ok {
			m.Close()
			delete(s.models, ref)
		}
	}
	b := &body{frames: s.in}
	m, err := readModel(order, b)
	if b.broken != nil {
		return fmt.Errorf("read model: %w", b.broken)
	}
	if err == nil {
		err = s.models.add(m, order.Graph, order.Prove)
	}
	if discarded := b.discard(); discarded != nil {
		return discarded
	}
	if err != nil {
		return s.out.SendJSON(wire.TypeFail, failure(modelError{err}))
	}
	provider, why := s.models[m.Ref()].Provider()
	graph, err := json.Marshal(s.models[m.Ref()].Graph())
	if err != nil {
		return fmt.Errorf("write what model %s takes: %w", m.Ref(), err)
	}
	return s.out.SendJSON(wire.TypeLoaded, wire.Loaded{
		Model: m.Ref(), Provider: string(provider), Why: why, Graph: graph, Elapsed: time.Since(begin),
	})
}

func readModel(order wire.Model, b *body) (m models.Model, err error) {
	if err := json.Unmarshal(order.Entry, &m); err != nil {
		return m, fmt.Errorf("read model: its entry: %w", err)
	}
	if order.Size < 0 || order.Size > models.MaxModel {
		return m, fmt.Errorf("read model %s: %d bytes: at most %d MiB are taken", m.Ref(), order.Size, models.MaxModel>>20)
	}
	m.ONNX = make([]byte, order.Size)
	if _, err := io.ReadFull(b, m.ONNX); err != nil {
		return m, fmt.Errorf("read model %s: it ends before its %d bytes: %w", m.Ref(), order.Size, err)
	}
	return m, nil
}

// add loads a model beside the others, and proves it first if asked. graph is what another worker has said of it, or empty.
func (l loaded) add(m models.Model, graph json.RawMessage, prove bool) error {
	var known *infer.Graph
	if len(graph) > 0 {
		if err := json.Unmarshal(graph, &known); err != nil {
			return fmt.Errorf("read what model %s takes: %w", m.Ref(), err)
		}
	}
	session, err := infer.Reopen(m, known)
	if err != nil {
		return err
	}
	if prove {
		if err := session.Prove(); err != nil {
			session.Close()
			return err
		}
	}
	if old, ok := l[m.Ref()]; ok {
		old.Close()
	}
	l[m.Ref()] = session
	return nil
}

// tuned is a model with the parameters of one stage. Another stage of the pipeline may have the same model with others.
type tuned struct {
	model      *infer.Session
	parameters map[string]float32
}

// use returns a model for a stage, its parameters as the pipeline has them.
func (l loaded) use(ref string, parameters map[string]float32) (tuned, error) {
	t := tuned{l[ref], parameters}
	if t.model == nil {
		return t, fmt.Errorf("use model %s: this worker has not been given it", ref)
	}
	_, err := t.session()
	return t, err
}

// session returns the model for the next picture of the stage.
func (t tuned) session() (*infer.Session, error) {
	t.model.Reset()
	for name, value := range t.parameters {
		if err := t.model.Set(name, value); err != nil {
			return nil, err
		}
	}
	return t.model, nil
}

// trim gives memory back before the worker waits, which may be for long.
func (l loaded) trim() error {
	for _, session := range l {
		if err := session.Trim(); err != nil {
			return err
		}
	}
	return nil
}

// check is --self-check: it proves every shipped model.
func check(stdout io.Writer) error {
	version, err := infer.Start()
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "onnx runtime %s ok\n", version)
	all, err := models.Shipped()
	if err != nil {
		return err
	}
	for _, m := range slices.All(all) {
		l := loaded{}
		if err := l.add(m, nil, true); err != nil {
			return err
		}
		provider, _ := l[m.Ref()].Provider()
		fmt.Fprintf(stdout, "model %s ok on %s\n", m.Ref(), provider)
		l[m.Ref()].Close()
	}
	return nil
}
