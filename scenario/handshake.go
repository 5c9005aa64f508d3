package scenario

import (
	"strings"

	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// beforeHandshake reports whether the call uses a userfaultfd before its handshake, and
// is not the handshake itself. It returns false on hosts other than the model.
func (s *Session) beforeHandshake(c *call, op *Operation) bool {
	switch {
	case s.model == nil:
		return false
	case op.Name == "ioctl" && uint32(c.number(1)) == abi.UFFDIO_API:
		return false
	case op.Name != "ioctl" && op.Name != "read" && op.Name != "poll":
		return false
	}
	p, ok := c.process.Process.(*modelProcess)
	if !ok {
		return false
	}
	ctx := p.Ctx(c.fd(0))
	return ctx != nil && ctx.State() == uffd.StateWaitAPI
}

// refused reports whether the answer is an error.
func (a *answer) refused() bool {
	return strings.HasPrefix(a.text, "-1 ") || strings.HasPrefix(a.text, "POLLERR")
}
