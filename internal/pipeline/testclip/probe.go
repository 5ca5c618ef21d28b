package testclip

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"quicedge/models/reference"
)

// Info is what ffprobe finds in a file, counted by reading all of it. Duration is that of the longest track; of a raw
// stream it is 0.
type Info struct {
	Frames, AudioPackets   int
	Width, Height          int
	VideoCodec, AudioCodec string
	PixelFormat            string
	Rotation               int
	Duration               time.Duration
	VideoStart, AudioStart time.Duration
}

type probed struct {
	Streams []struct {
		CodecType   string `json:"codec_type"`
		CodecName   string `json:"codec_name"`
		PixelFormat string `json:"pix_fmt"`
		Width       int    `json:"width"`
		Height      int    `json:"height"`
		Frames      string `json:"nb_read_frames"`
		Packets     string `json:"nb_read_packets"`
		Start       string `json:"start_time"`
		SideData    []struct {
			Rotation int `json:"rotation"`
		} `json:"side_data_list"`
	} `json:"streams"`
	Format struct {
		Duration string `json:"duration"`
	} `json:"format"`
}

// Probe measures a file.
func Probe(t testing.TB, path string) Info {
	t.Helper()
	out := run(t, "ffprobe", "-loglevel", "error", "-count_frames", "-count_packets", "-show_streams", "-show_format", "-of", "json", path)
	var p probed
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatalf("read ffprobe's answer: %v", err)
	}
	info := Info{Duration: seconds(p.Format.Duration)}
	for _, s := range p.Streams {
		switch s.CodecType {
		case "video":
			info.Frames, _ = strconv.Atoi(s.Frames)
			info.Width, info.Height, info.VideoCodec, info.PixelFormat = s.Width, s.Height, s.CodecName, s.PixelFormat
			info.VideoStart = seconds(s.Start)
			for _, d := range s.SideData {
				info.Rotation = d.Rotation
			}
		case "audio":
			info.AudioPackets, _ = strconv.Atoi(s.Packets)
			info.AudioCodec, info.AudioStart = s.CodecName, seconds(s.Start)
		}
	}
	return info
}

// ProbeBytes is Probe of a file that is not on disk.
func ProbeBytes(t testing.TB, content []byte) Info {
	t.Helper()
	return Probe(t, Save(t, content))
}

// Save writes content to a file in the test's folder and returns its path.
func Save(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "video.bin")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func seconds(s string) time.Duration {
	f, _ := strconv.ParseFloat(s, 64) // "N/A" is 0
	return time.Duration(f * float64(time.Second))
}

// Times returns the presentation times of the video's frames, in the order they are shown.
func Times(t testing.TB, path string) []time.Duration {
	t.Helper()
	out := run(t, "ffprobe", "-loglevel", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "json", path)
	var p struct {
		Frames []struct {
			Time string `json:"pts_time"`
		} `json:"frames"`
	}
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatalf("read ffprobe's answer: %v", err)
	}
	var times []time.Duration
	for _, f := range p.Frames {
		times = append(times, seconds(f.Time))
	}
	return times
}

// Pictures decodes the video of a file into frames of planar 4:2:0.
func Pictures(t testing.TB, path string) []reference.Frame {
	t.Helper()
	info := Probe(t, path)
	raw := run(t, "ffmpeg", "-loglevel", "error", "-nostdin", "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
	w, h := info.Width, info.Height
	var frames []reference.Frame
	for size := w * h; len(raw) >= size*3/2; raw = raw[size*3/2:] {
		frames = append(frames, reference.Frame{
			Width: w, Height: h, Stride: w, ChromaStride: w / 2,
			Y: raw[:size], Cb: raw[size : size*5/4], Cr: raw[size*5/4 : size*3/2],
		})
	}
	return frames
}

// AudioSum is a checksum of the audio packets, which does not change when they are copied to another container.
func AudioSum(t testing.TB, path string) string {
	t.Helper()
	return string(run(t, "ffmpeg", "-loglevel", "error", "-nostdin", "-i", path, "-map", "0:a", "-c", "copy", "-bsf:a", "aac_adtstoasc", "-f", "hash", "-hash", "md5", "-"))
}
