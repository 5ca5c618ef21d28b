// Quicedge is an HTTP/3 edge node that knows each client's province and ISP.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), processEnv(), os.Args[1:]))
}
