package testclip

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"quicedge/models/reference"
)

// Info is what ffprobe finds in a file, counted by reading all of it. Duration is from the first packet's time to the end of
// the last one; of a raw stream it is 0. The starts are the times of the tracks' first packets.
type Info struct {
	Frames, AudioPackets   int
	Width, Height          int
	VideoCodec, AudioCodec string
	PixelFormat            string
	PixelShape             string // width to height of a pixel
	Colours                string // range, matrix, transfer, primaries
	Rotation               int
	Duration               time.Duration
	VideoStart, AudioStart time.Duration
}

type probed struct {
	Streams []struct {
		CodecType   string `json:"codec_type"`
		CodecName   string `json:"codec_name"`
		PixelFormat string `json:"pix_fmt"`
		Shape       string `json:"sample_aspect_ratio"`
		Range       string `json:"color_range"`
		Matrix      string `json:"color_space"`
		Transfer    string `json:"color_transfer"`
		Primaries   string `json:"color_primaries"`
		Width       int    `json:"width"`
		Height      int    `json:"height"`
		Frames      string `json:"nb_read_frames"`
		Packets     string `json:"nb_read_packets"`
		SideData    []struct {
			Rotation int `json:"rotation"`
		} `json:"side_data_list"`
	} `json:"streams"`
	Packets []struct {
		CodecType string `json:"codec_type"`
		Time      string `json:"pts_time"`
		Duration  string `json:"duration_time"`
	} `json:"packets"`
}

// Probe measures a file.
func Probe(t testing.TB, path string) Info {
	t.Helper()
	out := run(t, "ffprobe", "-loglevel", "error", "-count_frames", "-count_packets", "-show_streams", "-show_packets", "-of", "json", path)
	var p probed
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatalf("read ffprobe's answer: %v", err)
	}
	info := p.times()
	for _, s := range p.Streams {
		switch s.CodecType {
		case "video":
			info.Frames, _ = strconv.Atoi(s.Frames)
			info.Width, info.Height, info.VideoCodec, info.PixelFormat = s.Width, s.Height, s.CodecName, s.PixelFormat
			info.PixelShape = s.Shape
			info.Colours = strings.Join([]string{s.Range, s.Matrix, s.Transfer, s.Primaries}, " ")
			for _, d := range s.SideData {
				info.Rotation = d.Rotation
			}
		case "audio":
			info.AudioPackets, _ = strconv.Atoi(s.Packets)
			info.AudioCodec = s.CodecName
		}
	}
	return info
}

// times finds where the tracks begin and how long they last together.
func (p probed) times() Info {
	var info Info
	first, last := time.Duration(math.MaxInt64), time.Duration(math.MinInt64)
	starts := map[string]time.Duration{}
	for _, packet := range p.Packets {
		if packet.Time == "" {
			continue
		}
		at := seconds(packet.Time)
		if start, begun := starts[packet.CodecType]; !begun || at < start {
			starts[packet.CodecType] = at
		}
		first, last = min(first, at), max(last, at+seconds(packet.Duration))
	}
	info.VideoStart, info.AudioStart = starts["video"], starts["audio"]
	if len(starts) > 0 {
		info.Duration = last - first
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
	args := []string{"-loglevel", "error", "-nostdin", "-i", path, "-map", "0:a", "-c", "copy"}
	if Probe(t, path).AudioCodec == "aac" {
		args = append(args, "-bsf:a", "aac_adtstoasc")
	}
	return string(run(t, "ffmpeg", append(args, "-f", "hash", "-hash", "md5", "-")...))
}
