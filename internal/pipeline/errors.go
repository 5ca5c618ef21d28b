package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// The errors of a Pool that a caller tells apart with errors.Is.
var (
	// ErrUnknownPipeline: no pipeline has that name (HTTP 404, or 400 in a JSON request).
	ErrUnknownPipeline = errors.New("unknown pipeline")
	// ErrBusy: all workers are taken and the queue is full, or no worker came free in time (503, try again).
	ErrBusy = errors.New("all video workers are busy")
	// ErrWorkerDied: the worker of this job ended before the job did (502). Only this job is lost.
	ErrWorkerDied = errors.New("the video worker died")
	// ErrClosed: the pool is draining or closed (503).
	ErrClosed = errors.New("the video pool is closed")
	// ErrTimeout: the job took longer than Config.JobTimeout or more CPU time than Config.CPUTime, or nothing moved for
	// Config.StallTimeout (504).
	ErrTimeout = errors.New("the video job took too long")
	// ErrTooLarge: the body is over Config.MaxInput (413).
	ErrTooLarge = errors.New("the video is too large")
	// ErrNoRoom: the disk is full on which a body with its index last, or an MP4 answer, is kept (507). It is ENOSPC.
	ErrNoRoom = fmt.Errorf("the node has no room for the video: %w", syscall.ENOSPC)
	// errStalled is ErrTimeout of a job in which nothing moves; its reason in the metrics is its own.
	errStalled = fmt.Errorf("%w: it stands still", ErrTimeout)
	// errNotTaken: a worker did not take the job it was given. Nothing of the body is lost: another one gets the job.
	errNotTaken = errors.New("the worker took no job")
)

// BusyError says how many jobs wait, and when one more could probably begin: the running ones' progress and the usual time of
// a job tell. It is ErrBusy.
type BusyError struct {
	Waiting    int
	RetryAfter time.Duration
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("%v and %d jobs wait; try again in %s or raise the number of workers", ErrBusy, e.Waiting, e.RetryAfter)
}

// Unwrap makes errors.Is(err, ErrBusy) true.
func (e *BusyError) Unwrap() error { return ErrBusy }

// UnknownPipelineError names the pipeline that does not exist and those that do. It is ErrUnknownPipeline.
type UnknownPipelineError struct {
	Name  string
	Known []string
}

func (e *UnknownPipelineError) Error() string {
	return fmt.Sprintf("unknown pipeline %q: use one of %s", e.Name, strings.Join(e.Known, ", "))
}

// Unwrap makes errors.Is(err, ErrUnknownPipeline) true.
func (e *UnknownPipelineError) Unwrap() error { return ErrUnknownPipeline }

// InvalidError says which field of a request is wrong, what it held and what it may hold (HTTP 400).
type InvalidError struct {
	Field, Value, Reason string
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s %s: %s", e.Field, e.Value, e.Reason)
}

// Is lets a wrong pipeline name be found as ErrUnknownPipeline too.
func (e *InvalidError) Is(target error) bool {
	return target == ErrUnknownPipeline && e.Field == "pipeline"
}

// MediaError says that the body is not a video the pipeline can process: no video at all, truncated, corrupt or of a
// codec that is not supported (HTTP 422). Stage is where it was found: input, probe, demux, decode, filter, encode or
// mux. Reason is for a person and ends with what to do.
type MediaError struct {
	Stage, Reason string
}

func (e *MediaError) Error() string { return e.Stage + ": " + e.Reason }
