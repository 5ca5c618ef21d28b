package mtu

import "time"

// Learned is what live connections have shown of the paths to a class. The zero value is that of a class nobody knows.
type Learned struct {
	MTU      uint16    // IP packet size in bytes that the paths pass, below the table's; 0: the table's holds
	Proven   uint16    // IP packet size in bytes that has been shown to pass: connections may start at it; 0: unproven
	Probing  bool      // the MTU was lowered, and the table's is being tried again
	Networks int       // client networks that the evidence comes from
	Samples  int       // pieces of evidence
	Since    time.Time // MTU, Proven and Probing are as they are
	RaiseAt  time.Time // when the table's MTU will be tried again; zero where nothing is lowered, or it is being tried
}
