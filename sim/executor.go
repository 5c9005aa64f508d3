package sim

// Executor runs tasks. [Free] and [Controlled] implement it.
type Executor interface {
	// Go creates a task that runs fn. private becomes its [Task.Private].
	Go(name string, private any, fn func(t *Task)) *Task
	// Settle runs the tasks until each is asleep or has ended.
	Settle() error
}

var (
	_ Executor = (*Free)(nil)
	_ Executor = (*Controlled)(nil)
)
