package worker

// #include "netns.h"
import "C"

import "syscall"

// networkError says why this process is still in the network of the host; nil: it is not. It is known before main.
func networkError() error {
	if n := int(C.quicedge_netns_error()); n != 0 {
		return syscall.Errno(n)
	}
	return nil
}
