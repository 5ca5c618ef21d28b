// Package pipeline runs videos through named filters in worker processes of their own.
//
// The node hands a Pool a body and gets the processed video back while the body is still coming in. Codecs and models
// live in the workers (cmd/quicedge-video), so that a crash in C costs one stream and nothing else. The package itself
// is plain Go.
package pipeline
