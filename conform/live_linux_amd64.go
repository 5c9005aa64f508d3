package conform

import (
	"github.com/uffdsim/uffdsim/live"
	"github.com/uffdsim/uffdsim/scenario"
)

// Live is the running kernel as a target.
type Live struct{ kernel *live.Kernel }

// OpenLive opens the running kernel. The error says why userfaultfd cannot be used here,
// and what would permit it.
func OpenLive() (Target, error) {
	k, err := live.Open()
	if err != nil {
		return nil, err
	}
	return &Live{k}, nil
}

// New implements [Target].
func (l *Live) New() (Doer, error) {
	host, err := l.kernel.NewHost()
	if err != nil {
		return nil, err
	}
	return scenario.NewSessionOn(host, empty())
}

// Close implements [Target].
func (l *Live) Close() { l.kernel.Close() }
