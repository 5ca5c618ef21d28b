// Package motion makes the picture half way between two others. It is C, compiled with the worker: block matching in Go takes
// several times as long.
package motion

/*
#cgo CFLAGS: -O3 -std=c11 -Wall -Wextra
#include <stdlib.h>
#include "motion.h"

// Go may not hand C an array of pointers into its own memory: the planes come one by one.
static void blend(const motion *m, plane a0, plane a1, plane a2, plane b0, plane b1, plane b2,
		uint8_t *o0, uint8_t *o1, uint8_t *o2, int stride, int chroma_stride) {
	plane a[3] = {a0, a1, a2}, b[3] = {b0, b1, b2};
	uint8_t *out[3] = {o0, o1, o2};
	int strides[3] = {stride, chroma_stride, chroma_stride};
	motion_blend(m, a, b, out, strides);
}
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// Planes is a picture in planar 4:2:0 with 8 bits a sample: luma rows Stride bytes apart, chroma rows ChromaStride. Width and
// Height are even, and at least 16.
type Planes struct {
	Y, Cb, Cr            []byte
	Stride, ChromaStride int
	Width, Height        int
}

// Interpolator makes pictures between those of one stream. It is for one goroutine.
type Interpolator struct {
	m             *C.motion
	width, height int
}

// New returns an Interpolator for pictures of one size. Close frees it.
func New(width, height int) (*Interpolator, error) {
	if width < 16 || height < 16 || width%2 != 0 || height%2 != 0 {
		return nil, fmt.Errorf("interpolate pictures of %dx%d: want even sizes of 16 or more", width, height)
	}
	m := C.motion_new(C.int(width), C.int(height))
	if m == nil {
		return nil, fmt.Errorf("interpolate pictures of %dx%d: no memory", width, height)
	}
	return &Interpolator{m: m, width: width, height: height}, nil
}

// Close frees the memory of the Interpolator.
func (i *Interpolator) Close() { C.motion_free(i.m) }

// Advance takes the next picture in: it is the one after, and what was the one after is the one before.
func (i *Interpolator) Advance(p Planes) error {
	if err := i.check(p); err != nil {
		return err
	}
	C.motion_advance(i.m, (*C.uint8_t)(&p.Y[0]), C.int(p.Stride))
	return nil
}

// Between writes the picture half way from before to after, the two pictures that were taken in last, to out. It writes nothing and
// returns true where they are of two shots.
func (i *Interpolator) Between(before, after, out Planes) (cut bool, err error) {
	for _, p := range []*Planes{&before, &after, &out} {
		if err := i.check(*p); err != nil {
			return false, err
		}
	}
	a, b := luma(before), luma(after)
	if C.motion_estimate(i.m, a, b) != 0 {
		return true, nil
	}
	C.blend(i.m, a, chroma(before, before.Cb), chroma(before, before.Cr), b, chroma(after, after.Cb), chroma(after, after.Cr),
		pointer(out.Y), pointer(out.Cb), pointer(out.Cr), C.int(out.Stride), C.int(out.ChromaStride))
	return false, nil
}

// check holds a picture to what C relies on.
func (i *Interpolator) check(p Planes) error {
	switch {
	case p.Width != i.width || p.Height != i.height:
		return fmt.Errorf("interpolate pictures of %dx%d: one of %dx%d", i.width, i.height, p.Width, p.Height)
	case p.Stride < p.Width || p.ChromaStride < p.Width/2 || len(p.Y) < p.Stride*(p.Height-1)+p.Width,
		min(len(p.Cb), len(p.Cr)) < p.ChromaStride*(p.Height/2-1)+p.Width/2:
		return fmt.Errorf("interpolate pictures of %dx%d: a plane is too short", i.width, i.height)
	}
	return nil
}

func pointer(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }

func luma(p Planes) C.plane {
	return C.plane{data: pointer(p.Y), stride: C.int(p.Stride), w: C.int(p.Width), h: C.int(p.Height)}
}

func chroma(p Planes, plane []byte) C.plane {
	return C.plane{data: pointer(plane), stride: C.int(p.ChromaStride), w: C.int(p.Width / 2), h: C.int(p.Height / 2)}
}
