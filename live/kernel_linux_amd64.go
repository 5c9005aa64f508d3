package live

import (
	"errors"
	"fmt"

	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"golang.org/x/sys/unix"
)

// Kernel runs scenarios on the running kernel, one after the other. Close it after use.
type Kernel struct {
	arena  *arena
	first  *task
	starts chan chan error // requests to make the first task
	ended  chan struct{}   // closed when no task is left
}

// Open prepares the running kernel for scenarios. The error says what is missing:
// userfaultfd, or the permission to use it.
func Open() (*Kernel, error) {
	device, err := permitted()
	if err != nil {
		return nil, err
	}
	a, err := newArena()
	if err != nil {
		return nil, err
	}
	a.device = device
	k := &Kernel{arena: a, starts: make(chan chan error), ended: make(chan struct{})}
	go k.run()
	if err := k.start(); err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// run makes the first task, as often as requested, until Close. It has a thread of its
// own: the kernel kills all tasks when the thread ends.
func (k *Kernel) run() {
	end := func() {
		if k.first != nil {
			k.first.kill()
			k.first.release()
		}
	}
	for done := range k.starts {
		end()
		var err error
		k.first, err = startFirst(k.arena)
		done <- err
	}
	end()
	k.arena.close()
	close(k.ended)
}

func (k *Kernel) start() error {
	done := make(chan error)
	k.starts <- done
	return <-done
}

// Close ends all tasks.
func (k *Kernel) Close() {
	close(k.starts)
	<-k.ended
}

// NewHost makes a process for a scenario.
func (k *Kernel) NewHost() (*Host, error) {
	keeper, err := k.first.spawn(shareNo)
	if errors.Is(err, scenario.ErrInterference) { // it was killed since the last scenario
		if err = k.start(); err == nil {
			keeper, err = k.first.spawn(shareNo)
		}
	}
	if err != nil {
		return nil, err
	}
	h := &Host{kernel: k, news: make(chan struct{}, 1)}
	h.addProcess(keeper, nil)
	return h, nil
}

// permitted returns whether userfaultfds must be made by the device, because the system
// call is not permitted. The error says what is missing, and how to change that.
func permitted() (device bool, err error) {
	fd, _, no := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	switch no {
	case 0:
		_ = unix.Close(int(fd))
		return false, nil
	case unix.EPERM:
		file, err := unix.Open(abi.Device, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return false, fmt.Errorf("userfaultfd: %w; %s", no, abi.Remedies)
		}
		_ = unix.Close(file)
		return true, nil
	case unix.ENOSYS:
		return false, errors.New("userfaultfd: this kernel was built without it (CONFIG_USERFAULTFD)")
	}
	return false, fmt.Errorf("userfaultfd: %w", no)
}
