package sim

// Executor runs tasks. [Free] and [Controlled] are the two that there are.
type Executor interface {
	// Go starts a task. private becomes its Private.
	Go(name string, private any, fn func(t *Task)) *Task
	// Settle runs the tasks until each is asleep or has ended.
	Settle() error
}

var (
	_ Executor = (*Free)(nil)
	_ Executor = (*Controlled)(nil)
)
