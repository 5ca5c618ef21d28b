package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quicedge/internal/config"
	"quicedge/internal/path"
	"quicedge/internal/pipeline"
	"quicedge/models"
)

// modelsAnswer is the JSON answer of models list and models verify. It and its parts are public.
type modelsAnswer struct {
	APIVersion string       `json:"apiVersion"`
	Models     []modelState `json:"models"`
}

// modelState is an entry of the manifest, and what is known beside it.
type modelState struct {
	models.Model
	InForce  bool   `json:"in_force"`
	Provider string `json:"provider,omitempty"` // verify: where it computes, cuda or cpu
	Why      string `json:"why,omitempty"`      // verify: it is not cuda
	Error    string `json:"error,omitempty"`    // verify: why it must not be used
}

func (a *app) modelsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "models",
		Short: "Look at the models of the video pipelines",
		Args:  needsVerb("list or verify"),
		RunE:  func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(a.modelsListCmd(), a.modelsVerifyCmd())
	return cmd
}

func (a *app) modelsListCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List every version of every model, after a check of manifest and sums",
		Long:  "The models of the program and of --models. JSON: models, each with the entry of its manifest and in_force.",
		Args:  cobra.NoArgs,
	}
	a.outputFlag(cmd)
	a.flags.VideoFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		library, err := pipeline.OpenLibrary(cfg.Pipelines, cfg.Models)
		if err != nil {
			return err
		}
		out := modelsAnswer{APIVersion: path.APIVersion}
		for _, m := range library.Models() {
			out.Models = append(out.Models, modelState{Model: m, InForce: library.InForce(m.Name) == m.Version})
		}
		return a.print(out, func(w io.Writer) {
			cells(w, "MODEL", "VERSION", "IN FORCE", "INPUT", "GIVES", "BYTES", "SUMMARY")
			for _, m := range out.Models {
				cells(w, m.Name, m.Version, yesNo(m.InForce), inputText(m.Input), m.Output.Use, len(m.ONNX), m.Summary)
			}
		})
	}
	return cmd
}

func yesNo(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}

func inputText(in models.Input) string {
	size := "any size"
	if in.Width > 0 {
		size = fmt.Sprintf("%dx%d", in.Width, in.Height)
	}
	return fmt.Sprintf("%s %s %s %s, %s", in.Colour, in.Layout, in.Type, in.Range, size)
}

func (a *app) modelsVerifyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Load and run every model in a worker, as a node does before it uses one",
		Long: "The models of the program and of --models. JSON: as of list, with provider, why and error.\n\n" +
			"Exit codes: 0 all may be used, 1 one must not be, or nothing could be tried.",
		Args: cobra.NoArgs,
	}
	a.outputFlag(cmd)
	a.flags.VideoFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		return a.verifyModels(cmd.Context(), cfg)
	}
	return cmd
}

func (a *app) verifyModels(ctx context.Context, cfg config.Config) error {
	pool, err := pipeline.New(ctx, pipeline.Config{
		Worker: cfg.VideoWorker, Models: cfg.Models, Workers: 1, Log: newLog(a.env, cfg),
	})
	if err != nil {
		return err
	}
	defer pool.Close(context.WithoutCancel(ctx))
	bad := pool.Prove(ctx)
	out := modelsAnswer{APIVersion: path.APIVersion}
	for _, m := range pool.Models() {
		state := modelState{Model: m.Model, InForce: m.InForce, Provider: m.Provider, Why: m.Why}
		if err := bad[m.Ref()]; err != nil {
			state.Error = err.Error()
		}
		out.Models = append(out.Models, state)
	}
	err = a.print(out, func(w io.Writer) {
		cells(w, "MODEL", "VERSION", "IN FORCE", "RUNS ON", "RESULT")
		for _, m := range out.Models {
			result := "ok"
			if m.Error != "" {
				result = m.Error
			}
			cells(w, m.Name, m.Version, yesNo(m.InForce), m.Provider, result)
		}
	})
	if len(bad) > 0 {
		err = errors.Join(err, fmt.Errorf("%d of %d models must not be used", len(bad), len(out.Models)))
	}
	return err
}
