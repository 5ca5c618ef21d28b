package pipeline_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
)

func TestWhatIsNoVideoIsRefusedAndTheWorkerLives(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	worker := p.PIDs()
	noise := make([]byte, 1<<20)
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(noise)
	mp4 := testclip.Read(t, testclip.Spec{Seconds: 1, Audio: true})
	last := testclip.Read(t, testclip.Spec{Seconds: 1, Audio: true, Format: testclip.MP4IndexLast})
	for name, body := range map[string][]byte{
		"nothing":                     nil,
		"one byte":                    {0},
		"text":                        []byte(strings.Repeat("not a video, but some text. ", 1000)),
		"a web page":                  []byte("<!doctype html><html><body>" + strings.Repeat("<p>hello</p>", 5000)),
		"a playlist":                  []byte("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\n/etc/passwd\n#EXT-X-ENDLIST\n"),
		"zeros":                       make([]byte, 1<<20),
		"noise":                       noise,
		"audio only":                  testclip.Read(t, testclip.Spec{Seconds: 1, Format: testclip.AudioOnly}),
		"pcm audio":                   testclip.Read(t, testclip.Spec{Seconds: 1, Format: testclip.PCMAudio}),
		"mpeg-4 part 2":               testclip.Read(t, testclip.Spec{Seconds: 1, Codec: "mpeg4"}),
		"boxes without an end":        []byte("\x00\x00\x00\x08ftyp\xff\xff\xff\xffmdat"),
		"a box of the largest size":   []byte("\x00\x00\x00\x01ftyp\xff\xff\xff\xff\xff\xff\xff\xff"),
		"only the start of an mp4":    mp4[:40],
		"mp4 cut in its index":        mp4[:1000],
		"mp4 cut after a third":       mp4[:len(mp4)/3],
		"mp4 cut in the middle":       mp4[:len(mp4)/2],
		"mp4 without its last byte":   mp4[:len(mp4)-1],
		"late index, cut in media":    last[:len(last)/2],
		"late index, cut in index":    last[:len(last)-100],
		"late index, no last byte":    last[:len(last)-1],
		"an index that lies":          bytes.ReplaceAll(mp4, []byte("stsz"), []byte("stsx")),
		"an index of noise":           append(bytes.Clone(mp4[:200]), noise[:len(mp4)-200]...),
		"mp4 of noise after its head": append(bytes.Clone(mp4[:len(mp4)/4]), noise[:len(mp4)-len(mp4)/4]...),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := process(t, p, body)
			var media *pipeline.MediaError
			if !errors.As(err, &media) {
				t.Fatalf("Process = %v, want a MediaError", err)
			}
			if media.Stage == "" || !strings.Contains(media.Reason, "; send ") {
				t.Errorf("%q does not say what to do", media)
			}
			t.Log(media)
		})
	}
	if _, stats, err := process(t, p, mp4); err != nil || stats.Frames != 25 {
		t.Errorf("a good video after all of them: %d frames, %v", stats.Frames, err)
	}
	if now := p.PIDs(); len(now) != 1 || now[0] != worker[0] {
		t.Errorf("the worker was %v and is %v", worker, now)
	}
}

func TestCorruptVideoNeverHangsOrKillsTheWorker(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	worker := p.PIDs()
	for _, format := range []testclip.Format{testclip.MP4, testclip.MP4IndexLast, testclip.MPEGTS, testclip.AnnexB, testclip.FLV} {
		clip := testclip.Read(t, testclip.Spec{Width: 160, Height: 96, Seconds: 1, Audio: true, Format: format})
		rng := rand.New(rand.NewPCG(7, 7))
		done, refused := 0, 0
		for i := range 40 {
			body := bytes.Clone(clip)
			for range 1 + i*i/8 {
				body[rng.IntN(len(body))] ^= byte(1 + rng.IntN(255))
			}
			if i%3 == 0 {
				body = body[:rng.IntN(len(body))]
			}
			_, _, err := process(t, p, body)
			var media *pipeline.MediaError
			switch {
			case err == nil:
				done++
			case errors.As(err, &media):
				refused++
			default:
				t.Errorf("%s, attempt %d: %v", format, i, err)
			}
		}
		t.Logf("%s: %d processed in spite of it, %d refused", format, done, refused)
	}
	if now := p.PIDs(); len(now) != 1 || now[0] != worker[0] {
		t.Errorf("the worker was %v and is %v", worker, now)
	}
}

func TestTooLargeABodyIsRefused(t *testing.T) {
	p := newPool(t, pipeline.Config{MaxInput: 10000})
	for _, format := range []testclip.Format{testclip.MP4, testclip.MP4IndexLast, testclip.MPEGTS} {
		if _, _, err := process(t, p, testclip.Read(t, testclip.Spec{Seconds: 1, Format: format})); !errors.Is(err, pipeline.ErrTooLarge) {
			t.Errorf("%s: Process = %v, want ErrTooLarge", format, err)
		}
	}
}
