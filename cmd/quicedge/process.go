package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"quicedge/internal/config"
	"quicedge/internal/path"
	"quicedge/internal/pipeline"
)

// processed is the JSON answer of process.
type processed struct {
	APIVersion      string             `json:"apiVersion"`
	Pipeline        string             `json:"pipeline"`
	Format          string             `json:"format"` // of OUT: fmp4, mp4 or ts
	Width           int                `json:"width"`
	Height          int                `json:"height"`
	Frames          int64              `json:"frames"`
	AudioPackets    int64              `json:"audio_packets"`
	InBytes         int64              `json:"in_bytes"`
	OutBytes        int64              `json:"out_bytes"`
	BytesCopied     int64              `json:"bytes_copied_per_frame"` // of raw pictures, between decoder and encoder
	ElapsedMS       float64            `json:"elapsed_ms"`
	FramesPerSecond float64            `json:"frames_per_second"`
	Stages          map[string]float64 `json:"stages"`            // milliseconds
	Preview         string             `json:"preview,omitempty"` // the picture's file

	Judgement *pipeline.Judgement `json:"judgement,omitempty"` // of a pipeline that moderates
	Verdicts  []judged            `json:"verdicts,omitempty"`
}

// processing is one call of process.
type processing struct {
	in, out string
	stream  pipeline.Stream
	preview string // file of the picture; empty for none
}

func (a *app) processCmd() *cobra.Command {
	var p processing
	cmd := &cobra.Command{
		Use:   "process IN OUT",
		Short: "Run a video file through a pipeline, as the node does with an upload",
		Long: `Reads a video as the node takes it (docs/video.md), writes MP4, fragmented MP4 or MPEG-TS; audio passes through untouched. IN and OUT may
be "-", what is then printed goes to standard error. OUT appears when the whole file is done; after an error nothing is left of it.
--preview writes a PNG of the video's middle frame, before on the left and after on the right.
-o json prints: pipeline format width height frames audio_packets in_bytes out_bytes bytes_copied_per_frame elapsed_ms frames_per_second
stages (milliseconds) preview judgement verdicts.`,
		Example: "  quicedge process clip.mp4 smooth.mp4 --pipeline beauty_v2 --preview smooth.png\n" +
			"  quicedge process - - --pipeline transcode --format ts < clip.mp4 > clip.ts",
		Args: cobra.ExactArgs(2),
	}
	cmd.Flags().StringVar(&p.stream.Pipeline, "pipeline", "beauty_v2", "one of the named pipelines")
	cmd.Flags().StringVar(&p.stream.Format, "format", "", "container of OUT: "+strings.Join(pipeline.Formats(), ", ")+" (default: by its name, fmp4 for \"-\")")
	cmd.Flags().StringVar(&p.stream.Codec, "codec", "", "codec of OUT: "+strings.Join(pipeline.Codecs(), ", ")+" (default: what the pipeline says)")
	cmd.Flags().StringVar(&p.preview, "preview", "", "PNG file to write, of the middle frame before and after")
	a.flags.VideoFlags(cmd.Flags())
	a.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		p.in, p.out = args[0], args[1]
		if p.stream.Format == "" {
			p.stream.Format = formatOf(p.out)
		}
		library, err := pipeline.OpenLibrary(cfg.Pipelines, cfg.Models)
		if err != nil {
			return err
		}
		if err := p.check(library); err != nil {
			return usageError{err}
		}
		return a.process(cmd.Context(), cfg, p)
	}
	return cmd
}

func (p processing) check(library *pipeline.Library) error {
	if err := p.stream.Validate(); err != nil {
		return err
	}
	if _, err := library.Lookup(p.stream.Pipeline); err != nil {
		return err
	}
	if ext := strings.ToLower(filepath.Ext(p.preview)); p.preview != "" && ext != ".png" {
		return fmt.Errorf("--preview %s: it is a PNG file: give it a name that ends with .png", p.preview)
	}
	if p.preview != "" && slices.Contains([]string{filepath.Clean(p.in), filepath.Clean(p.out)}, filepath.Clean(p.preview)) {
		return fmt.Errorf("--preview %s: it is IN or OUT as well: name another file", p.preview)
	}
	return nil
}

// formatOf is the container that a file's name promises.
func formatOf(name string) string {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".mp4", ".m4v", ".mov":
		return pipeline.MP4
	case ".ts", ".m2ts", ".mts":
		return pipeline.MPEGTS
	}
	return pipeline.FragmentedMP4
}

func (a *app) process(ctx context.Context, cfg config.Config, p processing) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	source, err := a.openInput(p.in, p.preview != "")
	if err != nil {
		return err
	}
	defer source.close()
	target, err := createOutput(p.out, a.stdout, p.preview != "")
	if err != nil {
		return err
	}
	defer target.discard()
	pool, err := pipeline.New(ctx, pipeline.Config{
		Worker: cfg.VideoWorker, Pipelines: cfg.Pipelines, Models: cfg.Models, Workers: 1, JobTimeout: cfg.VideoTimeout, MaxInput: 1 << 40, Log: newLog(a.env, cfg),
	})
	if err != nil {
		return err
	}
	defer pool.Close(context.WithoutCancel(ctx))
	show, done := a.progress(source.size)
	stats, err := pool.Process(ctx, p.stream, source, target, show)
	done()
	if err != nil {
		return fmt.Errorf("process %s: %w", p.in, err)
	}
	unpictured := a.previewOf(ctx, pool, p, source, target, stats) // OUT is whole, with a picture or without
	if err := errors.Join(target.keep(), unpictured); err != nil {
		return err
	}
	if p.out == "-" {
		a.stdout = a.stderr // the video has taken the other
	}
	return a.report(p, stats)
}

func (a *app) report(p processing, s pipeline.Stats) error {
	r := processed{
		APIVersion: path.APIVersion, Pipeline: p.stream.Pipeline, Format: p.stream.Format, Width: s.Width, Height: s.Height, Frames: s.Frames, AudioPackets: s.AudioPackets,
		InBytes: s.InBytes, OutBytes: s.OutBytes, BytesCopied: s.BytesCopied / max(s.Frames, 1), ElapsedMS: milliseconds(s.Elapsed), FramesPerSecond: rate(s.Frames, s.Elapsed),
		Stages: map[string]float64{}, Preview: p.preview,
	}
	for stage, d := range s.Stages {
		r.Stages[stage] = milliseconds(d)
	}
	if j, ok := s.Judgement(); ok {
		r.Judgement, r.Verdicts = &j, verdictsOf(s)
	}
	return a.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "%d frames of %dx%d and %d audio packets in %.1f s (%.1f frames/s)\n", r.Frames, r.Width, r.Height, r.AudioPackets,
			r.ElapsedMS/1000, r.FramesPerSecond)
		for _, v := range s.Verdicts {
			if len(v.Flagged) > 0 {
				fmt.Fprintf(w, "%s: %s\n", v.Position, strings.Join(v.Flagged, ", "))
			}
		}
	})
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// rate is frames a second.
func rate(frames int64, took time.Duration) float64 {
	return float64(frames) / max(took.Seconds(), 1e-9)
}
