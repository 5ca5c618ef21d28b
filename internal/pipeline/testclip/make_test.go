package testclip

import "testing"

func TestClipsHaveWhatTheirSpecSays(t *testing.T) {
	for _, f := range []Format{MP4, MP4IndexLast, MP4Fragmented, MPEGTS, AnnexB, FLV} {
		t.Run(string(f), func(t *testing.T) {
			s := Spec{Width: 320, Height: 180, Seconds: 1, Audio: true, Format: f}
			info := Probe(t, Make(t, s))
			if info.Frames != s.Frames() || info.Width != 320 || info.Height != 180 || info.VideoCodec != "h264" {
				t.Errorf("clip is %+v", info)
			}
			if hasAudio := info.AudioPackets > 40; hasAudio != (f != AnnexB) {
				t.Errorf("%d audio packets", info.AudioPackets)
			}
		})
	}
}
