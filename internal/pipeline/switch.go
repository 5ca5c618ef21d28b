package pipeline

import (
	"context"
	"errors"
	"fmt"

	"quicedge/models"
)

// Library returns what is in force: pipelines and models.
func (p *Pool) Library() *Library { return p.library.Load() }

// Switch puts another version of a model in force, once it has been proven in a worker of its own. Streams that run end on the version
// they began with. The error wraps ErrUnknownModel or ErrModel, or says why it could not be tried; the old version stays.
func (p *Pool) Switch(ctx context.Context, name string, version int) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	next, err := p.Library().with(name, version)
	if err != nil {
		return fmt.Errorf("switch to model %s: %w", models.Ref(name, version), err)
	}
	if err := p.adopt(ctx, next, []models.Model{next.models[models.Ref(name, version)]}); err != nil {
		return fmt.Errorf("switch to model %s: %w", models.Ref(name, version), err)
	}
	return nil
}

// Reload reads pipelines and models again, proves the models that are new or newly needed, and puts all in force at once, the versions
// that the files say among them. After an error all stays as it was.
func (p *Pool) Reload(ctx context.Context) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	return p.reload(ctx)
}

// reload does it, for who holds changing.
func (p *Pool) reload(ctx context.Context) error {
	now := p.Library()
	next, err := p.read()
	if err != nil {
		return err
	}
	var fresh []models.Model
	for ref, m := range next.models {
		has, ok := now.models[ref]
		if ok && has.SHA256 != m.SHA256 {
			return fmt.Errorf("reload models: %s is another file than before: give it a version of its own", ref)
		}
		if !ok || p.unproven(ref) {
			fresh = append(fresh, m)
		}
	}
	return p.adopt(ctx, next, fresh)
}

// read opens the library that the files describe.
func (p *Pool) read() (l *Library, err error) {
	p.note()
	p.cfg.Reading(func() { l, err = OpenLibrary(p.cfg.Pipelines, p.cfg.Models) })
	return l, err
}

// unproven says that no worker has loaded the model.
func (p *Pool) unproven(ref string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.providers[ref]
	return !ok
}

// adopt proves models and puts a library in force.
func (p *Pool) adopt(ctx context.Context, next *Library, fresh []models.Model) error {
	if err := p.prove(ctx, fresh); err != nil {
		return err
	}
	p.library.Store(next)
	p.cfg.Log.Info("pipelines and models are in force", "models", next.summary())
	return nil
}

// prove runs models in a worker that has no job and gets none: one that a model brings down costs no stream.
func (p *Pool) prove(ctx context.Context, fresh []models.Model) error {
	if len(fresh) == 0 {
		return nil
	}
	if err := p.enter(); err != nil {
		return err
	}
	defer p.jobs.Done()
	c, err := p.spawnReady(ctx)
	if err != nil {
		return err
	}
	defer func() {
		c.kill()
		<-c.exited
	}()
	err = p.teach(ctx, c, fresh, true)
	if errors.Is(err, ErrWorkerDied) {
		err = fmt.Errorf("%w: %w", ErrModel, err)
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// Prove runs every model of the library, and returns the error of each that must not be used, by name and version.
func (p *Pool) Prove(ctx context.Context) map[string]error {
	bad := map[string]error{}
	for _, m := range p.Library().Models() {
		if err := p.prove(ctx, []models.Model{m}); err != nil {
			bad[m.Ref()] = err
		}
	}
	return bad
}

func (l *Library) summary() (refs []string) {
	for _, m := range l.needed() {
		refs = append(refs, m.Ref())
	}
	return refs
}

// ModelState is a version of a model in a pool.
type ModelState struct {
	models.Model
	InForce bool
	// Provider is where it computes, cuda or cpu, and Why why it is not cuda. Both are empty while no worker has loaded it.
	Provider, Why string
}

// Models returns every version of every model, and where it computes.
func (p *Pool) Models() []ModelState {
	l := p.Library()
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []ModelState
	for _, m := range l.Models() {
		on := p.providers[m.Ref()]
		all = append(all, ModelState{m, l.inForce[m.Name] == m.Version, on.Provider, on.Why})
	}
	return all
}
