//go:build !linux || !amd64

package conform

import "errors"

// OpenLive opens the running kernel. The error says why userfaultfd cannot be used here.
func OpenLive() (Target, error) {
	return nil, errors.New("the running kernel can be asked on linux/amd64 only")
}
