package calibrate

import (
	"os"
	"runtime"
	"strings"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/ort"
)

// Host describes this machine with the inference library lib, which may be the zero Library.
func Host(lib ort.Library) lab.Host {
	h := lab.Host{Cores: runtime.NumCPU(), Go: runtime.Version(), Name: "unknown", CPU: runtime.GOARCH, Kernel: runtime.GOOS}
	if name, err := os.Hostname(); err == nil && name != "" {
		h.Name = name
	}
	// On Linux; elsewhere the files are missing and the architecture and the system must do.
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				h.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		h.Kernel += " " + strings.TrimSpace(string(text))
	}
	if lib.Path != "" {
		h.Library = strings.TrimSpace("onnxruntime " + lib.Version + " (" + lib.Source + ", sha256 " + lib.SHA256[:min(12, len(lib.SHA256))] + ")")
	}
	return h
}
