package main

import (
	"bytes"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quicedge/internal/pipeline"
)

func TestProgressFollowsTheVideoNotTheReading(t *testing.T) {
	for _, tt := range []struct {
		p     pipeline.Progress
		size  int64
		want  int
		known bool
	}{
		{pipeline.Progress{Position: 3 * time.Second, Duration: 12 * time.Second, InBytes: 100}, 100, 250, true},
		{pipeline.Progress{Position: 13 * time.Second, Duration: 12 * time.Second, InBytes: 100}, 100, 999, true},
		{pipeline.Progress{Position: 2 * time.Second, Duration: time.Second, InBytes: 40}, 100, 400, true}, // of the first fragments
		{pipeline.Progress{Position: 3 * time.Second, Duration: 12 * time.Second}, -1, 250, true},
		{pipeline.Progress{Position: -time.Second, Duration: 12 * time.Second, InBytes: 100}, 100, 0, true},
		{pipeline.Progress{Position: 3 * time.Second, InBytes: 50}, 100, 500, true},
		{pipeline.Progress{Position: 3 * time.Second, InBytes: 50}, -1, 0, false},
	} {
		if got, known := portion(tt.p, tt.size); got != tt.want || known != tt.known {
			t.Errorf("%+v of %d bytes: %d %v, want %d %v", tt.p, tt.size, got, known, tt.want, tt.known)
		}
	}
}

func TestProgressSaysFramesAndPortionOnATerminalOnly(t *testing.T) {
	for _, tt := range []struct {
		terminal bool
		size     int64
		want     []string
	}{
		{true, 1000, []string{"50 frames, 25/s", "50%"}},
		{true, -1, []string{"50 frames, 25/s"}},
		{false, 1000, nil},
	} {
		var errs bytes.Buffer
		now := began
		a := &app{env: env{stderr: &errs, terminal: tt.terminal, now: func() time.Time { return now }}}
		show, done := a.progress(tt.size)
		now = began.Add(2 * time.Second)
		if show != nil {
			show(pipeline.Progress{Frames: 50, InBytes: 500})
		}
		text := errs.String()
		done()
		for _, want := range tt.want {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in %q", want, text)
			}
		}
		if tt.want == nil && text != "" {
			t.Errorf("without a terminal: %q", text)
		}
	}
}

func TestFormatIsWhatTheNamePromises(t *testing.T) {
	for name, want := range map[string]string{"a.mp4": "mp4", "A.MOV": "mp4", "dir.ts/a.m4v": "mp4", "a.ts": "ts", "a.m2ts": "ts", "-": "fmp4", "a.fmp4": "fmp4", "a": "fmp4"} {
		if got := formatOf(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestPicturesStandSideBySide(t *testing.T) {
	plain := func(w, h int, c color.Color) image.Image {
		m := image.NewRGBA(image.Rect(0, 0, w, h))
		for i := range w * h {
			m.Set(i%w, i/w, c)
		}
		return m
	}
	red, blue, white := color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}, color.RGBA{255, 255, 255, 255}
	got := beside(plain(20, 10, red), plain(30, 12, blue))
	if got.Bounds() != image.Rect(0, 0, 20+gap+30, 12) {
		t.Fatalf("it is %v", got.Bounds())
	}
	for at, want := range map[image.Point]color.Color{{19, 9}: red, {20, 0}: white, {0, 11}: white, {20 + gap, 0}: blue, {20 + gap + 29, 11}: blue} {
		if got.At(at.X, at.Y) != want {
			t.Errorf("%v is %v, want %v", at, got.At(at.X, at.Y), want)
		}
	}
}

func TestOutputAppearsWholeOrNotAtAll(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out.mp4")
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	content := func() string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, keep := range []bool{false, true} {
		out, err := createOutput(name, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte("new")); err != nil || content() != "old" {
			t.Errorf("%v, and the file holds %q while it is written", err, content())
		}
		if keep {
			if err := out.keep(); err != nil || content() != "new" {
				t.Errorf("%v, %q", err, content())
			}
		}
		out.discard()
		if left, _ := os.ReadDir(filepath.Dir(name)); len(left) != 1 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestPipesAreCopiedForASecondReading(t *testing.T) {
	var stdout bytes.Buffer
	a := &app{env: env{stdin: strings.NewReader("video")}}
	in, err := a.openInput("-", true)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	out, err := createOutput("-", &stdout, true)
	if err != nil {
		t.Fatal(err)
	}
	defer out.discard()
	text := make([]byte, 9)
	n, _ := in.Read(text)
	if _, err := out.Write(text[:n]); err != nil || stdout.String() != "video" || in.size != -1 {
		t.Fatalf("%v, %q of %d bytes", err, stdout.String(), in.size)
	}
	for name, f := range map[string]*os.File{"in": in.file, "out": out.again} {
		if n, _ := f.ReadAt(text, 0); string(text[:n]) != "video" {
			t.Errorf("%s again is %q", name, text[:n])
		}
	}
}
