package quicsrv

import (
	"fmt"
	"os"
	"strings"
)

// maxPEM bounds a certificate or key file in bytes: the longest real chains are under 20 KB.
const maxPEM = 1 << 20

// readPEM reads a file that must hold PEM. what names it in errors.
func readPEM(what, file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: %s", what, err, fileCure(err))
	}
	if !info.Mode().IsRegular() || info.Size() > maxPEM {
		return nil, fmt.Errorf("read %s %s: not a file of at most %d bytes: %s", what, file, maxPEM, fileCure(nil))
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w: %s", what, err, fileCure(err))
	}
	if !strings.Contains(string(pem), "-----BEGIN ") {
		return nil, fmt.Errorf("read %s %s: no PEM block in it: convert it with openssl x509 or openssl pkey, -inform der", what, file)
	}
	if cutOff(string(pem)) {
		return nil, fmt.Errorf("read %s %s: its last PEM block has no end: write the file under another name and rename it", what, file)
	}
	return pem, nil
}

// cutOff reports whether the last block has begun and not ended, as where a file is written while it is read. Go's parser ignores such a
// block: a chain would be served without its last certificates.
func cutOff(pem string) bool {
	const end = "-----END "
	last := strings.LastIndex(pem, end)
	if last < 0 {
		return true
	}
	_, rest, whole := strings.Cut(pem[last+len(end):], "-----")
	return !whole || strings.Contains(rest, "-----")
}

func pairCure(err error) string {
	if strings.Contains(err.Error(), "does not match") {
		return "give the key that this certificate was issued for"
	}
	return "the first file is the chain, server certificate first, the second its unencrypted private key, both PEM"
}
