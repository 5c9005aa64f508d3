//go:build !linux || !amd64

package conform

import "errors"

// OpenLive returns an error: only tasks on linux/amd64 can be compared.
func OpenLive() (Target, error) {
	return nil, errors.New("only a kernel of linux/amd64 can be compared with the model")
}
