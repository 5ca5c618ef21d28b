package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"quicedge/internal/pipeline/recipe"
	"quicedge/internal/pipeline/wire"
	"quicedge/models"
)

// Library is the pipelines that clients may ask for, the models that they need, and which version of each is in force. It does
// not change: a switch makes another.
type Library struct {
	recipes map[string]recipe.Recipe
	models  map[string]models.Model // by name and version
	inForce map[string]int
}

// OpenLibrary reads what is in the program, and on top of it an operator's file of pipelines and folder of models; empty names are
// none. The error names the file, the place and what to do.
func OpenLibrary(pipelines, folder string) (*Library, error) {
	l := &Library{models: map[string]models.Model{}, inForce: map[string]int{}}
	all, err := models.Shipped()
	if err != nil {
		return nil, err
	}
	if err := l.add(all); err != nil {
		return nil, err
	}
	if folder != "" {
		if all, err = models.Load(folder); err != nil {
			return nil, err
		}
		if err := l.add(all); err != nil {
			return nil, fmt.Errorf("read models of %s: %w", folder, err)
		}
	}
	if l.recipes, err = recipe.Load(pipelines); err != nil {
		return nil, err
	}
	return l, l.fit()
}

// add puts models in, and in force: of each name the one that is marked, else the highest version.
func (l *Library) add(all []models.Model) error {
	for _, m := range all {
		if has, ok := l.models[m.Ref()]; ok && has.SHA256 != m.SHA256 {
			return fmt.Errorf("model %s: another of this version is there already: give it a version of its own", m.Ref())
		}
		l.models[m.Ref()] = m
		l.inForce[m.Name] = max(l.inForce[m.Name], m.Version)
	}
	for _, m := range all {
		if m.Default {
			l.inForce[m.Name] = m.Version
		}
	}
	return nil
}

// fit checks every pipeline against the models.
func (l *Library) fit() error {
	for _, name := range l.Names() {
		if err := l.recipes[name].Fits(l.models, l.inForce); err != nil {
			return err
		}
	}
	return nil
}

// Names returns the names of the pipelines, sorted.
func (l *Library) Names() []string { return slices.Sorted(maps.Keys(l.recipes)) }

// Pipelines returns the pipelines, sorted by name.
func (l *Library) Pipelines() []recipe.Recipe {
	var all []recipe.Recipe
	for _, name := range l.Names() {
		all = append(all, l.recipes[name])
	}
	return all
}

// Models returns every version of every model, by name and version.
func (l *Library) Models() []models.Model {
	return slices.SortedFunc(maps.Values(l.models), func(a, b models.Model) int {
		if a.Name != b.Name {
			return strings.Compare(a.Name, b.Name)
		}
		return a.Version - b.Version
	})
}

// InForce returns the version of a model that pipelines use which name none; 0 where there is no such model.
func (l *Library) InForce(model string) int { return l.inForce[model] }

// Lookup returns the pipeline of that name, with every model's version. The error wraps ErrUnknownPipeline and lists the known names.
func (l *Library) Lookup(name string) (recipe.Recipe, error) {
	r, ok := l.recipes[name]
	if !ok {
		return r, &UnknownPipelineError{Name: name, Known: l.Names()}
	}
	return r.WithVersions(l.inForce)
}

// ErrUnknownModel is wrapped by the error of a switch to a model or a version that is not there.
var ErrUnknownModel = errors.New("unknown model")

// with returns the library with another version of a model in force.
func (l *Library) with(name string, version int) (*Library, error) {
	if _, ok := l.models[models.Ref(name, version)]; !ok {
		return nil, fmt.Errorf("%w %s: put it into the folder of models, and reload", ErrUnknownModel, models.Ref(name, version))
	}
	next := &Library{recipes: l.recipes, models: l.models, inForce: maps.Clone(l.inForce)}
	next.inForce[name] = version
	return next, next.fit()
}

// needed returns the models that the pipelines use now.
func (l *Library) needed() []models.Model {
	refs := map[string]bool{}
	for _, r := range l.recipes {
		for _, ref := range refsOf(r, l.inForce) {
			refs[ref] = true
		}
	}
	var all []models.Model
	for _, ref := range slices.Sorted(maps.Keys(refs)) {
		all = append(all, l.models[ref])
	}
	return all
}

func refsOf(r recipe.Recipe, inForce map[string]int) (refs []string) {
	for _, s := range r.Models() {
		version := s.Version
		if version == 0 {
			version = inForce[s.Model]
		}
		refs = append(refs, models.Ref(s.Model, version))
	}
	return refs
}

// order makes a job of a pipeline, and names the models that it needs. A pattern or a picture goes through none.
func (l *Library) order(job wire.Job) (wire.Job, []models.Model, error) {
	if job.Kind == wire.KindPattern || job.Kind == wire.KindPicture {
		return job, nil, nil
	}
	r, err := l.Lookup(job.Pipeline)
	if err != nil {
		return job, nil, err
	}
	if job.Recipe, err = r.Encode(); err != nil {
		return job, nil, fmt.Errorf("write pipeline %s: %w", r.Name, err)
	}
	var needed []models.Model
	for _, ref := range refsOf(r, l.inForce) {
		needed = append(needed, l.models[ref])
	}
	return job, needed, nil
}

func entryOf(m models.Model) (json.RawMessage, error) { return json.Marshal(m) }
