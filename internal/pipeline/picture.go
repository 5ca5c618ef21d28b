package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"time"

	"quicedge/internal/pipeline/wire"
)

// Picture is one frame of a video, upright.
type Picture struct {
	image.Image
	Time time.Duration // in the video
}

// Picture returns the first frame of the video of in that has at least the number frame, from 0, and the time at. Errors are those
// of Process; a video without such a frame is a *MediaError.
func (p *Pool) Picture(ctx context.Context, in io.Reader, frame int64, at time.Duration) (Picture, error) {
	var rgb bytes.Buffer
	job := wire.Job{Kind: wire.KindPicture, MaxInput: p.cfg.MaxInput, Frame: frame, At: at}
	done, _, err := p.give(ctx, job, in, &rgb, nil)
	if err == nil && rgb.Len() != done.Width*done.Height*3 {
		err = fmt.Errorf("%w: a picture of %dx%d in %d bytes", wire.ErrFrame, done.Width, done.Height, rgb.Len())
	}
	if err != nil {
		return Picture{}, fmt.Errorf("take picture: %w", err)
	}
	return Picture{Image: turned(rgb.Bytes(), done.Width, done.Height, done.Rotate), Time: done.At}, nil
}

// turned makes an image of rows of red, green and blue, turned clockwise by so many degrees.
func turned(rgb []byte, width, height, degrees int) image.Image {
	size := image.Rect(0, 0, width, height)
	if degrees%180 != 0 {
		size = image.Rect(0, 0, height, width)
	}
	out := image.NewRGBA(size)
	for y := range height {
		for x := range width {
			to := y*out.Stride + 4*x
			switch degrees {
			case 90:
				to = x*out.Stride + 4*(height-1-y)
			case 180:
				to = (height-1-y)*out.Stride + 4*(width-1-x)
			case 270:
				to = (width-1-x)*out.Stride + 4*y
			}
			from := rgb[3*(y*width+x):]
			out.Pix[to], out.Pix[to+1], out.Pix[to+2], out.Pix[to+3] = from[0], from[1], from[2], 255
		}
	}
	return out
}
