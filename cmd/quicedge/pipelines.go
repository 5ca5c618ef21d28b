package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"quicedge/internal/path"
	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/recipe"
)

// pipelinesAnswer is the JSON answer of pipelines list and pipelines check. It is public.
type pipelinesAnswer struct {
	APIVersion string          `json:"apiVersion"`
	Pipelines  []recipe.Recipe `json:"pipelines"`
}

func (a *app) pipelinesCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pipelines",
		Short: "Look at the video pipelines",
		Args:  needsVerb("list or check"),
		RunE:  func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(a.pipelinesListCmd(), a.pipelinesCheckCmd())
	return cmd
}

func (a *app) pipelinesListCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the pipelines that clients may ask for",
		Long:  "The pipelines of the program and of --pipelines. JSON: pipelines, each with name, summary, stages and encoder.",
		Args:  cobra.NoArgs,
	}
	a.outputFlag(cmd)
	a.flags.VideoFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		return a.listPipelines(cfg.Pipelines, cfg.Models)
	}
	return cmd
}

func (a *app) pipelinesCheckCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a file of pipelines against the models, and list what it makes",
		Long: "Takes the models of the program and of --models. Exit codes: 0 a node would take the file, 2 it is wrong: the error names line and\n" +
			"column, 1 it does not fit the models, or cannot be read. JSON: as of list.",
		Args: cobra.ExactArgs(1),
	}
	a.outputFlag(cmd)
	a.flags.VideoFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		return a.listPipelines(args[0], cfg.Models)
	}
	return cmd
}

func (a *app) listPipelines(file, folder string) error {
	library, err := pipeline.OpenLibrary(file, folder)
	if err != nil {
		return err
	}
	out := pipelinesAnswer{path.APIVersion, library.Pipelines()}
	return a.print(out, func(w io.Writer) {
		cells(w, "PIPELINE", "STAGES", "SUMMARY")
		for _, r := range out.Pipelines {
			cells(w, r.Name, stagesText(r), r.Summary)
		}
	})
}

// stagesText is the stages of a pipeline in a few words.
func stagesText(r recipe.Recipe) string {
	texts := []string{}
	for _, s := range r.Stages {
		text := string(s.Do)
		if s.Model != "" {
			text += " " + s.Model
		}
		if s.Version > 0 {
			text += fmt.Sprintf("@%d", s.Version)
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}
