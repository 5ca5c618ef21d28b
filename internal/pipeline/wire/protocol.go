// Package wire is the framed protocol between the node and a quicedge-video worker.
//
// The two ends share one AF_UNIX SOCK_STREAM socket, which the worker finds as file descriptor 3, and carry
// compressed bytes only. A frame is
//
//	 0      1          5                 5+N
//	+------+----------+-----------------+
//	| type | length N | payload, N bytes|
//	| u8   | u32, BE  |                 |
//	+------+----------+-----------------+
//
// One job at a time:
//
//	worker                     node
//	  | Hello  ------------->    |   once
//	  |    <-- Model, Data*, End |   a model, between jobs
//	  | Loaded or Fail  ---->    |
//	  |    <-------------  Job   |
//	  | Progress  ---------->    |   the job is taken: the body may come
//	  |    <-------------  Data* |   the body, while it comes in
//	  | Data*, Progress*,        |   the answer, while it is made
//	  |   Verdict*       --->    |
//	  |    <-------------  End   |   the body is complete, or no longer wanted
//	  | Done or Fail ------->    |   exactly one, before or after End
//
// Data flows both ways at once and each end reads at its own pace, so a slow receiver holds the sender back through
// the socket's buffer. A worker that answers before End discards what still comes until End, then waits for the next
// Job. The end of the stream is the end of the worker.
package wire

// Version is what both ends must agree on; it is part of Hello.
const Version = 3

// FD is where a worker finds the socket, SpoolFD and MadeFD the unlinked files it may use for bodies and for videos that need
// seeking.
const (
	FD      = 3
	SpoolFD = 4
	MadeFD  = 5
)

// ExitCPUTime is the exit status of a worker that has used up the CPU time of its job.
const ExitCPUTime = 3

// MaxPayload is the largest payload of a frame, in bytes. 64 KiB is a third of the default socket buffer: large
// enough that frames cost nothing, small enough that a frame never waits for the receiver half way.
const MaxPayload = 64 << 10

// Type says what a frame carries.
type Type uint8

// The types of frames. The payloads of Data and End are bytes of the body and nothing, those of the others are JSON.
const (
	TypeHello Type = iota + 1
	TypeJob
	TypeData
	TypeEnd
	TypeProgress
	TypeDone
	TypeFail
	TypeModel
	TypeLoaded
	TypeVerdict
)

// String returns the name of the type, for messages.
func (t Type) String() string {
	names := [...]string{"none", "hello", "job", "data", "end", "progress", "done", "fail", "model", "loaded", "verdict"}
	if int(t) < len(names) {
		return names[t]
	}
	return "unknown"
}
