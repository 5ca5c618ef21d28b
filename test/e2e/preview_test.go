package e2e

import (
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"quicedge/internal/netnstest"
	"quicedge/internal/pipeline/testclip"
)

func decodePNG(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sideBySide compares a preview with what the ffmpeg command shows of the same frame of two videos.
func sideBySide(t *testing.T, preview, before, after string, frame int) {
	t.Helper()
	got := decodePNG(t, preview)
	left, right := still(t, before, frame), still(t, after, frame)
	l, r := left.Bounds(), right.Bounds()
	gap := got.Bounds().Dx() - l.Dx() - r.Dx()
	if gap < 1 || gap > 16 || got.Bounds().Dy() != max(l.Dy(), r.Dy()) {
		t.Fatalf("the preview is %v, of %v and %v", got.Bounds(), l, r)
	}
	for name, off := range map[string]float64{"before": apart(got, 0, left), "after": apart(got, l.Dx()+gap, right)} {
		if off > 3 {
			t.Errorf("%s: %.1f levels apart from ffmpeg's", name, off)
		}
	}
	if same := apart(got, 0, right); same < 1 {
		t.Errorf("before is after: %.2f levels apart", same)
	}
}

// still is a frame of a video as the ffmpeg command shows it.
func still(t *testing.T, video string, frame int) image.Image {
	t.Helper()
	path := filepath.Join(t.TempDir(), "still.png")
	cmd := exec.Command("ffmpeg", "-v", "error", "-y", "-i", video, "-vf", `select=eq(n\,`+strconv.Itoa(frame)+")", "-frames:v", "1", path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return decodePNG(t, path)
}

// apart is the mean difference of two pictures in levels of 255, where b lies in a from x on.
func apart(a image.Image, x int, b image.Image) float64 {
	var sum float64
	size := b.Bounds()
	for y := range size.Dy() {
		for i := range size.Dx() {
			p, q := color.RGBAModel.Convert(a.At(x+i, y)).(color.RGBA), color.RGBAModel.Convert(b.At(i, y)).(color.RGBA)
			sum += math.Abs(float64(p.R)-float64(q.R)) + math.Abs(float64(p.G)-float64(q.G)) + math.Abs(float64(p.B)-float64(q.B))
		}
	}
	return sum / float64(3*size.Dx()*size.Dy())
}

// TestPreviewIsUprightAndInTheRightColours takes videos whose pictures are not as they lie in the file.
func TestPreviewIsUprightAndInTheRightColours(t *testing.T) {
	n := place(t, netnstest.New(t))
	for name, spec := range map[string]testclip.Spec{
		"turned right": {Extra: []string{"-metadata:s:v:0", "rotate=270"}},
		"turned left":  {Extra: []string{"-metadata:s:v:0", "rotate=90"}},
		"upside down":  {Extra: []string{"-metadata:s:v:0", "rotate=180"}},
		"full range":   {PixelFormat: "yuvj420p"},
		"BT.709":       {Extra: []string{"-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			in, out, picture := testclip.Make(t, spec), filepath.Join(dir, "out.mp4"), filepath.Join(dir, "p.png")
			if code, _, errs := n.run("process", in, out, "--preview", picture); code != 0 {
				t.Fatalf("exit %d: %s", code, errs)
			}
			sideBySide(t, picture, in, out, (spec.Frames()-1)/2)
		})
	}
}

// TestPreviewThatCannotBeWrittenLeavesTheVideo says what is wrong with the picture, and keeps the work.
func TestPreviewThatCannotBeWrittenLeavesTheVideo(t *testing.T) {
	n := place(t, netnstest.New(t))
	in, out := testclip.Make(t, testclip.Spec{}), filepath.Join(t.TempDir(), "out.mp4")
	code, _, errs := n.run("process", in, out, "--preview", filepath.Join(t.TempDir(), "missing", "p.png"))
	if code != 1 || len(errs) == 0 {
		t.Errorf("exit %d: %s", code, errs)
	}
	sameMedia(t, in, out)
}
