package main

import (
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os"
	"time"

	"quicedge/internal/pipeline"
)

// gap is what lies between the two pictures of a preview, in pixels.
const gap = 8

// previewOf writes the picture of the middle frame, before and after, where one was asked for.
func (a *app) previewOf(ctx context.Context, pool *pipeline.Pool, p processing, source *input, target *output, stats pipeline.Stats) error {
	if p.preview == "" {
		return nil
	}
	after, err := pictureOf(ctx, pool, target.again, max(stats.Frames-1, 0)/2, 0)
	if err != nil {
		return fmt.Errorf("preview of %s: %w", p.out, err)
	}
	before, err := pictureOf(ctx, pool, source.file, 0, after.Time) // not by its number: a pipeline may add frames
	if err != nil {
		return fmt.Errorf("preview of %s: %w", p.in, err)
	}
	file, err := createOutput(p.preview, nil, false)
	if err != nil {
		return err
	}
	defer file.discard()
	if err := png.Encode(file, beside(before, after)); err != nil {
		return fmt.Errorf("write preview: %w", err)
	}
	return file.keep()
}

func pictureOf(ctx context.Context, pool *pipeline.Pool, f *os.File, frame int64, at time.Duration) (pipeline.Picture, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return pipeline.Picture{}, err
	}
	return pool.Picture(ctx, f, frame, at)
}

// beside puts two pictures side by side.
func beside(left, right image.Image) image.Image {
	l, r := left.Bounds(), right.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, l.Dx()+gap+r.Dx(), max(l.Dy(), r.Dy())))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(out, l.Sub(l.Min), left, l.Min, draw.Src)
	draw.Draw(out, r.Sub(r.Min).Add(image.Pt(l.Dx()+gap, 0)), right, r.Min, draw.Src)
	return out
}
