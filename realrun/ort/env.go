//go:build cgo

package ort

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	binding "github.com/yalue/onnxruntime_go"
)

// env is the library that this process has open. ONNX Runtime allows one per
// process, and so does the binding, which keeps it in globals.
var env struct {
	mu    sync.Mutex
	open  bool
	lib   Library
	users int // sessions and slots that are not closed
}

var errNotOpen = errors.New("ort: no library is open: call Open first")

// Open loads the library into this process and starts its environment, with its
// own messages on stderr reduced to fatal ones. Opening the same library again
// does nothing; another one is refused until Close. The errors say whether the
// library is too old, lacks a system library, or is no ONNX Runtime at all.
func Open(lib Library) error {
	env.mu.Lock()
	defer env.mu.Unlock()
	if lib.Path == "" {
		return errors.New("ort: the library has no path: pass what Find returned")
	}
	if env.open && env.lib.Path == lib.Path {
		return nil
	}
	if env.open {
		return fmt.Errorf("ort: %s is open already and a process can hold one ONNX Runtime: close it before opening %s", env.lib.Path, lib.Path)
	}
	binding.SetSharedLibraryPath(lib.Path)
	if err := binding.InitializeEnvironment(binding.WithLogLevelFatal()); err != nil {
		return openError(lib, err)
	}
	env.open, env.lib = true, lib
	return nil
}

// missingLibrary matches the loader's complaint about a dependency.
var missingLibrary = regexp.MustCompile(`(\S+): cannot open shared object file`)

// openError makes one sentence of a failed start.
func openError(lib Library, err error) error {
	text := oneLine(err)
	if strings.Contains(text, "Error setting ORT API base: 2") {
		return fmt.Errorf("ort: the library %s is too old: ONNX Runtime %s or newer is needed; run `gmplab setup`, or name a newer file in %s", lib.Path, oldestRelease, EnvLibrary)
	}
	if strings.Contains(text, "OrtGetApiBase") {
		return fmt.Errorf("ort: the library %s is no ONNX Runtime (it lacks OrtGetApiBase): correct or unset %s", lib.Path, EnvLibrary)
	}
	if m := missingLibrary.FindStringSubmatch(text); m != nil && m[1] != lib.Path {
		return fmt.Errorf("ort: the library %s needs %s, which this machine lacks: install the system package that holds it", lib.Path, m[1])
	}
	if i := strings.LastIndex(text, lib.Path+`": `); i >= 0 {
		text = text[i+len(lib.Path)+3:]
	}
	return fmt.Errorf("ort: the library %s cannot be loaded (%s): run `gmplab setup`, or correct %s", lib.Path, strings.TrimPrefix(text, lib.Path+": "), EnvLibrary)
}

// oneLine joins the lines of an error of the C library.
func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

// Close ends the environment and unloads the library; Open may follow. It is
// refused while sessions or slots are open, and does nothing where no library is.
func Close() error {
	env.mu.Lock()
	defer env.mu.Unlock()
	if !env.open {
		return nil
	}
	if env.users > 0 {
		return fmt.Errorf("ort: %d sessions and slots are still open: close them before the library", env.users)
	}
	env.open = false
	if err := binding.DestroyEnvironment(); err != nil {
		return fmt.Errorf("ort: the library %s cannot be unloaded (%s): end the process", env.lib.Path, oneLine(err))
	}
	return nil
}

// Version returns the release of the open library, or "" where none is open.
func Version() string {
	env.mu.Lock()
	defer env.mu.Unlock()
	if !env.open {
		return ""
	}
	return binding.GetVersion()
}

// Providers returns the execution providers that the open library accepts: CPU
// always, and CUDA where the library was built for it and its provider library
// and driver load. The binding cannot list them, so CUDA is tried, which may
// load it into this process. Without an open library there are none.
func Providers() []string {
	env.mu.Lock()
	defer env.mu.Unlock()
	if !env.open {
		return nil
	}
	if tryCUDA() != nil {
		return []string{"CPU"}
	}
	return []string{"CPU", "CUDA"}
}

func tryCUDA() error {
	options, err := binding.NewSessionOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	cuda, err := binding.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer cuda.Destroy()
	return options.AppendExecutionProviderCUDA(cuda)
}

// retain counts a new session or slot, release its end. Close waits for none
// of them; it refuses while there are any.
func retain() error {
	env.mu.Lock()
	defer env.mu.Unlock()
	if !env.open {
		return errNotOpen
	}
	env.users++
	return nil
}

func release() {
	env.mu.Lock()
	defer env.mu.Unlock()
	env.users--
}
