package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
)

// codecs are the encoders and pixel formats of the clips that are damaged.
func codecs() map[string]testclip.Spec {
	quiet := []string{"-x265-params", "log-level=error"}
	return map[string]testclip.Spec{
		"h264":        {Codec: "libx264"},
		"h264 10 bit": {Codec: "libx264", PixelFormat: "yuv420p10le"},
		"h265":        {Codec: "libx265", Extra: quiet},
		"h265 10 bit": {Codec: "libx265", PixelFormat: "yuv420p10le", Extra: quiet},
	}
}

// faultsOf are the faults that a container, or what it carries, can have.
func faultsOf(format testclip.Format) map[string]fault {
	faults := map[string]fault{
		"a byte":        sprinkled(1),
		"many bytes":    sprinkled(300),
		"cut off":       cutOff,
		"a piece again": repeated,
	}
	more := map[string]fault{}
	switch format {
	case testclip.MP4, testclip.MP4Fragmented:
		more = mp4Faults()
	case testclip.AnnexB:
		more = map[string]fault{
			"parameter sets of 1 byte": parameterSetsCut(1), "parameter sets of 3 bytes": parameterSetsCut(3), "parameter sets of 6 bytes": parameterSetsCut(6),
			"a third of the units damaged": unitsDamaged(3), "all units damaged": unitsDamaged(1),
			"units in another order": unitsShuffled, "units twice": unitsDoubled,
			"a picture of 65536x65536": hugePicture(4096, 4096), "a picture of 16x1 million": hugePicture(1, 65535), "a size that overflows": hugePicture(1<<30, 1<<30),
		}
	case testclip.MPEGTS:
		more = tsFaults()
	case testclip.FLV:
		more = map[string]fault{
			"tags of size 0":      tagSizes(func(uint32) uint32 { return 0 }),
			"tags one too long":   tagSizes(func(n uint32) uint32 { return n + 1 }),
			"tags one too short":  tagSizes(func(n uint32) uint32 { return n - 1 }),
			"tags of 16 MiB":      tagSizes(func(uint32) uint32 { return 1<<24 - 1 }),
			"tags of double size": tagSizes(func(n uint32) uint32 { return 2 * n }),
		}
	case matroska:
		segment, cluster, tracks, block := []byte{0x18, 0x53, 0x80, 0x67}, []byte{0x1f, 0x43, 0xb6, 0x75}, []byte{0x16, 0x54, 0xae, 0x6b}, []byte{0xa3}
		more = map[string]fault{
			"segment of size 0":         elementSizes(segment, 0x80),
			"clusters of unknown size":  elementSizes(cluster, 0xff),
			"clusters of size 0":        elementSizes(cluster, 0x80),
			"clusters of largest size":  elementSizes(cluster, 0x01),
			"tracks of one byte":        elementSizes(tracks, 0x81),
			"tracks of a size too long": elementSizes(tracks, 0x00),
			"blocks of one byte":        elementSizes(block, 0x81),
		}
	}
	for name, f := range more {
		faults[name] = f
	}
	return faults
}

// matroska is a clip as ffmpeg writes it.
const matroska testclip.Format = "mkv"

func mp4Faults() map[string]fault {
	faults := map[string]fault{
		"all frames at one time":            all(deltas("stts", 0), deltas("ctts", 0)),
		"B-frames without a delay":          deltas("ctts", 0),
		"frames that go back":               deltas("stts", 0xffffffff),
		"delays of hours":                   deltas("ctts", 1<<30),
		"media timescale 0":                 field("mdhd", 20, 0),
		"movie timescale 0":                 field("mvhd", 20, 0),
		"both timescales 0":                 all(field("mdhd", 20, 0), field("mvhd", 20, 0)),
		"largest timescale":                 field("mdhd", 20, 0xffffffff),
		"a picture of 65535x65535":          all(field("avc1", 32, 0xffffffff), field("hvc1", 32, 0xffffffff), field("hev1", 32, 0xffffffff)),
		"a picture of 0x0":                  all(field("avc1", 32, 0), field("hvc1", 32, 0), field("hev1", 32, 0)),
		"a decoder's settings of noise":     all(noise("avcC"), noise("hvcC")),
		"an SPS of 65535 bytes":             all(field("avcC", 13, 0xe1ffff67), field("hvcC", 31, 0xffffffff)),
		"an edit list of 4 billion entries": field("elst", 12, 0xffffffff),
		"an edit list that starts before 0": field("elst", 20, 0xfffffffe),
		"an edit list far behind the end":   field("elst", 20, 0x7fffffff),
		"an edit list of no rate":           field("elst", 24, 0),
		"edits without a length":            field("elst", 16, 0),
		"an edit list of noise":             noise("elst"),
		"a table of 4 billion chunks":       field("stco", 12, 0xffffffff),
		"chunks outside of the file":        field("stco", 16, 0xfffffff0),
		"a table of 4 billion sizes":        field("stsz", 16, 0xffffffff),
		"samples of 4 GiB":                  field("stsz", 12, 0xffffffff),
		"a fragment of 4 billion samples":   field("trun", 12, 0xffffffff),
		"a fragment of noise":               noise("trun"),
	}
	for _, kind := range []string{"moov", "trak", "mdia", "stbl", "stsd", "stsz", "stts", "mdat", "moof", "traf"} {
		faults[kind+" of size 7"] = boxSize(kind, 7)
		faults[kind+" without an end"] = boxSize(kind, 0)
		faults[kind+" of a 64-bit size that is not there"] = boxSize(kind, 1)
		faults[kind+" of the largest size"] = boxSize(kind, 0xffffffff)
		faults[kind+" one too long"] = boxGrown(kind, 1)
		faults[kind+" one too short"] = boxGrown(kind, -1)
	}
	return faults
}

func tsFaults() map[string]fault {
	random := func(p []byte, r *rand.Rand) {
		for i := range p {
			p[i] = byte(r.Uint32())
		}
	}
	return map[string]fault{
		"PES headers of noise":         packets(startsPES, func(p []byte, r *rand.Rand) { random(payload(p)[3:14], r) }),
		"PES packets of wrong length":  packets(startsPES, func(p []byte, r *rand.Rand) { random(payload(p)[4:6], r) }),
		"PES headers that are longer":  packets(startsPES, func(p []byte, _ *rand.Rand) { payload(p)[8] = 255 }),
		"times that jump":              packets(startsPES, func(p []byte, r *rand.Rand) { random(payload(p)[9:14], r) }),
		"clocks that jump":             packets(hasPCR, func(p []byte, r *rand.Rand) { random(p[6:12], r) }),
		"counters of noise":            packets(every, func(p []byte, r *rand.Rand) { p[3] = p[3]&0xf0 | byte(r.Uint32()&15) }),
		"no synchronisation":           packets(every, func(p []byte, _ *rand.Rand) { p[0] = 0 }),
		"adaptation fields too long":   packets(every, func(p []byte, _ *rand.Rand) { p[3] |= 0x20; p[4] = 255 }),
		"all packets of one programme": packets(every, func(p []byte, _ *rand.Rand) { p[1], p[2] = p[1]&0xe0, 0 }),
		"tables of noise":              packets(func(p []byte) bool { return p[1]&0x40 != 0 && !startsPES(p) }, func(p []byte, r *rand.Rand) { random(p[5:60], r) }),
	}
}

// TestFaultyVideoIsProcessedOrRefusedClearly damages clips of each codec and container in each way that its format has, and
// demands an answer that says so, from a worker that goes on.
func TestFaultyVideoIsProcessedOrRefusedClearly(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	worker := p.PIDs()
	for codec, spec := range codecs() {
		for _, format := range []testclip.Format{testclip.MP4, testclip.MP4Fragmented, testclip.AnnexB, testclip.MPEGTS, testclip.FLV, matroska} {
			if format == testclip.FLV && strings.HasPrefix(codec, "h265") {
				continue // ffmpeg of today does not write it
			}
			spec.Width, spec.Height, spec.Seconds, spec.Audio = 96, 64, 0.6, true
			clip := encoded(t, spec, format)
			t.Run(codec+" "+string(format), func(t *testing.T) {
				for name, damage := range faultsOf(format) {
					t.Run(name, func(t *testing.T) {
						mustAnswer(t, p, damage(clip, rand.New(rand.NewPCG(5, 6))))
					})
				}
			})
		}
	}
	if now := p.PIDs(); len(now) != 1 || now[0] != worker[0] {
		t.Errorf("the worker was %v and is %v", worker, now)
	}
	if _, stats, err := process(t, p, testclip.Read(t, testclip.Spec{Seconds: 1})); err != nil || stats.Frames != 25 {
		t.Errorf("a good video after all of them: %d frames, %v", stats.Frames, err)
	}
}

// encoded makes the clip; AnnexB is of the codec that the spec has.
func encoded(t *testing.T, spec testclip.Spec, format testclip.Format) []byte {
	t.Helper()
	spec.Format = format
	if format == testclip.AnnexB && spec.Codec == "libx265" {
		spec.Format, spec.Audio = "hevc", false
	}
	return testclip.Read(t, spec)
}

// mustAnswer sends a body through transcode: it is processed, or refused as what it is.
func mustAnswer(t *testing.T, p *pipeline.Pool, body []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Second, errors.New("no answer after 30 s"))
	defer cancel()
	_, err := p.Process(ctx, pipeline.Stream{Pipeline: "transcode"}, bytes.NewReader(body), io.Discard, nil)
	var media *pipeline.MediaError
	if err != nil && !errors.As(err, &media) {
		t.Errorf("Process = %v, want it done or a MediaError", err)
	}
	if media != nil && (media.Stage == "" || media.Reason == "") {
		t.Errorf("refused without a reason: %+v", media)
	}
}
