package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"quicedge/internal/config"
	"quicedge/internal/path"
	"quicedge/internal/pipeline"
)

// processed is the JSON answer of process.
type processed struct {
	APIVersion   string             `json:"apiVersion"`
	Pipeline     string             `json:"pipeline"`
	Width        int                `json:"width"`
	Height       int                `json:"height"`
	Frames       int64              `json:"frames"`
	AudioPackets int64              `json:"audio_packets"`
	InBytes      int64              `json:"in_bytes"`
	OutBytes     int64              `json:"out_bytes"`
	ElapsedMS    float64            `json:"elapsed_ms"`
	BytesCopied  float64            `json:"bytes_copied_per_frame"`
	Stages       map[string]float64 `json:"stages"` // milliseconds

	Judgement *pipeline.Judgement `json:"judgement,omitempty"` // of a pipeline that moderates
	Verdicts  []pipeline.Verdict  `json:"verdicts,omitempty"`
}

func (a *app) processCmd() *cobra.Command {
	var stream pipeline.Stream
	var out, report string
	cmd := &cobra.Command{
		Use:   "process IN -o OUT",
		Short: "Run a video file through a pipeline, as the node does with an upload",
		Long: `Reads MP4, Matroska, MPEG-TS, FLV or Annex B with H.264 or H.265, writes MP4 or MPEG-TS; audio passes through untouched. IN and OUT may be "-".
OUT appears when the whole file is done; after an error nothing is left of it.
--report json prints: pipeline width height frames audio_packets in_bytes out_bytes elapsed_ms bytes_copied_per_frame stages
(milliseconds).`,
		Example: "  quicedge process clip.mp4 -o smooth.mp4 --pipeline beauty_v2",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&stream.Pipeline, "pipeline", "beauty_v2", "one of the named pipelines")
	cmd.Flags().StringVar(&stream.Format, "format", pipeline.FragmentedMP4, "how OUT is packed: "+strings.Join(pipeline.Formats(), ", "))
	cmd.Flags().StringVar(&stream.Codec, "codec", "", "codec of OUT: "+strings.Join(pipeline.Codecs(), ", ")+"; empty: what the pipeline says")
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write")
	cmd.Flags().StringVar(&report, "report", formatTable, "what to print at the end: table or json")
	a.flags.VideoFlags(cmd.Flags())
	if err := cmd.MarkFlagRequired("out"); err != nil {
		panic(err) // the flag is defined above
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		a.format = report
		if err := a.checkFormat(); err != nil {
			return err
		}
		if err := stream.Validate(); err != nil {
			return usageError{err}
		}
		library, err := pipeline.OpenLibrary(cfg.Pipelines, cfg.Models)
		if err != nil {
			return err
		}
		if _, err := library.Lookup(stream.Pipeline); err != nil {
			return usageError{err}
		}
		return a.process(cmd.Context(), cfg, args[0], out, stream)
	}
	return cmd
}

func (a *app) process(ctx context.Context, cfg config.Config, in, out string, stream pipeline.Stream) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	source, size, err := a.openInput(in)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := createOutput(out, a.stdout)
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
	show, done := a.progress(size)
	stats, err := pool.Process(ctx, stream, source, target, show)
	done()
	if err != nil {
		return fmt.Errorf("process %s: %w", in, err)
	}
	if err := target.keep(); err != nil {
		return err
	}
	if out == "-" {
		a.stdout = a.stderr // the video has taken the other
	}
	return a.report(stream.Pipeline, stats)
}

func (a *app) report(name string, s pipeline.Stats) error {
	r := processed{
		APIVersion: path.APIVersion, Pipeline: name, Width: s.Width, Height: s.Height, Frames: s.Frames, AudioPackets: s.AudioPackets,
		InBytes: s.InBytes, OutBytes: s.OutBytes, ElapsedMS: milliseconds(s.Elapsed),
		BytesCopied: float64(s.BytesCopied) / float64(max(s.Frames, 1)), Stages: map[string]float64{},
	}
	for stage, d := range s.Stages {
		r.Stages[stage] = milliseconds(d)
	}
	if j, ok := s.Judgement(); ok {
		r.Judgement, r.Verdicts = &j, s.Verdicts
	}
	return a.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "%d frames of %dx%d and %d audio packets in %.1f s (%.1f frames/s)\n", r.Frames, r.Width, r.Height, r.AudioPackets,
			r.ElapsedMS/1000, float64(r.Frames)/max(s.Elapsed.Seconds(), 1e-9))
		for _, v := range s.Verdicts {
			if len(v.Flagged) > 0 {
				fmt.Fprintf(w, "%s: %s\n", v.Position, strings.Join(v.Flagged, ", "))
			}
		}
	})
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// permille is the length of the progress bar.
const permille = 1000

// progress returns what shows progress on a terminal, and what ends it. size is that of the input in bytes, -1 for unknown.
func (a *app) progress(size int64) (show func(pipeline.Progress), done func()) {
	if !a.terminal {
		return nil, func() {}
	}
	bar := progressbar.NewOptions(permille, progressbar.OptionSetWriter(a.stderr), progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("processing"))
	show = func(p pipeline.Progress) {
		bar.Describe(fmt.Sprintf("frame %d", p.Frames))
		bar.Set(min(portion(p, size), permille-1)) // fails only when the terminal does
	}
	return show, func() { bar.Finish() }
}

// portion is how much is done, in thousandths: of the video's time where it says how long it is, else of the bytes that were
// read, which run ahead of the frames.
func portion(p pipeline.Progress, size int64) int {
	switch {
	case p.Duration > 0:
		return int(permille * p.Position / p.Duration)
	case size > 0:
		return int(permille * p.InBytes / size)
	}
	return 0
}

func (a *app) openInput(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(a.stdin), -1, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("open input: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("open input %s: a folder: name a video file", name)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}
