package infer

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"quicedge/models"
)

// load makes the session, on CUDA where the model wants it and the library offers it.
func (s *Session) load() error {
	want := s.model.Options.Provider
	if want == models.CPU {
		s.why = "the manifest says cpu"
		return s.loadOn(models.CPU)
	}
	err := s.loadOnCUDA()
	if err == nil || want == models.CUDA {
		return err
	}
	s.why = err.Error()
	return s.loadOn(models.CPU)
}

func (s *Session) loadOnCUDA() error {
	// A confined worker reaches the folder of a library with CUDA, and of one without only what it has loaded of it.
	if library, err := FindLibrary(); err != nil || !OffersCUDA(library) {
		return fmt.Errorf("no %s beside ONNX Runtime: install a build with CUDA, or let the model run on the CPU", cudaName)
	}
	return s.loadOn(models.CUDA)
}

func (s *Session) loadOn(p models.Provider) error {
	o, err := sessionOptions(s.model.Options, p)
	if err != nil {
		return err
	}
	defer destroy(o)
	s.session, err = ort.NewDynamicAdvancedSessionWithONNXData(s.model.ONNX, s.takes, []string{s.model.Output.Name}, o)
	if err != nil {
		return fmt.Errorf("make onnx session on %s: %w", p, err)
	}
	s.provider = p
	return nil
}

func sessionOptions(want models.Options, p models.Provider) (*ort.SessionOptions, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("set up onnx session: %w", err)
	}
	levels := map[string]ort.GraphOptimizationLevel{
		"": ort.GraphOptimizationLevelEnableAll, "all": ort.GraphOptimizationLevelEnableAll,
		"extended": ort.GraphOptimizationLevelEnableExtended, "basic": ort.GraphOptimizationLevelEnableBasic,
		"none": ort.GraphOptimizationLevelDisableAll,
	}
	// Spinning threads wait for work at full speed: twice the CPU for the same picture.
	spin := "0"
	if want.Spin {
		spin = "1"
	}
	for _, set := range []func() error{
		func() error { return o.SetIntraOpNumThreads(max(want.Threads, 1)) },
		func() error { return o.SetInterOpNumThreads(1) },
		func() error { return o.SetGraphOptimizationLevel(levels[want.Graph]) },
		func() error { return o.SetCpuMemArena(!want.NoArena) },
		func() error { return o.AddSessionConfigEntry("session.intra_op.allow_spinning", spin) },
		func() error { return addProvider(o, p) },
	} {
		if err := set(); err != nil {
			destroy(o)
			return nil, fmt.Errorf("set up onnx session on %s: %w", p, err)
		}
	}
	return o, nil
}

func addProvider(o *ort.SessionOptions, p models.Provider) error {
	if p != models.CUDA {
		return nil
	}
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer destroy(cuda)
	return o.AppendExecutionProviderCUDA(cuda)
}
