package graph

import (
	"reflect"
	"unsafe"

	"gorgonia.org/gorgonia"
)

// machine is a tape machine of Gorgonia's that runs its tape on the caller's thread.
//
// Gorgonia's RunAll locks the caller to its thread and has another one run the tape. To wake that one takes up to 50 µs,
// many times what a time step of a small network does. Its method Run goes through the same instructions in the calling
// goroutine. But it takes them as a value of an unexported type, from an unexported field, so reflection has to fetch them.
type machine struct {
	gorgonia.VM
	run          reflect.Value // its method Run
	instructions []reflect.Value
}

// newMachine compiles the tape of a graph. If another version of Gorgonia has no such method or field, it is Gorgonia's
// machine as it is.
func newMachine(g *gorgonia.ExprGraph) gorgonia.VM {
	vm := gorgonia.NewTapeMachine(g)
	program, run := reflect.ValueOf(vm).MethodByName("Prog"), reflect.ValueOf(vm).MethodByName("Run")
	if !program.IsValid() || !run.IsValid() || run.Type().NumIn() != 1 {
		return vm
	}
	field := program.Call(nil)[0].Elem().FieldByName("instructions")
	if !field.IsValid() || field.Type() != run.Type().In(0) {
		return vm
	}
	instructions := reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
	return &machine{vm, run, []reflect.Value{instructions}}
}

// RunAll runs the tape.
func (m *machine) RunAll() error {
	err, _ := m.run.Call(m.instructions)[0].Interface().(error)
	return err
}
